// A trace in Perfetto's own format (protocol buffers of TrackEvents), written as the run goes on: what is in memory is
// a buffer of fixed size and the names seen so far. A machine is a group of tracks: the layers with their rounds, each
// part with a track for each of its counters, and the channels.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "trace/recorder.h"

namespace cairn::trace {

class PerfettoFile final : public Sink {
 public:
  // The file takes `limit` bytes at most. A cycle of a clock of `clock` MHz lasts 1000 / clock ns of the trace.
  // Throws output_unwritable (E602), as do all that write.
  PerfettoFile(const std::string& path, Count limit, double clock, const std::string& machine);

  void layer_begins(const std::string& name, const Layout& layout) override;
  void round_begins(Cycle cycle, std::span<const kernel::Fact> facts) override;
  // Whole cycles only: false when the next might not fit.
  bool take(const Sample& sample) override;
  void layer_ends(Cycle cycles) override;
  // A layer that was not recorded: its slice alone.
  void layer(const std::string& name, Cycle cycles);

  Count bytes() const { return written_ + static_cast<Count>(buffer_.size()); }
  // Whether the limit has ended the recording.
  bool full() const { return full_; }

 private:
  struct Counter {
    std::uint64_t track;
    Count value = 0;
  };
  struct Part {
    std::uint64_t track;
    std::string slice;  // the name of the open one; "" = none
    std::vector<Counter> counters;
  };
  enum class Type { begin = 1, end = 2, instant = 3, counter = 4 };
  using Interned = std::map<std::string, std::uint64_t>;

  std::uint64_t describe(std::uint64_t parent, const std::string& name, int rank, const std::string& unit = "");
  void describe(const Layout& layout);
  template <class Fill>
  void event(Type type, std::uint64_t track, Cycle at, Fill fill);
  void begin(std::uint64_t track, Cycle at, const std::string& name, std::span<const kernel::Fact> facts = {});
  // Of a name that comes again and again.
  void begin_often(std::uint64_t track, Cycle at, const std::string& name);
  void end(std::uint64_t track, Cycle at);
  void instant(std::uint64_t track, Cycle at, const std::string& name);
  void count(Counter& counter, Cycle at, Count value);
  std::uint64_t intern(Interned& names, int kind, const std::string& name);
  // Writes what is still in memory.
  void flush();
  void refuse_if_too_long(Cycle cycles) const;
  // The begin of a cycle of the layer in nanoseconds.
  std::uint64_t time(Cycle at) const;

  std::string path_;
  std::ofstream out_;
  Count limit_;
  double nanoseconds_;  // of a cycle
  Count written_ = 0;
  std::string buffer_;
  std::uint64_t tracks_ = 0;
  std::uint64_t machine_track_ = 0;
  std::uint64_t layers_track_ = 0;
  std::vector<Part> parts_;
  std::vector<Counter> channels_;
  Interned names_;
  Interned keys_;
  Cycle offset_ = 0;  // cycles of the layers before
  Cycle last_ = 0;    // the last cycle of the layer that was recorded
  bool in_round_ = false;
  bool full_ = false;
};

}  // namespace cairn::trace
