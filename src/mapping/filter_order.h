// The pre-pass of a machine that checks signs (paper, use case 2; SnaPEA, ISCA 2018): the order in which a lane takes
// the weights of a filter, so that a sum of products with inputs that are not negative rises first and then only sinks.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace cairn::mapping {

// When the sum of a filter may be left: below which limit the rectifier makes 0 of it.
struct SignCheck {
  float sign = 1;  // of the scale: weights times this are what is ordered and added up
  // A sum in which only negative weights are left is left below this.
  float level = -std::numeric_limits<float>::infinity();
  // A sum of the prefix is left below this.
  float predicted = -std::numeric_limits<float>::infinity();
};

// max(0, scale * y + shift) is 0 for each y * sign below the level. `threshold`: what scale * y + shift is predicted to
// be 0 below.
SignCheck sign_check(float scale, float shift, double threshold);

struct FilterOrder {
  std::vector<std::int32_t> index;  // the index table: which weight of the filter is the k-th
  std::vector<float> weights;       // in that order, times the sign
  std::int64_t prefix = 0;          // in front: the largest ones, whose sum predicts
  std::int64_t sinking = 0;         // after so many the sum can only sink
  SignCheck check{};

  std::int64_t size() const { return static_cast<std::int64_t>(index.size()); }
  // What the sum after k + 1 products must not be below.
  float limit(std::int64_t k) const;
};

struct Ordering {
  std::int64_t prefix = 0;  // weights
  bool largest_first = false;
};

// The prefix, then what is positive, then what is negative, then zeros; in each part as they lie in the filter, or
// those that are negative from the largest on. A filter with weights that are no finite numbers is not checked.
FilterOrder ordered(std::span<const float> weights, const Ordering& ordering, const SignCheck& check);
// As they lie in the filter, without a check.
FilterOrder unordered(std::span<const float> weights);

}  // namespace cairn::mapping
