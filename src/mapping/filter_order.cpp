#include "mapping/filter_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cairn::mapping {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// The parts behind the prefix.
int part_of(float weight) { return weight > 0 ? 0 : weight < 0 ? 1 : 2; }

}  // namespace

// The margin keeps what is left below 0 whatever the rounding of the scale and the shift.
SignCheck sign_check(float scale, float shift, double threshold) {
  if (scale == 0) return {};
  constexpr double kMargin = 1.0 / (1 << 21);
  const double steep = std::abs(static_cast<double>(scale));
  const double crossing = -static_cast<double>(shift) / steep;
  return {scale < 0 ? -1.0F : 1.0F, static_cast<float>(crossing - std::abs(crossing) * kMargin),
          static_cast<float>((threshold - static_cast<double>(shift)) / steep)};
}

float FilterOrder::limit(std::int64_t k) const {
  const float predicted = k + 1 == prefix ? check.predicted : kNever;
  return std::max(predicted, k + 1 >= sinking ? check.level : kNever);
}

FilterOrder ordered(std::span<const float> weights, const Ordering& ordering, const SignCheck& check) {
  FilterOrder order = unordered(weights);
  if (!std::ranges::all_of(weights, [](float weight) { return std::isfinite(weight); })) return order;
  const auto weight = [&](std::int32_t i) { return weights[static_cast<std::size_t>(i)] * check.sign; };
  order.check = check;
  order.prefix = std::min(ordering.prefix, order.size());
  const auto rest = order.index.begin() + order.prefix;
  if (order.prefix > 0) {
    std::ranges::nth_element(order.index, rest, [&](std::int32_t a, std::int32_t b) {
      const float of_a = std::abs(weight(a));
      const float of_b = std::abs(weight(b));
      return of_a != of_b ? of_a > of_b : a < b;
    });
    std::sort(order.index.begin(), rest);
    std::sort(rest, order.index.end());
  }
  std::stable_sort(rest, order.index.end(), [&](std::int32_t a, std::int32_t b) {
    const int part = part_of(weight(a));
    if (part != part_of(weight(b))) return part < part_of(weight(b));
    return ordering.largest_first && part == 1 && weight(a) < weight(b);
  });
  order.sinking =
      std::partition_point(rest, order.index.end(), [&](std::int32_t i) { return part_of(weight(i)) == 0; }) -
      order.index.begin();
  std::ranges::transform(order.index, order.weights.begin(), weight);
  return order;
}

FilterOrder unordered(std::span<const float> weights) {
  FilterOrder order;
  order.index.resize(weights.size());
  std::iota(order.index.begin(), order.index.end(), 0);
  order.weights.assign(weights.begin(), weights.end());
  return order;
}

}  // namespace cairn::mapping
