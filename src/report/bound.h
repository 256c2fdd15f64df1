// What bounds a layer, from where its cycles went and what it counted. Pure.
#pragma once

#include <array>
#include <string>

#include "cairn/result.h"

namespace cairn::report {

// For how many cycles each of these alone keeps a layer: multiplying, sending operands, carrying results, storing them,
// each by the units that take part; and the begin and the end of its rounds, in which the multipliers wait.
constexpr std::array<const char*, 5> kBounds{"compute", "distribution", "collection", "writeback", "drain"};
using Bound = std::array<std::int64_t, kBounds.size()>;

Bound bound(const LayerResult& layer);
// The name of the largest; of equal ones the first.
std::string bound_by(const Bound& bound);

// Of a layer or of several.
struct Roofline {
  double intensity = 0;        // useful products per word read from or written to the global buffer
  double performance = 0;      // useful products a cycle
  std::int64_t peak = 0;       // multipliers
  std::int64_t bandwidth = 0;  // words a cycle that the read ports and the write ports can move
};
struct Work {
  std::int64_t products = 0;  // useful ones
  std::int64_t words = 0;
  std::int64_t cycles = 0;
};
// Multiplications, or the values that max-pooling passes on.
std::int64_t useful(const LayerResult& layer);
// Of two non-zeros where the machine leaves zeros out.
Work work(const LayerResult& layer);
Roofline roofline(const Work& work, const LayerResult& machine);

}  // namespace cairn::report
