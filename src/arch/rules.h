// Cross-field rules: what must hold between parts that are each valid by themselves.
#pragma once

#include <string>

#include "arch/machine.h"
#include "util/diagnostics.h"

namespace cairn::arch {

// Adds one E201 for each rule that the machine breaks.
void check_rules(const Machine& machine, const std::string& source, util::Diagnostics& faults);

}  // namespace cairn::arch
