// Random valid configurations: a machine, an operation, a tile or none, operands.
#pragma once

#include <cstdint>

#include "soak/log.h"

namespace cairn::soak {

// Runs configuration `seed` under both evaluators through the public API. The documents must be equal but for what
// tells the evaluators apart, the values those of the reference executor. `what` is set to the case as soon as it is
// known. Returns what is wrong, "" if nothing is.
std::string run_valid(std::uint64_t seed, Log& log, std::string& what);

}  // namespace cairn::soak
