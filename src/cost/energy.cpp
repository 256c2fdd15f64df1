#include "cost/energy.h"

#include <algorithm>

#include "cost/declared.h"

namespace cairn::cost {
namespace {

Count counted(const stats::CounterTree& counters, const Charge& charge) {
  const auto slot = counters.find(charge.slot);
  if (slot == counters.end()) return 0;
  const auto counter = slot->second.find(charge.counter);
  return counter == slot->second.end() ? 0 : counter->second;
}

}  // namespace

Energy& Energy::operator+=(const Energy& other) {
  dynamic += other.dynamic;
  constant += other.constant;
  return *this;
}

Energy total(const Energies& energies) {
  Energy sum;
  for (const auto& [slot, parts] : energies) {
    for (const auto& [component, energy] : parts) sum += energy;
  }
  return sum;
}

Meter::Meter(const arch::Machine& machine, Prices prices) : prices_(std::move(prices)), units_(cost::units(machine)) {
  // A machine without units of a kind does without that action: only some buffers add partial sums up.
  const auto here = [&](const Charge& charge) {
    const arch::Part& part = machine.part(charge.slot);
    return charge.applies(charge.slot, part.type) && part.costs == nullptr &&
           std::ranges::any_of(units_, [&](const Units& unit) {
             return unit.part == charge.part && unit.component == charge.component;
           });
  };
  std::ranges::copy_if(cost::charges(), std::back_inserter(charges_), here);
  for (const auto& [slot, part] : machine.parts) {
    if (part.costs) std::ranges::move(declared_charges(slot, part.type, *part.costs), std::back_inserter(charges_));
  }
  for (const Charge& charge : charges_) each_.push_back(prices_.energy(charge.component, charge.action, charge.width));
  for (const Units& unit : units_)
    each_cycle_ += static_cast<double>(unit.count) * prices_.leakage(unit.component, unit.width);
}

Energies Meter::energies(const stats::CounterTree& counters, Cycle cycles) const {
  Energies energies;
  for (const Units& unit : units_)
    energies[unit.part][unit.component].constant +=
        static_cast<double>(cycles) * (static_cast<double>(unit.count) * prices_.leakage(unit.component, unit.width));
  for (std::size_t i = 0; i < charges_.size(); ++i) {
    if (const Count times = counted(counters, charges_[i]); times > 0)
      energies[charges_[i].part][charges_[i].component].dynamic += each_[i] * static_cast<double>(times);
  }
  return energies;
}

double Meter::total(const stats::CounterTree& counters, Cycle cycles) const {
  double sum = each_cycle_ * static_cast<double>(cycles);
  for (std::size_t i = 0; i < charges_.size(); ++i)
    sum += each_[i] * static_cast<double>(counted(counters, charges_[i]));
  return sum;
}

}  // namespace cairn::cost
