#include "mapping/schedule.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "util/random.h"
#include "util/units.h"

namespace cairn::mapping {
namespace {

using Vectors = std::vector<std::int64_t>;

std::size_t index(std::int64_t at) { return static_cast<std::size_t>(at); }

Vectors in_order(std::size_t count) {
  Vectors order(count);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Fisher and Yates.
Vectors shuffled(std::size_t count, std::uint64_t seed) {
  util::SplitMix64 random(seed);
  Vectors order = in_order(count);
  for (std::size_t last = count; last > 1; --last) std::swap(order[last - 1], order[random.next() % last]);
  return order;
}

// The vectors still to be placed, by position in an order that is changed by swaps alone. The reference searches all of
// them for each; here those of a size are kept together.
class Waiting {
 public:
  explicit Waiting(const Vectors& sizes) : sizes_(sizes), order_(in_order(sizes.size())) {
    for (std::size_t at = 0; at < sizes.size(); ++at) positions_[sizes[at]].insert(at);
  }

  std::size_t count() const { return order_.size() - front_; }
  std::int64_t size_at(std::size_t position) const { return sizes_[index(order_[position])]; }

  // The position of the largest that takes at most `room`, of equals the first; beyond the last if there is none.
  std::size_t largest(std::int64_t room) const {
    const auto above = positions_.upper_bound(room);
    return above == positions_.begin() ? order_.size() : *std::prev(above)->second.begin();
  }

  // Places the vector at a position: it changes places with the first of those that wait.
  void place(std::size_t position) {
    forget(position);
    if (position != front_) {
      forget(front_);
      positions_[size_at(front_)].insert(position);
      std::swap(order_[position], order_[front_]);
    }
    ++front_;
  }

  Vectors order() && { return std::move(order_); }

 private:
  void forget(std::size_t position) {
    const auto found = positions_.find(size_at(position));
    found->second.erase(position);
    if (found->second.empty()) positions_.erase(found);
  }

  const Vectors& sizes_;
  Vectors order_;
  std::size_t front_ = 0;
  std::map<std::int64_t, std::set<std::size_t>> positions_;
};

Vectors largest_first(const Vectors& sizes, std::int64_t multipliers) {
  Waiting waiting(sizes);
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    if (waiting.size_at(at) > multipliers) waiting.place(at);
  }
  std::int64_t room = multipliers;
  while (waiting.count() > 0) {
    const std::size_t at = waiting.largest(room);
    if (at == sizes.size()) {
      room = multipliers;
      continue;
    }
    room -= waiting.size_at(at);
    waiting.place(at);
  }
  return std::move(waiting).order();
}

// Vectors that are left, the largest first; of a size the last first, so that the first is at the end.
using Left = std::map<std::int64_t, Vectors, std::greater<>>;

// Which of the sizes that are left add up to as much of some room as possible: sums that can be reached are bits, and
// a further vector shifts them. Large vectors are tried first, and small ones kept for later folds.
class SubsetSum {
 public:
  // At most `work` words of bits are touched: what is found by then counts.
  Vectors best(const Left& left, std::int64_t room, std::int64_t work) {
    const std::int64_t words = room / kBits + 1;
    if (words > work || room > kLargestRoom) return {};
    reached_.assign(index(words), 0);
    reached_[0] = 1;
    if (last_.size() <= index(room)) last_.resize(index(room) + 1);
    best_ = 0;
    for (auto each = left.lower_bound(room); each != left.end() && each->first > 0; ++each) {
      const auto copies = std::min(static_cast<std::int64_t>(each->second.size()), room / each->first);
      for (std::int64_t copy = 0; copy < copies; ++copy) {
        work -= words;
        if (!add(each->first, room) || best_ == room || work < words) break;
      }
      if (best_ == room || work < words) break;
    }
    Vectors sizes;
    for (std::int64_t sum = best_; sum > 0; sum -= last_[index(sum)]) sizes.push_back(last_[index(sum)]);
    return sizes;
  }

 private:
  static constexpr std::int64_t kBits = 64;
  static constexpr std::int64_t kLargestRoom = 1 << 20U;

