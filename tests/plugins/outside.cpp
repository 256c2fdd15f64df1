// Cairn's own bus and mesh under other names: components that a plug-in brings in are what they are in the tree.
#include "fabric/collection/bus.cpp"
#include "fabric/multiplier/mesh.cpp"
#include "fabric/plugin.h"

namespace {

using namespace cairn;

// Every counter a word through a queue, of which there are as many as multipliers.
fabric::PartInfo outside(fabric::PartInfo row, const char* received) {
  schema::Costs costs;
  for (const schema::CounterInfo& counter : row.info.counters) costs.charges.push_back({counter.name, "queue", "push"});
  for (const char* component : {"queue", received})
    costs.units.push_back({component, schema::Width::sum, [](const schema::Values&, const schema::Costs::Array& array) {
                             return array.rows * array.columns;
                           }});
  row.info.type += "-outside";
  row.info.costs = std::make_shared<const schema::Costs>(costs);
  return row;
}

}  // namespace

CAIRN_PLUGIN("outside", "1.0", outside(fabric::collection_bus(), "collection_wire"),
             outside(fabric::multiplier_mesh(), "multiplier"))
