#include "engine/fabric.h"

#include <algorithm>
#include <random>

namespace cairn::engine {
namespace {

using kernel::Channel;

// Makes the channels of the data path; each belongs to the part that drives it and has that part's latency.
std::vector<std::unique_ptr<Channel>> make_channels(const arch::Machine& machine, const fabric::Array& array,
                                                    fabric::Links& links) {
  const auto latency = [&](const char* slot) { return machine.part(slot).integer("latency"); };
  const auto lanes = [&](const char* slot) {
    const arch::Part& part = machine.part(slot);
    return fabric::part(slot, part.type).lanes(part.values, array);
  };
  std::vector<std::unique_ptr<Channel>> channels;
  const auto add = [&]<class C>(std::unique_ptr<C> channel) {
    C* raw = channel.get();
    channels.push_back(std::move(channel));
    return raw;
  };
  // The ports see a step in the cycle in which the controller posts it.
  links.posts = add(std::make_unique<kernel::Queues<fabric::Step>>(
      "posts", 1, 0, machine.part("distribution").integer("queue_depth")));
  links.operands = add(std::make_unique<kernel::Wires<float>>(
      "operands", lanes("distribution"), latency("distribution"), machine.part("multiplier").integer("queue_depth")));
  links.products = add(std::make_unique<kernel::Wires<float>>("products", lanes("multiplier"), latency("multiplier")));
  links.sums = add(std::make_unique<kernel::Queues<float>>("sums", lanes("reduction"), latency("reduction")));
  links.results =
      add(std::make_unique<kernel::Wires<fabric::Result>>("results", lanes("collection"), latency("collection")));
  links.done = add(std::make_unique<kernel::Signal>("done", 1));
  return channels;
}

// What was counted in between.
stats::CounterTree difference(const stats::CounterTree& after, const stats::CounterTree& before) {
  stats::CounterTree counted = after;
  stats::accumulate(counted, before, -1);
  return counted;
}

}  // namespace

Fabric::Fabric(const arch::Machine& machine, std::optional<std::uint64_t> shuffle) {
  const arch::SystolicArray array = arch::systolic_array(machine);
  array_ = {{array.rows, array.columns}, array.overlapped};
  std::vector<std::unique_ptr<Channel>> channels = make_channels(machine, array_, links_);
  std::vector<std::unique_ptr<kernel::Component>> components;
  for (const std::string& slot : arch::slots()) {
    const arch::Part& part = machine.part(slot);
    std::unique_ptr<fabric::Part> made = fabric::part(slot, part.type).make(part.values, array_, links_);
    parts_.push_back(made.get());
    components.push_back(std::move(made));
  }
  if (shuffle) std::shuffle(components.begin(), components.end(), std::mt19937_64(*shuffle));
  machine_ = std::make_unique<kernel::Machine>(kernel::Machine::build(std::move(components), std::move(channels)));
}

void Fabric::configure(const fabric::Round& round) {
  for (fabric::Part* part : parts_) part->configure(round);
}

Cycle Fabric::interval(const fabric::Round& round) const {
  Cycle longest = 0;
  for (const fabric::Part* part : parts_) longest = std::max(longest, part->interval(round));
  return longest;
}

Cycle Fabric::uncounted() const {
  Cycle total = 0;
  for (const fabric::Part* part : parts_) total += part->uncounted();
  return total;
}

stats::CounterTree Fabric::counters() const {
  stats::CounterTree tree;
  for (const fabric::Part* part : parts_) tree[part->name()] = part->counters();
  return tree;
}

Cycle Fabric::step(fabric::Rounds& rounds) {
  const fabric::Program program{&rounds, [this](const fabric::Round& round) { configure(round); },
                                [this](const fabric::Round& round) { return interval(round); }};
  for (fabric::Part* part : parts_) part->start(program);
  return machine_->run([this] { return std::ranges::all_of(parts_, &fabric::Part::finished); });
}

RoundCost Fabric::flow(const fabric::Round& round) {
  const stats::CounterTree before = counters();
  configure(round);
  machine_->flow();
  const Cycle finish = links_.done->streams[0].last();
  return {finish, array_.overlapped ? interval(round) : finish, difference(counters(), before)};
}

}  // namespace cairn::engine
