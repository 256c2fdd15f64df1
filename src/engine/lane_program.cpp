#include "engine/lane_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/limited_sums.h"
#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A sum that only sinks needs inputs that are not negative.
void expect_no_negative(const Operation& operation, const workload::MatrixView& a) {
  const auto check = [](float word) {
    if (word >= 0 && word < kInfinity) return;
    throw Error(Code::operand_mismatch, "rectified",
                fmt::format("an input is {}, but sums are left early only where none is negative or infinite", word),
                "run the layer without `rectified`, or behind a rectifier");
  };
  if (const Conv* conv = std::get_if<Conv>(&operation)) {
    Count words = conv->sizes().batch * conv->sizes().channels;
    for (const std::int64_t size : conv->sizes().input) words *= size;
    std::for_each_n(a.data, words, check);
    return;
  }
  const Gemm::Sizes& s = std::get<Gemm>(operation).sizes();
  for (Count batch = 0; batch < s.batch; ++batch) {
    for (Count row = 0; row < s.m; ++row) {
      for (Count k = 0; k < s.k; ++k) check(a.at(batch, row, k));
    }
  }
}

}  // namespace

LaneProgram::LaneProgram(const arch::LaneArray& array, int lanes, const Operation& operation, const Operands& operands,
                         Progress progress)
    : array_(array),
      lanes_(lanes),
      operation_(operation),
      sizes_(lowered(operation).sizes()),
      operands_(operands),
      progress_(std::move(progress)),
      inputs_(operation, operands),
      checked_(array.checks && operands.rectified && operands.present()),
      lane_(static_cast<std::size_t>(lanes)) {
  if (checked_) expect_no_negative(operation, operands.a);
}

fabric::Round LaneProgram::at(Count) const {
  const Count outputs = filters() * windows();
  const fabric::Extent used{1, static_cast<int>(std::min<Count>(lanes_, outputs))};
  fabric::Round round{.steps = sizes_.k, .used = used, .valid = used};
  round.results = round.outputs = round.awaited = outputs;
  return round;
}

// Of a filter over all groups.
Count LaneProgram::filter_number(Count filter) const {
  return std::holds_alternative<Conv>(operation_) ? filter : filter % sizes_.n;
}

mapping::FilterOrder LaneProgram::order_of(Count filter) const {
  std::vector<float> weights(static_cast<std::size_t>(sizes_.k));
  for (Count k = 0; k < sizes_.k; ++k)
    weights[static_cast<std::size_t>(k)] = operands_.b.at(filter / sizes_.n, k, filter % sizes_.n);
  if (!checked_) return mapping::unordered(weights);
  const auto word = [&](const std::vector<float>& words, float none) {
    return words.empty() ? none : words[static_cast<std::size_t>(filter_number(filter))];
  };
  const mapping::SignCheck check =
      mapping::sign_check(word(operands_.rectified->scale, 1), word(operands_.rectified->shift, 0), array_.threshold);
  return mapping::ordered(weights, {array_.prefix, array_.largest_first}, check);
}

float* LaneProgram::place(Count filter, Count window) const {
  return operands_.output + inputs_.output_index(filter / sizes_.n, window, filter % sizes_.n);
}

void LaneProgram::load(Count filter) {
  if (progress_) progress_(filter, filters());
  if (!operands_.present()) return;
  loaded_.erase(filter - array_.held);
  loaded_.emplace(filter, order_of(filter));
}

void LaneProgram::take(Count output, int number) {
  Lane& lane = lane_[static_cast<std::size_t>(number)];
  lane.filter = output / windows();
  lane.window = output % windows();
  lane.outputs.push_back(output);
  if (!operands_.present()) return;
  lane.inputs.resize(static_cast<std::size_t>(sizes_.k));
  inputs_.gather(lane.filter / sizes_.n, lane.window, lane.inputs.data(), 1);
}

fabric::Sums::Term LaneProgram::term(int number, Count k) const {
  const Lane& lane = lane_[static_cast<std::size_t>(number)];
  const bool last = k + 1 == sizes_.k;
  const Count shape = inputs_.shape(lane.window);
  if (!operands_.present()) return {{}, inputs_.padding(shape, k), {k == 0, last, -kInfinity, kInfinity, 0}};
  const mapping::FilterOrder& order = loaded_.at(lane.filter);
  const auto i = static_cast<std::size_t>(k);
  const float sign = order.check.sign;
  const float limit = order.limit(k);
  const float low = sign > 0 ? limit : -kInfinity;
  const float high = sign > 0 ? kInfinity : -limit;
  return {{lane.inputs[static_cast<std::size_t>(order.index[i])], order.weights[i] * sign},
          inputs_.padding(shape, order.index[i]),
          {k == 0, last, low, high, order.check.level * sign}};
}

