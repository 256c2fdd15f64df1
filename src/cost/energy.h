// What a run costs in energy, and a machine in area: what was counted, and what is there, times a table.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "arch/machine.h"
#include "cost/charges.h"
#include "cost/prices.h"
#include "cost/units.h"
#include "stats/counters.h"
#include "util/units.h"

namespace cairn::cost {

struct Energy {
  double dynamic = 0;
  double constant = 0;  // "static": by being there, each cycle

  double total() const { return dynamic + constant; }
  Energy& operator+=(const Energy& other);
};

// Slot -> component -> energy.
using Energies = std::map<std::string, std::map<std::string, Energy>>;
Energy total(const Energies& energies);

// A machine at the prices of a table.
class Meter {
 public:
  Meter(const arch::Machine& machine, Prices prices);

  // In the unit of the table. Counters that the parts of the machine do not have cost nothing.
  Energies energies(const stats::CounterTree& counters, Cycle cycles) const;
  double total(const stats::CounterTree& counters, Cycle cycles) const;

  const Prices& prices() const { return prices_; }
  const std::vector<Units>& units() const { return units_; }
  // What adds to the energy of this machine.
  const std::vector<Charge>& charges() const { return charges_; }

 private:
  Prices prices_;
  std::vector<Units> units_;
  std::vector<Charge> charges_;
  std::vector<double> each_;  // energy of one action, by charge
  double each_cycle_ = 0;
};

}  // namespace cairn::cost
