// The units that every layer counts in, and arithmetic on them that refuses to overflow.
#pragma once

#include <cstdint>
#include <optional>

namespace cairn {

using Cycle = std::int64_t;  // a moment or a duration, in clock cycles; a run's first cycle is 1
using Count = std::int64_t;  // how often something happened; 63 bits, never wraps (see checked_multiply)

namespace util {

inline std::optional<std::int64_t> checked_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace util
}  // namespace cairn