fabric::Stored LaneProgram::store(Count, int number, float value) {
  Lane& lane = lane_[static_cast<std::size_t>(number)];
  const Count output = lane.outputs.front();
  lane.outputs.pop_front();
  if (operands_.present()) *place(output / windows(), output % windows()) = value;
  return fabric::Stored::written;
}

// Windows in blocks, and so many filters for each block as stay in a cache.
template <class Visit>
void LaneProgram::each_block(bool limited, Visit visit) const {
  const Count at_once = std::max<Count>(1, (Count{1} << 22) / sizes_.k);
  std::vector<float> inputs(static_cast<std::size_t>(sizes_.k * kBlock));
  std::vector<mapping::FilterOrder> orders;
  for (Count first = 0; first < filters(); first += std::ssize(orders)) {
    const Count batch = first / sizes_.n;
    const Count end = std::min({first + at_once, (batch + 1) * sizes_.n});
    orders.clear();
    for (Count filter = first; filter < end; ++filter) orders.push_back(order_of(filter));
    for (Count window = 0; window < windows(); window += kBlock) {
      if (progress_) progress_(first * windows() + window * (end - first), filters() * windows());
      const Count count = std::min(kBlock, windows() - window);
      for (Count i = 0; i < count; ++i) inputs_.gather(batch, window + i, inputs.data() + i, kBlock);
      for (Count filter = first; filter < end; ++filter) {
        const mapping::FilterOrder& order = orders[static_cast<std::size_t>(filter - first)];
        visit(filter, window, count, order, limited_sums(order, inputs.data(), limited));
      }
    }
  }
}

void LaneProgram::compute() {
  lengths_.resize(static_cast<std::size_t>(filters() * windows()));
  each_block(true,
             [&](Count filter, Count window, Count count, const mapping::FilterOrder& order, const LimitedSums& made) {
               std::copy_n(made.length.begin(), count, lengths_.begin() + filter * windows() + window);
               for (Count i = 0; i < count; ++i)
                 *place(filter, window + i) = made.sums[static_cast<std::size_t>(i)] * order.check.sign;
             });
}

LayerResult::EarlyStop::Loss LaneProgram::loss() const {
  LayerResult::EarlyStop::Loss loss;
  double errors = 0;
  const std::vector<float>& scales = operands_.rectified->scale;
  const std::vector<float>& shifts = operands_.rectified->shift;
  each_block(false,
             [&](Count filter, Count window, Count count, const mapping::FilterOrder& order, const LimitedSums& made) {
               const auto number = static_cast<std::size_t>(filter_number(filter));
               const float scale = scales.empty() ? 1.0F : scales[number];
               const float shift = shifts.empty() ? 0.0F : shifts[number];
               const auto rectify = [&](float sum) { return std::max(0.0F, scale * sum + shift); };
               for (Count i = 0; i < count; ++i) {
                 const float is = rectify(*place(filter, window + i));
                 const float truth = rectify(made.sums[static_cast<std::size_t>(i)] * order.check.sign);
                 if (is == 0 && truth > 0) ++loss.wrong_zeros;
                 const double error = std::abs(static_cast<double>(truth) - static_cast<double>(is));
                 loss.largest_error = std::max(loss.largest_error, error);
                 errors += error;
               }
             });
  loss.mean_error = errors / static_cast<double>(filters() * windows());
  return loss;
}

// Windows of one shape have as many words of padding among the first terms of a filter.
Count LaneProgram::padding(Count more) const {
  if (inputs_.padding() == 0) return 0;
  if (lengths_.empty()) return inputs_.padding() * filters();
  std::vector<std::pair<Count, Count>> edges;  // shape, window
  for (Count window = 0; window < windows(); ++window) edges.emplace_back(inputs_.shape(window), window);
  std::ranges::sort(edges);
  std::vector<Count> among(static_cast<std::size_t>(sizes_.k) + 1);
  Count total = 0;
  for (Count filter = 0; filter < filters(); ++filter) {
    const mapping::FilterOrder order = order_of(filter);
    Count shape = -1;
    for (const auto& [of, window] : edges) {
      if (of != shape) {
        shape = of;
        for (std::size_t k = 0; k < order.index.size(); ++k)
          among[k + 1] = among[k] + (inputs_.padding(shape, order.index[k]) ? 1 : 0);
      }
      total += among[static_cast<std::size_t>(std::min(length(filter * windows() + window) + more, sizes_.k))];
    }
  }
  return total;
}

}  // namespace cairn::engine
