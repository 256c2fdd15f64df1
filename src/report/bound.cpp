#include "report/bound.h"

#include <algorithm>
#include <cmath>

namespace cairn::report {
namespace {

const SlotActivity& slot(const LayerResult& layer, std::string_view name) {
  return *std::ranges::find(layer.activity, name, &SlotActivity::slot);
}

double ratio(double above, double below) { return below > 0 ? above / below : 0.0; }

// So many unit-cycles shared by the units that take part, to the nearest cycle.
std::int64_t shared(std::int64_t unit_cycles, const SlotActivity& slot, std::int64_t cycles) {
  const std::int64_t there = slot.units * cycles - slot.cycles[UnitState::idle];
  const double units = ratio(static_cast<double>(there), static_cast<double>(cycles));
  return std::llround(ratio(static_cast<double>(unit_cycles), units));
}

}  // namespace

Bound bound(const LayerResult& layer) {
  const SlotActivity& multipliers = slot(layer, "multiplier");
  const auto busy = [&](const char* name) {
    const SlotActivity& there = slot(layer, name);
    return shared(there.cycles[UnitState::busy], there, layer.cycles);
  };
  const std::int64_t waits = multipliers.cycles[UnitState::reconfiguring] + multipliers.cycles[UnitState::draining];
  return {busy("multiplier"), busy("distribution"), busy("collection"), busy("writeback"),
          shared(waits, multipliers, layer.cycles)};
}

std::string bound_by(const Bound& bound) {
  return kBounds.at(static_cast<std::size_t>(std::ranges::max_element(bound) - bound.begin()));
}

std::int64_t useful(const LayerResult& layer) {
  return std::holds_alternative<MaxPool>(layer.operation) ? products(layer.operation) : layer.multiplications;
}

// Those of zeros are of no use, nor those of sums that are left.
Work work(const LayerResult& layer) {
  std::int64_t products = layer.sparse ? layer.sparse->effective_multiplications : useful(layer);
  if (layer.early_stop) products -= layer.early_stop->products_skipped + layer.early_stop->products_wasted;
  return {products, layer.buffer_reads + layer.buffer_writes, layer.cycles};
}

Roofline roofline(const Work& work, const LayerResult& machine) {
  const auto products = static_cast<double>(work.products);
  return {ratio(products, static_cast<double>(work.words)), ratio(products, static_cast<double>(work.cycles)),
          slot(machine, "multiplier").units, slot(machine, "distribution").units + slot(machine, "writeback").units};
}

}  // namespace cairn::report