  // Adds one vector; whether it makes a new sum.
  bool add(std::int64_t size, std::int64_t room) {
    const std::size_t words = index(size / kBits);
    const auto bits = static_cast<unsigned>(size % kBits);
    bool grown = false;
    for (std::size_t to = reached_.size(); to-- > words;) {
      const std::size_t from = to - words;
      std::uint64_t fresh = reached_[from] << bits;
      if (bits > 0 && from > 0) fresh |= reached_[from - 1] >> (kBits - bits);
      fresh &= ~reached_[to];
      reached_[to] |= fresh;
      for (; fresh != 0; fresh &= fresh - 1) {
        const std::int64_t sum = static_cast<std::int64_t>(to) * kBits + std::countr_zero(fresh);
        if (sum > room) break;
        last_[index(sum)] = size;
        best_ = std::max(best_, sum);
        grown = true;
      }
    }
    return grown;
  }

  std::vector<std::uint64_t> reached_;
  Vectors last_;  // of each sum that is reached, the size that made it first: the rest was reached by vectors before
  std::int64_t best_ = 0;
};

// Word operations of all subset sums together: a few hundredths of a second. What it does not reach is filled greedily.
constexpr std::int64_t kWork = std::int64_t{1} << 25U;

Vectors fullest_folds(const Vectors& sizes, std::int64_t multipliers, std::int64_t folds) {
  Vectors order;
  Left left;
  for (std::size_t vector = sizes.size(); vector-- > 0;) {
    if (sizes[vector] <= multipliers) left[sizes[vector]].push_back(static_cast<std::int64_t>(vector));
  }
  for (std::size_t vector = 0; vector < sizes.size(); ++vector) {
    if (sizes[vector] > multipliers) order.push_back(static_cast<std::int64_t>(vector));
  }
  std::int64_t room = multipliers;
  const auto take = [&](Left::iterator from) {
    order.push_back(from->second.back());
    room -= from->first;
    from->second.pop_back();
    if (from->second.empty()) left.erase(from);
  };
  SubsetSum sums;
  while (!left.empty()) {
    room = multipliers;
    take(left.begin());
    for (const std::int64_t size : sums.best(left, room, kWork / std::max(folds, std::int64_t{1}))) {
      take(left.find(size));
    }
    // Vectors without non-zeros, and what a search that was cut short left.
    for (auto fits = left.lower_bound(room); fits != left.end(); fits = left.lower_bound(room)) take(fits);
  }
  return order;
}

Vectors fullest(const Vectors& sizes, std::int64_t multipliers) {
  Vectors plain = largest_first(sizes, multipliers);
  const std::int64_t folds = pack(plain, sizes, multipliers).folds;
  Vectors filled = fullest_folds(sizes, multipliers, folds);
  return pack(filled, sizes, multipliers).folds <= folds ? filled : plain;
}

}  // namespace

Vectors schedule(Schedule policy, const Vectors& sizes, std::int64_t multipliers, std::uint64_t seed) {
  switch (policy) {
    case Schedule::random: return shuffled(sizes.size(), seed);
    case Schedule::largest: return largest_first(sizes, multipliers);
    case Schedule::fullest: return fullest(sizes, multipliers);
    case Schedule::none: break;
  }
  return in_order(sizes.size());
}

double Packing::filled(std::int64_t multipliers) const {
  return folds == 0 ? 0 : static_cast<double>(occupied) / static_cast<double>(folds) / static_cast<double>(multipliers);
}

Packing pack(const Vectors& order, const Vectors& sizes, std::int64_t multipliers) {
  Packing packing;
  std::int64_t room = -1;  // of the fold before; nothing fits one that does not exist
  for (const std::int64_t vector : order) {
    const std::int64_t size = sizes[index(vector)];
    packing.occupied += size;
    if (size > multipliers) {
      packing.folds += 1 + util::ceil_div(size - multipliers, std::max(multipliers - 1, std::int64_t{1}));
      room = -1;
    } else if (size <= room) {
      room -= size;
    } else {
      ++packing.folds;
      room = multipliers - size;
    }
  }
  return packing;
}

}  // namespace cairn::mapping
