// Runs of one operation under either evaluator, and how two runs are compared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/machine.h"
#include "engine/run.h"
#include "harness/operations.h"

namespace cairn::testing {

// How many random cases a property is tried on: `usual`, or the environment variable CAIRN_CASES.
int cases(int usual);

struct Evaluation {
  engine::Outcome outcome;
  std::vector<float> values;
};

Evaluation step(const arch::Machine& machine, const Operation& operation, const engine::Tile& tile, const Data& data,
                std::optional<std::uint64_t> shuffle = std::nullopt);
Evaluation flow(const arch::Machine& machine, const Operation& operation, const engine::Tile& tile, const Data& data);
// The output goes into a rectifier.
Evaluation step(const arch::Machine& machine, const Operation& operation, const Data& data, const Rectified& rectified,
                std::optional<std::uint64_t> shuffle = std::nullopt);
Evaluation flow(const arch::Machine& machine, const Operation& operation, const Data& data, const Rectified& rectified);

// What differs between two runs in cycles, rounds, counters and values: "" if nothing does.
std::string difference(const Evaluation& a, const Evaluation& b);

// Timing alone, on the whole array, under the flow evaluator.
Cycle cycles(const arch::Machine& machine, const Gemm::Sizes& sizes);

}  // namespace cairn::testing
