#include "engine/fabric.h"

#include <algorithm>
#include <array>
#include <random>

namespace cairn::engine {
namespace {

using kernel::Channel;

fabric::Array array_of(const arch::Machine& machine) {
  if (machine.family == "systolic") {
    const arch::SystolicArray array = arch::systolic_array(machine);
    return {{array.rows, array.columns}, array.overlapped, array.holds};
  }
  fabric::Array array{{1, static_cast<int>(machine.part("multiplier").integer("multipliers"))}};
  array.output_pairs = fabric::part("reduction", machine.part("reduction").type).output_pairs(array);
  if (arch::control(machine) == arch::Control::loops) array.offered = machine.part("memory").integer("words_per_cycle");
  return array;
}

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
  if (machine.family == "lanes") {
    links.fetches = add(std::make_unique<kernel::Wires<fabric::Pair>>("fetches", array.lanes(), 0));
    links.pairs = add(std::make_unique<kernel::Wires<fabric::Pair>>("pairs", array.lanes(), latency("distribution")));
    if (arch::lane_array(machine).checks) {  // a tag is with the accumulator together with its product
      links.tags = add(std::make_unique<kernel::Wires<fabric::Tag>>("tags", array.lanes(),
                                                                    latency("distribution") + latency("multiplier")));
      links.stops = add(std::make_unique<kernel::Queues<Count>>(
          "stops", array.lanes(), machine.part("reduction").integer("stop_latency"), 0, true));
    }
  } else if (machine.family == "systolic") {
    // The ports see a step in the cycle in which the controller posts it.
    links.posts = add(std::make_unique<kernel::Queues<fabric::Step>>(
        "posts", 1, 0, machine.part("distribution").integer("queue_depth")));
    // An element that holds a word never lets one wait.
    const bool queues = arch::control(machine) == arch::Control::tiles;
    links.operands =
        add(std::make_unique<kernel::Wires<float>>("operands", lanes("distribution"), latency("distribution"),
                                                   queues ? machine.part("multiplier").integer("queue_depth") : 0));
  } else {
    const auto ports = static_cast<int>(machine.part("distribution").integer("bandwidth"));
    links.offers = add(std::make_unique<kernel::Tally>("offers", 0, false));
    links.psums = add(std::make_unique<kernel::Queues<fabric::Psum>>("psums", ports, 0, 0, true));
    // A port of a tree with a single multiplier is a wire.
    const bool wires = machine.part("distribution").type == "tree" && ports == array.lanes();
    links.words =
        add(std::make_unique<kernel::Wires<fabric::Word>>("words", array.lanes(), wires ? 0 : latency("distribution")));
    // The controller sees idle ports a cycle later and leaves its state in the next.
    if (arch::control(machine) == arch::Control::loops && machine.part("memory").flag("row_barrier"))
      links.sent = add(std::make_unique<kernel::Tally>("sent", 2, true));
  }
  links.products = add(std::make_unique<kernel::Wires<float>>("products", lanes("multiplier"), latency("multiplier")));
  links.sums = add(std::make_unique<kernel::Queues<fabric::Result>>("sums", lanes("reduction"), latency("reduction")));
  links.results =
      add(std::make_unique<kernel::Wires<fabric::Result>>("results", lanes("collection"), latency("collection")));
  links.stored = add(std::make_unique<kernel::Tally>("stored", 1, true));
  return channels;
}

}  // namespace

Fabric::Fabric(const arch::Machine& machine, std::optional<std::uint64_t> shuffle, kernel::Observer* observer)
    : array_(array_of(machine)), observer_(observer) {
  std::vector<std::unique_ptr<Channel>> channels = make_channels(machine, array_, links_);
  std::vector<std::unique_ptr<kernel::Component>> components;
  for (const std::string& slot : arch::slots()) {
    const arch::Part& part = machine.part(slot);
    const fabric::PartInfo& info = fabric::part(slot, part.type);
    std::unique_ptr<fabric::Part> made = info.make(part.values, array_, links_);
    work_.at(parts_.size()) = info.work;
    parts_.push_back(made.get());
    components.push_back(std::move(made));
  }
  if (shuffle) std::shuffle(components.begin(), components.end(), std::mt19937_64(*shuffle));
  machine_ = std::make_unique<kernel::Machine>(kernel::Machine::build(std::move(components), std::move(channels)));
}

