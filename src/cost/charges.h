// Which counter of the machine is which action of a table, declared once: every counter of every part is charged here,
// or exempt for a reason that is given here.
#pragma once

#include <string>
#include <vector>

#include "cost/prices.h"

namespace cairn::cost {

struct Charge {
  std::string slot;
  std::vector<std::string> types;  // of the part; none: any
  std::string counter;
  std::string part;  // the slot to whose energy it adds
  std::string component;
  std::string action;
  Width width;

  bool applies(const std::string& to_slot, const std::string& type) const;
};

struct Exemption {
  std::string slot;
  std::vector<std::string> types;
  std::string counter;
  std::string reason;

  bool applies(const std::string& to_slot, const std::string& type) const;
};

const std::vector<Charge>& charges();
const std::vector<Exemption>& exemptions();

}  // namespace cairn::cost
