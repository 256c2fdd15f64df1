#include "engine/limited_sums.h"

#include <algorithm>

namespace cairn::engine {
namespace {

using Lines = std::array<float, kBlock>;

class Block {
 public:
  Block(const mapping::FilterOrder& order, const float* inputs) : order_(order), inputs_(inputs) {
    made_.sums.fill(0);
    made_.length.fill(static_cast<std::int32_t>(order.size()));
  }

  LimitedSums run(bool limited) {
    if (!limited) {
      add(sums_, 0, order_.size());
    } else {
      if (order_.prefix > 0 && order_.prefix < order_.size()) predict();
      rise_and_sink();
    }
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (!left_[i]) made_.sums[i] = sums_[i];
    }
    return made_;
  }

 private:
  void add(Lines& sums, std::int64_t first, std::int64_t end) const {
    Lines local = sums;
    for (std::int64_t k = first; k < end; ++k) {
      const float weight = order_.weights[static_cast<std::size_t>(k)];
      const float* line = inputs_ + order_.index[static_cast<std::size_t>(k)] * kBlock;
      for (std::size_t i = 0; i < kBlock; ++i) local[i] += line[i] * weight;
    }
    sums = local;
  }

  void leave(std::size_t i, float sum, std::int64_t length) {
    left_[i] = true;
    ++count_left_;
    made_.sums[i] = std::min(sum, order_.check.level);
    made_.length[i] = static_cast<std::int32_t>(length);
  }

  void predict() {
    add(sums_, 0, order_.prefix);
    done_ = order_.prefix;
    const float limit = order_.limit(done_ - 1);
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (sums_[i] < limit) leave(i, sums_[i], done_);
    }
  }

  // Where a sum can only sink it is enough to look at it now and then, and again at those steps in which it went below.
  void rise_and_sink() {
    constexpr std::int64_t kSteps = 16;
    const std::int64_t risen = std::max(order_.sinking - 1, done_);
    add(sums_, done_, risen);
    const float level = order_.check.level;
    for (std::int64_t k = risen; k < order_.size() && count_left_ < kBlock; k += kSteps) {
      const std::int64_t end = std::min(k + kSteps, order_.size());
      const Lines before = sums_;
      add(sums_, k, end);
      for (std::size_t i = 0; i < kBlock; ++i) {
        if (sums_[i] < level && !left_[i]) find(i, before[i], k, end);
      }
    }
  }

  // The last product ends a sum; there is nothing left to leave.
  void find(std::size_t i, float sum, std::int64_t first, std::int64_t end) {
    for (std::int64_t k = first; k < std::min(end, order_.size() - 1); ++k) {
      sum += inputs_[order_.index[static_cast<std::size_t>(k)] * kBlock + static_cast<std::int64_t>(i)] *
             order_.weights[static_cast<std::size_t>(k)];
      if (sum < order_.check.level) return leave(i, sum, k + 1);
    }
  }

  const mapping::FilterOrder& order_;
  const float* inputs_;
  Lines sums_{};
  LimitedSums made_{};
  std::array<bool, kBlock> left_{};
  std::int64_t count_left_ = 0;
  std::int64_t done_ = 0;  // products
};

}  // namespace

LimitedSums limited_sums(const mapping::FilterOrder& order, const float* inputs, bool limited) {
  return Block(order, inputs).run(limited);
}

}  // namespace cairn::engine