void Fabric::configure(const fabric::Round& round) {
  links_.round.drains = round.awaited == round.before + round.results;
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

stats::Activity Fabric::activity(Cycle end) const {
  stats::Activity all;
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
    if (work_[slot].empty()) all[slot] = parts_[slot]->activity(end);
  }
  return all;
}

stats::Activity Fabric::settled() const {
  stats::Activity all;
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) all[slot] = parts_[slot]->settled();
  return all;
}

stats::BySlot<Count> Fabric::units() const {
  stats::BySlot<Count> all{};
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) all[slot] = parts_[slot]->units();
  return all;
}

stats::BySlot<Count> Fabric::taking_part() const {
  stats::BySlot<Count> all{};
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) all[slot] = parts_[slot]->taking_part();
  return all;
}

Cycle Fabric::step(fabric::Program program, const Begins& begins) {
  bool stopped = false;
  Count begun = 0;
  program.configure = [&, rounds = program.rounds->size()](const fabric::Round& round) {
    const Cycle now = machine_->now();
    stopped = begins && begins(now);
    if (observer_ != nullptr) show(++begun, round, rounds);
    configure(round);
    for (fabric::Part* part : parts_) part->round_begins(now);
    if (now == 1) took_part_first_ = taking_part();
  };
  program.interval = [this](const fabric::Round& round) { return interval(round); };
  start(program);
  if (observer_ != nullptr) observer_->begins(*machine_, uncounted());
  return machine_->run(
      [&] {
        if (links_.stored->in_flight() > 0) last_stored_ = machine_->now();
        if (begins && last_stored_ == machine_->now() && parts_.back()->waiting().empty())
          at_last_stored_ = activity(last_stored_);
        return stopped || std::ranges::all_of(parts_, &fabric::Part::finished);
      },
      observer_);
}

// What a round is, in numbers for people.
void Fabric::show(Count index, const fabric::Round& round, Count rounds) const {
  const std::array<kernel::Fact, 6> facts{{{"round", index},
                                           {"of rounds", rounds},
                                           {"results at once", round.used.area()},
                                           {"steps", round.steps},
                                           {"results", round.results},
                                           {"outputs", round.outputs}}};
  observer_->round_begins(machine_->now(), facts);
}

void Fabric::start(const fabric::Program& program) {
  rest();
  links_.used.clear_all();
  for (fabric::Part* part : parts_) part->start(program);
}

void Fabric::rest() {
  for (fabric::Part* part : parts_) part->rest();
}

std::vector<int> Fabric::state() const {
  std::vector<int> all;
  for (const fabric::Part* part : parts_) {
    const std::vector<int> own = part->state();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

std::vector<Cycle> Fabric::left_behind() const {
  std::vector<Cycle> all;
  all.reserve(2 * static_cast<std::size_t>(array_.lanes()));
  for (const fabric::Part* part : parts_) part->left_behind(all);
  return all;
}

Cycle Fabric::flow_round(const fabric::Round& round, bool at_rest) {
  links_.round.at_rest = at_rest;
  if (at_rest) rest();
  configure(round);
  machine_->flow();
  const kernel::Stream& stored = links_.stored->streams[0];
  return stored.empty() ? 0 : stored.last();
}

RoundCost Fabric::flow(const fabric::Round& round) {
  const stats::CounterTree before = counters();
  links_.used.clear_all();
  const Cycle finish = flow_round(round, true);
  return {finish, array_.overlapped ? interval(round) : finish, stats::difference(counters(), before), activity(finish),
          taking_part()};
}

}  // namespace cairn::engine
