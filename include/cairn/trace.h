// Timelines: what every part of a machine does in every cycle of a layer, as a file for ui.perfetto.dev and as text.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cairn/machine.h"

namespace cairn {

struct TraceOptions {
  std::string file{};               // in Perfetto's own format; empty = none
  std::int64_t limit = 64'000'000;  // bytes of the file, 64,000 at least
  double clock = 1000;              // MHz, 0.001 to 1000: the file counts nanoseconds
  bool text = false;                // whether to draw the timeline in text
  std::string layer{};  // by name, or by its number from 1; empty = all. Others take their place in time, no more
  // The cycles of each layer that are recorded.
  std::int64_t from = 1;
  std::int64_t to = std::numeric_limits<std::int64_t>::max();
};

// A layer that was recorded. `first` and `last` are 0 if it ended before the cycles that are.
struct TracedLayer {
  std::string name;
  std::int64_t cycles = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  bool cut = false;  // the file was full then
};

// Layers one after the other, on one machine, by Session::run with RunOptions::trace. Once the file is full nothing
// more is recorded.
class Trace {
 public:
  // Throws Error: E105 for a limit, a clock or a window out of range, E602 for a file that cannot be written. Runs may
  // throw E602, too, and U203 where time does not fit in 63 bits of nanoseconds.
  Trace(const Machine& machine, const TraceOptions& options);
  ~Trace();
  Trace(Trace&&) noexcept;
  Trace& operator=(Trace&&) noexcept;

  const std::vector<TracedLayer>& layers() const;  // that were recorded
  std::int64_t bytes() const;                      // of the file
  std::string text() const;                        // the timelines and what their signs mean; "" without options.text

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace cairn
