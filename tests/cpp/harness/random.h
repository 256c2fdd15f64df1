// SplitMix64: the seeded generator of operands, the same stream on every machine (golden/ uses it too).
#pragma once

#include <cstdint>

namespace cairn::testing {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

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

 private:
  std::uint64_t state_;
};

}  // namespace cairn::testing
