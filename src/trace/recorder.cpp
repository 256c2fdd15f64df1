#include "trace/recorder.h"

#include <algorithm>
#include <map>
#include <set>

#include "util/diagnostics.h"

namespace cairn::trace {
namespace {

std::vector<Count> counters_of(const kernel::Component& component, const Layout::Part& part) {
  const std::map<std::string, Count> all = component.counters();
  std::vector<Count> values;
  for (const Layout::Counter& counter : part.counters) values.push_back(all.at(counter.name));
  return values;
}

// "the partners of 12 operands" -> "the partners of operands": what is waited for stays the same while less of it is
// missing from cycle to cycle.
std::string without_numbers(const std::string& text) {
  std::string words;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    if (!is_digit(i) && !(text[i] == '-' && is_digit(i + 1))) {
      words += text[i];
      continue;
    }
    while (is_digit(i + 1)) ++i;
    if (i + 1 < text.size() && text[i + 1] == ' ') ++i;
  }
  return words;
}

// What a part did in this cycle; `before` are its counters until then.
void look(const kernel::Component& component, bool worked, const Layout::Part& part, Sample::Part& seen,
          std::vector<Count>& before) {
  std::vector<Count> now = counters_of(component, part);
  seen.counted.resize(now.size());
  seen.work = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    seen.counted[i] = now[i] - before[i];
    if (part.counters[i].work) seen.work += seen.counted[i];
  }
  before = std::move(now);
  seen.reason = worked ? "" : without_numbers(component.waiting());
  seen.state = worked ? Sample::State::busy : seen.reason.empty() ? Sample::State::idle : Sample::State::waiting;
}

}  // namespace

bool tells_work(const std::string& slot, const std::string& counter) {
  static const std::map<std::string, std::set<std::string>> kWork{
      {"memory", {"weight_reads", "input_reads", "psum_reads"}},
      {"distribution", {"words"}},
      {"multiplier", {"multiplications", "input_forwards"}},
      {"reduction", {"additions_2to1", "additions_3to1", "comparisons_2to1", "comparisons_3to1", "register_writes"}},
      {"collection", {"results_out"}},
      {"writeback", {"results"}}};
  const auto found = kWork.find(slot);
  return found != kWork.end() && found->second.contains(counter);
}

Recorder::Recorder(std::string name, std::vector<Layout::Part> parts, Cycle from, Cycle to, std::vector<Sink*> sinks)
    : name_(std::move(name)), layout_{std::move(parts), {}}, from_(from), to_(to), sinks_(std::move(sinks)) {}

void Recorder::begins(const kernel::Machine& machine, Cycle uncounted) {
  uncounted_ = uncounted;
  const auto& components = machine.components();
  for (const Layout::Part& part : layout_.parts) {
    const auto found = std::ranges::find(components, part.name, &kernel::Component::name);
    util::require(found != components.end(), "trace", "every part of the layout is in the machine");
    places_.push_back(static_cast<std::size_t>(found - components.begin()));
    before_.emplace_back(part.counters.size());
  }
  for (const auto& channel : machine.channels()) layout_.channels.push_back(channel->name());
  sample_.parts.resize(layout_.parts.size());
  sample_.in_flight.resize(layout_.channels.size());
  for (Sink* sink : sinks_) sink->layer_begins(name_, layout_);
}

// A round that begins before the first cycle that is recorded is told with that.
void Recorder::round_begins(Cycle, std::span<const kernel::Fact> facts) { round_.assign(facts.begin(), facts.end()); }

void Recorder::clocked(const kernel::Machine& machine) {
  const Cycle cycle = machine.now() - uncounted_;
  if (cycle < from_) {
    if (cycle + 1 == from_ && cycle > 0) remember(machine);
    return;
  }
  sample_.cycle = cycle;
  if (first_ == 0) first_ = cycle;
  for (std::size_t i = 0; i < layout_.parts.size(); ++i) {
    look(*machine.components()[places_[i]], machine.worked(places_[i]), layout_.parts[i], sample_.parts[i], before_[i]);
  }
  for (std::size_t i = 0; i < sample_.in_flight.size(); ++i) sample_.in_flight[i] = machine.channels()[i]->in_flight();
  bool wanted = true;
  for (Sink* sink : sinks_) {
    if (!round_.empty()) sink->round_begins(cycle, round_);
    wanted = sink->take(sample_) && wanted;
  }
  round_.clear();
  if (!wanted || cycle == to_) throw Ended();
}

// Recording begins after this cycle, so what was counted until now does not count.
void Recorder::remember(const kernel::Machine& machine) {
  for (std::size_t i = 0; i < layout_.parts.size(); ++i)
    before_[i] = counters_of(*machine.components()[places_[i]], layout_.parts[i]);
}

}  // namespace cairn::trace
