// Random invalid configurations: a valid one of which one thing is broken.
#pragma once

#include <cstdint>

#include "soak/log.h"

namespace cairn::soak {

// Breaks configuration `seed` and expects it to be refused with the code of what was broken, and with no code of an
// internal fault. Returns what is wrong, "" if nothing is.
std::string run_invalid(std::uint64_t seed, Log& log, std::string& what);

}  // namespace cairn::soak
