#include "harness/runs.h"

#include <fmt/format.h>

#include <cstdlib>
#include <limits>

namespace cairn::testing {
namespace {

// The output starts as NaN, which equals nothing: an output that is never written is seen.
std::vector<float> unwritten(const Data& data) {
  return std::vector<float>(data.expected.size(), std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

int cases(int usual) {
  const char* wanted = std::getenv("CAIRN_CASES");
  return wanted == nullptr ? usual : std::atoi(wanted);
}

Evaluation step(const arch::Machine& machine, const Operation& operation, const engine::Tile& tile, const Data& data,
                std::optional<std::uint64_t> shuffle) {
  Evaluation run{{}, unwritten(data)};
  run.outcome = engine::run_step(machine, operation, tile, {data.a_view, data.b_view, run.values.data()}, {}, shuffle);
  return run;
}

Evaluation flow(const arch::Machine& machine, const Operation& operation, const engine::Tile& tile, const Data& data) {
  Evaluation run{{}, unwritten(data)};
  engine::Fabric fabric(machine);
  engine::RoundCosts known;
  run.outcome =
      engine::run_flow(fabric, machine, operation, tile, {data.a_view, data.b_view, run.values.data()}, known);
  return run;
}

Evaluation step(const arch::Machine& machine, const Operation& operation, const Data& data, const Rectified& rectified,
                std::optional<std::uint64_t> shuffle) {
  Evaluation run{{}, unwritten(data)};
  run.outcome = engine::run_step(machine, operation, engine::tile_of(machine, operation, {}),
                                 {data.a_view, data.b_view, run.values.data(), {}, rectified}, {}, shuffle);
  return run;
}

Evaluation flow(const arch::Machine& machine, const Operation& operation, const Data& data,
                const Rectified& rectified) {
  Evaluation run{{}, unwritten(data)};
  engine::Fabric fabric(machine);
  engine::RoundCosts known;
  run.outcome = engine::run_flow(fabric, machine, operation, engine::tile_of(machine, operation, {}),
                                 {data.a_view, data.b_view, run.values.data(), {}, rectified}, known);
  return run;
}

std::string difference(const Evaluation& a, const Evaluation& b) {
  std::string text;
  const auto compare = [&](const std::string& what, Count x, Count y) {
    if (x != y) text += fmt::format("{}: {} against {}\n", what, x, y);
  };
  compare("cycles", a.outcome.cycles, b.outcome.cycles);
  compare("rounds", a.outcome.rounds, b.outcome.rounds);
  for (const auto& [slot, counters] : a.outcome.counters) {
    for (const auto& [name, value] : counters) compare(slot + "." + name, value, b.outcome.counters.at(slot).at(name));
  }
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
    for (std::size_t state = 0; state < kUnitStates; ++state) {
      compare(arch::slots()[slot] + " " + unit_states().at(state).name, a.outcome.activity.at(slot).of.at(state),
              b.outcome.activity.at(slot).of.at(state));
    }
  }
  if (a.values != b.values) text += "values differ\n";
  return text;
}

Cycle cycles(const arch::Machine& machine, const Gemm::Sizes& sizes) {
  const Gemm gemm(sizes);
  engine::Fabric fabric(machine);
  engine::RoundCosts known;
  return engine::run_flow(fabric, machine, gemm, engine::tile_of(machine, gemm, {}), {}, known).cycles;
}

}  // namespace cairn::testing
