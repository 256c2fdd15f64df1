// Which parts of a plug-in can be used by machines.
#pragma once

#include <vector>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::api {

// Refuses (E110, E105) every part that breaks a rule: it is in a slot of a machine, called as no other part is, tells
// what it is and costs, and has the parameters and counters that all of Cairn's own parts in its place have, since
// machines are built and checked by them.
void check_parts(const std::vector<fabric::PartInfo>& parts, util::Diagnostics& faults);

}  // namespace cairn::api
