// What tests draw from the library's seeded generator, the same on every machine (golden/ uses it too).
#pragma once

#include <cstdint>

#include "util/random.h"

namespace cairn::testing {

class SplitMix64 : public util::SplitMix64 {
 public:
  using util::SplitMix64::SplitMix64;

  // An operand: non-zero with probability `density`, then a small integer 1..8, so that every order of summation is
  // exact.
  float operand(double density = 1.0) {
    const std::uint64_t r = next();
    return static_cast<double>(r >> 11U) * 0x1p-53 < density ? static_cast<float>(1 + (r & 7U)) : 0.0F;
  }

  // A whole number, both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

  // True one time in `n`.
  bool one_in(std::int64_t n) { return between(1, n) == 1; }
};

}  // namespace cairn::testing
