#include "api/trace.h"

#include <fmt/format.h>

#include "arch/machine.h"
#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn {
namespace {

constexpr std::int64_t kLeastBytes = 64'000;

void check(const TraceOptions& options) {
  util::Diagnostics faults;
  if (options.limit < kLeastBytes)
    faults.add(Code::out_of_range, "limit of the trace", fmt::format("{} bytes are too few", options.limit),
               fmt::format("{} or more", kLeastBytes));
  if (!(options.clock >= 0.001 && options.clock <= 1000))
    faults.add(Code::out_of_range, "clock of the trace", fmt::format("{} MHz is out of range", options.clock),
               "0.001 to 1000: a trace counts nanoseconds");
  if (options.from < 1 || options.to < options.from)
    faults.add(Code::out_of_range, "window of the trace",
               fmt::format("there are no cycles from {} to {}", options.from, options.to),
               "the first cycle is 1, and the last is not before the first");
  faults.raise_if_any();
}

std::vector<trace::Layout::Part> parts_of(const arch::Machine& machine) {
  std::vector<trace::Layout::Part> parts;
  for (const std::string& slot : arch::slots()) {
    trace::Layout::Part& part = parts.emplace_back(trace::Layout::Part{slot, {}});
    for (const schema::CounterInfo& counter : fabric::part(slot, machine.part(slot).type).info.counters)
      part.counters.push_back({counter.name, counter.unit, trace::tells_work(slot, counter.name)});
  }
  return parts;
}

}  // namespace

std::unique_ptr<trace::Recorder> Trace::State::begin(const std::string& name) {
  ++run;
  const bool asked = options.layer.empty() || options.layer == name || options.layer == std::to_string(run);
  if (!asked || (file && file->full())) return nullptr;
  std::vector<trace::Sink*> sinks;
  if (file) sinks.push_back(&*file);
  if (timeline) sinks.push_back(&*timeline);
  return std::make_unique<trace::Recorder>(name, parts, options.from, options.to, std::move(sinks));
}

void Trace::State::end(const std::string& name, const trace::Recorder* recorder, Cycle cycles) {
  if (recorder == nullptr) {
    if (file) file->layer(name, cycles);
    return;
  }
  if (file) file->layer_ends(cycles);
  if (timeline) timeline->layer_ends(cycles);
  layers.push_back({.name = name,
                    .cycles = cycles,
                    .first = recorder->first(),
                    .last = recorder->last(),
                    .cut = file && file->full()});
}

Trace::Trace(const Machine& machine, const TraceOptions& options) : state_(std::make_unique<State>()) {
  check(options);
  state_->options = options;
  state_->parts = parts_of(machine.description());
  if (!options.file.empty()) state_->file.emplace(options.file, options.limit, options.clock, machine.name());
  if (options.text) state_->timeline.emplace();
}
Trace::~Trace() = default;
Trace::Trace(Trace&&) noexcept = default;
Trace& Trace::operator=(Trace&&) noexcept = default;

const std::vector<TracedLayer>& Trace::layers() const { return state_->layers; }
std::int64_t Trace::bytes() const { return state_->file ? state_->file->bytes() : 0; }
std::string Trace::text() const { return state_->timeline ? state_->timeline->text() : ""; }

}  // namespace cairn
