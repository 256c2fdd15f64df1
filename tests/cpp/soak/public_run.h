// A random case, run as a user runs it.
#pragma once

#include <vector>

#include "cairn/session.h"
#include "harness/cases.h"

namespace cairn::soak {

using testing::SplitMix64;

// The case's tile, or none; on a sparse machine an order of the filters.
RunOptions draw_options(SplitMix64& draw, const testing::Case& c);

LayerResult run(Session& session, const testing::Case& c, const RunOptions& options, std::vector<float>& output);

}  // namespace cairn::soak
