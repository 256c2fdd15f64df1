// What a comparator makes of two values.
#pragma once

#include <cmath>
#include <limits>

namespace cairn::util {

// That is never the larger one.
constexpr float kSmallest = -std::numeric_limits<float>::infinity();

// IEEE 754 maximum: a NaN wins, and +0 over -0. So the largest of many is the same in whatever order they meet.
inline float larger(float a, float b) {
  if (a > b) return a;
  if (b > a) return b;
  if (a == b) return std::signbit(a) ? b : a;
  return a + b;
}

}  // namespace cairn::util
