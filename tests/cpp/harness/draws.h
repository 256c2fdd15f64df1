// Checks on thousands of random draws.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "harness/random.h"
#include "harness/runs.h"

namespace cairn::testing {

// Calls check(random) on thousands of draws, each with its seed in the trace.
template <class Check>
void for_draws(std::uint64_t first, Check check) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(3000)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    check(random);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace cairn::testing
