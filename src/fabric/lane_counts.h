// How many events each lane has had, up to a number at which it starts anew. Where 64 neighbours that are in use all
// have one together, that is one addition.
#pragma once

#include <limits>
#include <vector>

#include "kernel/channel.h"

namespace cairn::fabric {

class LaneCounts {
 public:
  explicit LaneCounts(int lanes)
      : in_use_(lanes),
        alone_(static_cast<std::size_t>(lanes)),
        together_(in_use_.words().size()),
        due_(together_.size()) {}

  // All lanes are at 0. `in_use` have events at all, `wanted` each.
  void reset(const kernel::LaneSet& in_use, Count wanted) {
    in_use_ = in_use;
    wanted_ = wanted;
    std::ranges::fill(alone_, 0);
    std::ranges::fill(together_, 0);
    std::ranges::fill(due_, wanted);
  }

  // One for each of 64 lanes that the bits tell, some at least. Returns which of them have had all.
  std::uint64_t count(std::size_t word, std::uint64_t lanes) {
    if (lanes == in_use_.words()[word]) {
      ++together_[word];
    } else {
      kernel::for_each_bit(word, lanes, [&](std::size_t i) { ++alone_[i]; });
    }
    return --due_[word] > 0 ? 0 : complete(word);
  }

  Count of(std::size_t lane) const { return alone_[lane] + together_[lane / 64]; }

 private:
  // `due_` counts down the earliest call in which one of 64 lanes can be complete, so they are looked at only then.
  std::uint64_t complete(std::size_t word) {
    std::uint64_t done = 0;
    Count furthest = 0;
    kernel::for_each_bit(word, in_use_.words()[word], [&](std::size_t i) {
      if (of(i) == wanted_) {
        alone_[i] = -together_[word];
        done |= std::uint64_t{1} << i % 64;
      }
      furthest = std::max(furthest, of(i));
    });
    due_[word] = wanted_ - furthest;
    return done;
  }

  kernel::LaneSet in_use_;
  Count wanted_ = 0;
  std::vector<Count> alone_;
  std::vector<Count> together_;
  std::vector<Count> due_;
};

}  // namespace cairn::fabric
