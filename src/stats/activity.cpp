#include "stats/activity.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "util/diagnostics.h"

namespace cairn {

const std::array<UnitStateInfo, kUnitStates>& unit_states() {
  static constexpr std::array<UnitStateInfo, kUnitStates> kStates{
      {{"busy", "at work"},
       {"operand", "stalled: an operand is not there"},
       {"port", "stalled: a port, line or queue that it needs is taken"},
       {"readout", "stalled: results of the last tile still leave"},
       {"reconfiguring", "waits from the begin of a round (tile, fold) for its first operands"},
       {"draining", "done with its round, waits for the last results of the others"},
       {"idle", "takes no part in the mapping"}}};
  return kStates;
}

}  // namespace cairn

namespace cairn::stats {
namespace {

[[noreturn]] void refuse() {
  throw Error(Code::too_large, "activity", "units x cycles do not fit in 63 bits", "simulate a smaller operation");
}

}  // namespace

Count sum(const UnitCycles& cycles) { return std::accumulate(cycles.of.begin(), cycles.of.end(), Count{0}); }

void accumulate(UnitCycles& total, const UnitCycles& part, Count times) {
  for (std::size_t i = 0; i < kUnitStates; ++i) {
    const auto product = util::checked_multiply(part.of[i], times);
    if (!product || __builtin_add_overflow(total.of[i], *product, &total.of[i])) refuse();
  }
}

void accumulate(Activity& total, const Activity& part, Count times) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) accumulate(total[slot], part[slot], times);
}

Activity difference(const Activity& after, const Activity& before) {
  Activity between = after;
  stats::accumulate(between, before, -1);
  return between;
}

Count unit_cycles(Count units, Cycle cycles) {
  const auto product = util::checked_multiply(units, cycles);
  if (!product) refuse();
  return *product;
}

void check_activity(const Activity& activity, const BySlot<Count>& units, Cycle cycles) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const Count all = unit_cycles(units[slot], cycles);
    const bool possible = std::ranges::all_of(activity[slot].of, [&](Count n) { return n >= 0 && n <= all; });
    util::require(possible && sum(activity[slot]) == all, "conservation",
                  fmt::format("each unit of slot {} is in one state in each cycle: {} units, {} cycles, but {}", slot,
                              units[slot], cycles, fmt::join(activity[slot].of, " + ")));
  }
}

}  // namespace cairn::stats
