// Behind cairn::Trace: where the samples of a layer go.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/trace.h"
#include "trace/perfetto.h"
#include "trace/recorder.h"
#include "trace/timeline.h"

namespace cairn {

struct Trace::State {
  TraceOptions options;
  std::vector<trace::Layout::Part> parts;
  std::optional<trace::PerfettoFile> file;
  std::optional<trace::Timeline> timeline;
  std::vector<TracedLayer> layers;

  std::int64_t run = 0;  // layers

  // The observer of the next layer, null if it is not recorded, and what is to be done when its cycles are known.
  std::unique_ptr<trace::Recorder> begin(const std::string& name);
  void end(const std::string& name, const trace::Recorder* recorder, Cycle cycles);
};

}  // namespace cairn
