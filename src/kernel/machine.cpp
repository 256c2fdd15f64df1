#include "kernel/machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace cairn::kernel {
namespace {

using Ends = std::map<const Channel*, Component*>;

Ends owners(const std::vector<std::unique_ptr<Component>>& components, std::vector<const Channel*> Wiring::*side,
            const char* role) {
  Ends ends;
  for (const auto& component : components) {
    const Wiring wiring = component->wiring();
    for (const Channel* channel : wiring.*side) {
      const bool first = ends.emplace(channel, component.get()).second;
      util::require(first, channel->name(), fmt::format("the channel has a second {}, {}", role, component->name()));
    }
  }
  return ends;
}

// Producers before consumers along the channels that `counts` accepts; the given order otherwise. A component is placed
// once all its producers are; when none can be placed there is a loop.
template <class Accept>
std::vector<Component*> sorted(const std::vector<std::unique_ptr<Component>>& components, const Ends& producers,
                               Accept counts) {
  std::vector<Component*> order;
  const auto placed = [&](const Component* c) { return std::ranges::find(order, c) != order.end(); };
  const auto ready = [&](const Component& c) {
    return std::ranges::all_of(
        c.wiring().reads, [&](const Channel* channel) { return !counts(*channel) || placed(producers.at(channel)); });
  };
  while (order.size() < components.size()) {
    const auto next = std::ranges::find_if(components, [&](const auto& c) { return !placed(c.get()) && ready(*c); });
    util::require(next != components.end(), "kernel.machine", "the channels that order the components form a loop");
    order.push_back(next->get());
  }
  return order;
}

}  // namespace

Machine Machine::build(std::vector<std::unique_ptr<Component>> components,
                       std::vector<std::unique_ptr<Channel>> channels) {
  const Ends producers = owners(components, &Wiring::writes, "producer");
  const Ends consumers = owners(components, &Wiring::reads, "consumer");
  Machine machine;
  for (const auto& channel : channels) {
    util::require(producers.contains(channel.get()), channel->name(), "the channel has no producer");
    util::require(consumers.contains(channel.get()), channel->name(), "the channel has no consumer");
    machine.patience_ += channel->latency();
  }
  machine.order_ = sorted(components, producers, [](const Channel& c) { return c.latency() == 0; });
  machine.flow_order_ = sorted(components, producers, [](const Channel& c) { return !c.feedback(); });
  machine.components_ = std::move(components);
  machine.channels_ = std::move(channels);
  return machine;
}

Cycle Machine::run(const std::function<bool()>& done, Observer* observer) {
  worked_.assign(order_.size(), false);
  Cycle idle = 0;
  while (!done()) {
    ++now_;
    bool progress = false;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      worked_[i] = order_[i]->tick(now_);
      progress = progress || worked_[i];
    }
    if (observer != nullptr) observer->clocked(*this);
    idle = progress ? 0 : idle + 1;
    if (idle > patience_ + 1 && !done()) report_stuck(now_);
  }
  return now_;
}

void Machine::report_stuck(Cycle now) const {
  std::string text = fmt::format("nothing has happened since cycle {}", now - patience_ - 2);
  for (const Component* component : order_) {
    if (const std::string reason = component->waiting(); !reason.empty())
      text += fmt::format("; {} waits for {}", component->name(), reason);
  }
  for (const auto& channel : channels_) {
    if (channel->in_flight() > 0) text += fmt::format("; {} holds {} items", channel->name(), channel->in_flight());
  }
  throw Error(Code::machine_stuck, "cycle " + std::to_string(now), text, "deeper queues, or none (0), may free it");
}

bool Machine::has_flow() const {
  return std::ranges::all_of(order_, [](const Component* c) { return c->has_flow(); });
}

void Machine::flow() {
  for (Component* component : flow_order_) component->flow();
}

}  // namespace cairn::kernel
