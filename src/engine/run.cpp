#include "engine/run.h"

#include "engine/flexible.h"
#include "engine/lanes.h"
#include "engine/sparse.h"
#include "engine/systolic.h"

namespace cairn::engine {

void Outcome::complete(const Fabric& fabric) {
  units = fabric.units();
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
    if (fabric.work()[slot].empty()) continue;
    Count busy = 0;
    for (const std::string& counter : fabric.work()[slot]) busy += counters.at(arch::slots()[slot]).at(counter);
    const Count there = stats::unit_cycles(taking_part[slot], cycles);
    activity[slot] = {};
    activity[slot][UnitState::busy] = busy;
    activity[slot][UnitState::operand] = there - busy;
    activity[slot][UnitState::idle] = stats::unit_cycles(units[slot], cycles) - there;
  }
  stats::check_activity(activity, units, cycles);
}

void check_operation(const arch::Machine& machine, const Operation& operation) {
  if (!std::holds_alternative<MaxPool>(operation) || arch::control(machine) == arch::Control::loops) return;
  throw Error(Code::machine_cannot, machine.name,
              machine.family == "systolic" ? "the accumulators of a systolic array only add up: no max-pooling"
                                           : "a sparse machine has nothing that walks windows: no max-pooling",
              "a flexible dense machine such as maeri-256, or pool on the host");
}

Tile tile_of(const arch::Machine& machine, const Operation& operation,
             const std::map<std::string, std::int64_t>& named) {
  switch (arch::control(machine)) {
    case arch::Control::tiles:
    case arch::Control::folds: return mapping::choose_tile(arch::systolic_array(machine), named);
    case arch::Control::bitmaps:
    case arch::Control::rows: return sparse_tile(machine, named);
    case arch::Control::outputs: refuse_tile(named); return std::monostate{};
    case arch::Control::loops: break;
  }
  const mapping::Nest nest = mapping::nest_of(operation);
  const mapping::DenseTile tile = mapping::dense_tile(nest, named);
  check_fit(arch::flexible_array(machine), nest, tile);
  return tile;
}

std::map<std::string, std::int64_t> named_tile(const arch::Machine& machine, const Operation& operation,
                                               const Tile& tile) {
  if (const auto* there = std::get_if<mapping::Tile>(&tile)) {
    const mapping::Letters letters = mapping::letters(arch::systolic_array(machine));
    return {{letters.rows, there->rows}, {letters.columns, there->columns}};
  }
  if (const auto* sparse = std::get_if<mapping::SparseTile>(&tile)) return named_tile(machine, *sparse);
  if (std::holds_alternative<std::monostate>(tile)) return {};
  return mapping::named_tile(mapping::nest_of(operation), std::get<mapping::DenseTile>(tile));
}

Outcome run_step(const arch::Machine& machine, const Operation& operation, const Tile& tile, const Operands& operands,
                 const Progress& progress, std::optional<std::uint64_t> shuffle, kernel::Observer* observer) {
  if (const auto* outputs = std::get_if<mapping::Tile>(&tile))
    return step_systolic(machine, operation, *outputs, operands, progress, shuffle, observer);
  if (const auto* sparse = std::get_if<mapping::SparseTile>(&tile))
    return step_sparse(machine, operation, *sparse, operands, progress, shuffle, observer);
  if (std::holds_alternative<std::monostate>(tile))
    return step_lanes(machine, operation, operands, progress, shuffle, observer);
  return step_flexible(machine, operation, std::get<mapping::DenseTile>(tile), operands, progress, shuffle, observer);
}

Outcome run_flow(Fabric& fabric, const arch::Machine& machine, const Operation& operation, const Tile& tile,
                 const Operands& operands, RoundCosts& known, const Progress& progress) {
  if (const auto* outputs = std::get_if<mapping::Tile>(&tile))
    return flow_systolic(fabric, machine, operation, *outputs, operands, known);
  if (const auto* sparse = std::get_if<mapping::SparseTile>(&tile))
    return flow_sparse(fabric, machine, operation, *sparse, operands, progress);
  if (std::holds_alternative<std::monostate>(tile)) return flow_lanes(fabric, machine, operation, operands, progress);
  return flow_flexible(fabric, machine, operation, std::get<mapping::DenseTile>(tile), operands, progress);
}

}  // namespace cairn::engine
