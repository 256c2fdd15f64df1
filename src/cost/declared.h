// What the parts of plug-ins cost: they declare it themselves, and Cairn's own tables do not apply to them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cost/charges.h"
#include "schema/catalog.h"
#include "util/diagnostics.h"

namespace cairn::cost {

// The declarations of a part as rows of the tables.
std::vector<Charge> declared_charges(const std::string& slot, const std::string& type, const schema::Costs& costs);
std::vector<Exemption> declared_exemptions(const std::string& slot, const std::string& type,
                                           const schema::Costs& costs);

// Whether a part of Cairn's own, by slot and type, can sit in a machine beside the one that is checked.
using Meets = std::function<bool(const std::string& slot, const std::string& type)>;

// Refuses (E110) a part with a counter that is neither charged nor exempt, or both; with a charge that no table prices;
// and with one of units that are not there: nothing is silently free.
void check_costs(const schema::ComponentInfo& part, const Meets& meets, util::Diagnostics& faults);

}  // namespace cairn::cost
