#include "harness/bench.h"

namespace cairn::testing {
namespace {

schema::Values values_of(const fabric::PartInfo& info, const schema::Values& changed) {
  schema::Values values;
  for (const schema::Parameter& p : info.info.parameters) values[p.name] = p.initial;
  for (const auto& [name, value] : changed) values.at(name) = value;
  return values;
}

}  // namespace

Times random_times(SplitMix64& random, std::int64_t count) {
  Times times;
  for (Cycle now = 0; static_cast<std::int64_t>(times.size()) < count;)
    times.push_back(now += random.one_in(3) ? random.between(1, 6) : 1);
  return times;
}

fabric::Round systolic_round(Count steps, fabric::Extent used, fabric::Extent valid) {
  if (valid == fabric::Extent{}) valid = used;
  return {.steps = steps,
          .used = used,
          .valid = valid,
          .results = used.area(),
          .outputs = valid.area(),
          .awaited = used.area()};
}

Bench::Bench(const std::string& slot, const std::string& type, fabric::Extent extent, const schema::Values& changed,
             std::int64_t credits)
    : array{extent}, panel_(static_cast<std::size_t>(array.endpoints())) {
  const fabric::PartInfo& info = fabric::part(slot, type);
  const schema::Values values = values_of(info, changed);
  const auto latency = [&](const char* driver) { return latency_of(slot, driver, values); };
  links.posts = add<kernel::Queues<fabric::Step>>("posts", 1, 0, slot == "memory" ? credits : 0);
  links.operands = add<kernel::Wires<float>>("operands", array.endpoints(), latency("distribution"), credits);
  links.products = add<kernel::Wires<float>>("products", array.lanes(), latency("multiplier"));
  const int feet = slot == "reduction" ? info.lanes(values, array) : array.lanes();
  links.sums = add<kernel::Queues<fabric::Result>>("sums", feet, latency("reduction"));
  read_out(slot, info, values);
  for (std::size_t i = 0; i < panel_.size(); ++i) panel_[i] = static_cast<float>(i + 1);
}

Bench::Bench(const Flexible& machine, const std::string& slot, const std::string& type, const schema::Values& changed)
    : array{{1, machine.multipliers}} {
  const fabric::PartInfo& info = fabric::part(slot, type);
  const schema::Values values = values_of(info, changed);
  const auto latency = [&](const char* driver) { return latency_of(slot, driver, values); };
  const bool direct = machine.ports == machine.multipliers;  // a wire from each port to its multiplier
  array.output_pairs = machine.output_pairs;
  links.offers = add<kernel::Tally>("offers", 0, false);
  if (machine.ports_tell) links.sent = add<kernel::Tally>("sent", 1, true);
  links.psums = add<kernel::Queues<fabric::Psum>>("psums", machine.ports, 0, 0, true);
  links.words = add<kernel::Wires<fabric::Word>>("words", array.lanes(), direct ? 0 : latency("distribution"));
  links.products = add<kernel::Wires<float>>("products", array.lanes(), latency("multiplier"));
  const int points = slot == "reduction" ? info.lanes(values, array) : std::max(machine.points, 1);
  links.sums = add<kernel::Queues<fabric::Result>>("sums", points, latency("reduction"));
  read_out(slot, info, values);
}

Cycle Bench::latency_of(const std::string& slot, const std::string& driver, const schema::Values& values) {
  return slot == driver ? std::get<std::int64_t>(values.at("latency")) : 0;
}

void Bench::read_out(const std::string& slot, const fabric::PartInfo& info, const schema::Values& values) {
  const int lines = slot == "collection" ? info.lanes(values, array) : array.lanes();
  links.used.points = kernel::LaneSet(links.sums->lanes());
  links.results = add<kernel::Wires<fabric::Result>>("results", lines, latency_of(slot, "collection", values));
  links.stored = add<kernel::Tally>("stored", 1, true);
  part = info.make(values, array, links);
}

}  // namespace cairn::testing
