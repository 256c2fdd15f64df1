// How many units of each kind a machine is built of: a pure function of its description.
#pragma once

#include <string>
#include <vector>

#include "arch/machine.h"
#include "cost/prices.h"
#include "util/units.h"

namespace cairn::cost {

struct Units {
  std::string part;  // the slot
  std::string component;
  Width width;
  Count count;
};

// For the machines of the public reference the numbers that it counts (docs/design/0011).
std::vector<Units> units(const arch::Machine& machine);

}  // namespace cairn::cost
