// The sums of one filter over a block of windows, in the order and with the rounding of an accumulator, up to where
// each is left.
#pragma once

#include <array>
#include <cstdint>

#include "mapping/filter_order.h"

namespace cairn::engine {

constexpr std::int64_t kBlock = 32;  // windows

struct LimitedSums {
  std::array<float, kBlock> sums;           // times the sign of the check
  std::array<std::int32_t, kBlock> length;  // products in each
};

// `inputs`: for each weight of the filter a line of kBlock. `limited`: sums are left where the order says so.
LimitedSums limited_sums(const mapping::FilterOrder& order, const float* inputs, bool limited);

}  // namespace cairn::engine
