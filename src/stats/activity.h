// Unit-cycles by state of all slots of a machine, and the law that they obey.
#pragma once

#include <array>

#include "cairn/activity.h"
#include "util/units.h"

namespace cairn::stats {

// The slots in the order of the data path.
enum class Slot { memory, distribution, multiplier, reduction, collection, writeback };
constexpr std::size_t kSlots = 6;
template <class T>
using BySlot = std::array<T, kSlots>;
using Activity = BySlot<UnitCycles>;

Count sum(const UnitCycles& cycles);

// total += times * part. Throws too_large (U203) rather than wrap.
void accumulate(UnitCycles& total, const UnitCycles& part, Count times);
void accumulate(Activity& total, const Activity& part, Count times);
Activity difference(const Activity& after, const Activity& before);

// units x cycles. Throws too_large (U203) if that does not fit.
Count unit_cycles(Count units, Cycle cycles);

// Each unit is in one state in each cycle: the states of each slot sum to units x cycles, and none is negative. Throws
// internal_error (I001).
void check_activity(const Activity& activity, const BySlot<Count>& units, Cycle cycles);

}  // namespace cairn::stats
