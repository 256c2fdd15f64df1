#include "harness/bench.h"

namespace cairn::testing {

Times random_times(SplitMix64& random, std::int64_t count) {
  Times times;
  for (Cycle now = 0; static_cast<std::int64_t>(times.size()) < count;)
    times.push_back(now += random.one_in(3) ? random.between(1, 6) : 1);
  return times;
}

Bench::Bench(const std::string& slot, const std::string& type, fabric::Extent extent, const schema::Values& changed,
             std::int64_t credits)
    : array{extent, false}, panel_(static_cast<std::size_t>(extent.rows + extent.columns)) {
  const fabric::PartInfo& info = fabric::part(slot, type);
  schema::Values values;
  for (const schema::Parameter& p : info.info.parameters) values[p.name] = p.initial;
  for (const auto& [name, value] : changed) values.at(name) = value;
  const auto latency = [&](const char* driver) {
    return slot == driver ? std::get<std::int64_t>(values.at("latency")) : 0;
  };
  const int lines = slot == "collection" ? info.lanes(values, array) : array.lanes();
  links.posts = add<kernel::Queues<fabric::Step>>("posts", 1, 0, slot == "memory" ? credits : 0);
  links.operands = add<kernel::Wires<float>>("operands", array.endpoints(), latency("distribution"), credits);
  links.products = add<kernel::Wires<float>>("products", array.lanes(), latency("multiplier"));
  links.sums = add<kernel::Queues<float>>("sums", array.lanes(), latency("reduction"));
  links.results = add<kernel::Wires<fabric::Result>>("results", lines, latency("collection"));
  links.done = add<kernel::Signal>("done", 1);
  part = info.make(values, array, links);
  for (std::size_t i = 0; i < panel_.size(); ++i) panel_[i] = static_cast<float>(i + 1);
}

}  // namespace cairn::testing
