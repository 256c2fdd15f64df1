#include "trace/perfetto.h"

#include <fmt/format.h>

#include <cmath>

#include <protozero/pbf_writer.hpp>

#include "util/diagnostics.h"

namespace cairn::trace {
namespace {

// Numbers of the fields in Perfetto's protos/perfetto/trace/perfetto_trace.proto, by message.
namespace field {
constexpr int kTracePacket = 1;

constexpr int kPacketTimestamp = 8;
constexpr int kPacketSequence = 10;
constexpr int kPacketTrackEvent = 11;
constexpr int kPacketInternedData = 12;
constexpr int kPacketSequenceFlags = 13;
constexpr int kPacketTrackDescriptor = 60;

constexpr int kTrackUuid = 1;
constexpr int kTrackName = 2;
constexpr int kTrackParent = 5;
constexpr int kTrackCounter = 8;
constexpr int kTrackChildOrdering = 11;
constexpr int kTrackRank = 12;
constexpr int kCounterUnitName = 6;

constexpr int kEventAnnotation = 4;
constexpr int kEventType = 9;
constexpr int kEventNameId = 10;
constexpr int kEventTrack = 11;
constexpr int kEventName = 23;
constexpr int kEventCounterValue = 30;
constexpr int kAnnotationNameId = 1;
constexpr int kAnnotationInteger = 4;

constexpr int kInternedEventName = 2;
constexpr int kInternedAnnotationName = 3;
constexpr int kInternedId = 1;
constexpr int kInternedText = 2;
}  // namespace field

constexpr int kStateCleared = 1;  // the names of the sequence begin anew
constexpr int kNeedsState = 2;
constexpr int kInGivenOrder = 3;  // of the tracks in a group

constexpr std::size_t kBuffer = 1 << 16;
// What one cycle and the end of a recording take at most: some 50 tracks, 30 bytes for a value, 150 for a slice with
// its names.
constexpr Count kReserve = 1 << 14;
constexpr Count kSlice = 1 << 9;
constexpr std::size_t kLongestName = 200;

// Calls fill(packet) for a new packet at the end of the trace.
template <class Fill>
void packet(std::string& trace, Fill fill) {
  protozero::pbf_writer whole(trace);
  protozero::pbf_writer packet(whole, field::kTracePacket);
  packet.add_uint32(field::kPacketSequence, 1);
  fill(packet);
}

}  // namespace

PerfettoFile::PerfettoFile(const std::string& path, Count limit, double clock, const std::string& machine)
    : path_(path), out_(path, std::ios::binary), limit_(limit), nanoseconds_(1000 / clock) {
  packet(buffer_, [](auto& p) { p.add_uint32(field::kPacketSequenceFlags, kStateCleared); });
  machine_track_ = describe(0, fmt::format("{} (a cycle lasts {} ns)", machine, nanoseconds_), 0);
  layers_track_ = describe(machine_track_, "layers and rounds", 0);
  flush();
}

std::uint64_t PerfettoFile::describe(std::uint64_t parent, const std::string& name, int rank, const std::string& unit) {
  const std::uint64_t uuid = ++tracks_;
  packet(buffer_, [&](auto& p) {
    protozero::pbf_writer track(p, field::kPacketTrackDescriptor);
    track.add_uint64(field::kTrackUuid, uuid);
    track.add_string(field::kTrackName, name);
    if (parent != 0) track.add_uint64(field::kTrackParent, parent);
    track.add_int32(field::kTrackRank, rank);
    if (unit.empty()) {
      track.add_enum(field::kTrackChildOrdering, kInGivenOrder);
    } else {
      protozero::pbf_writer counter(track, field::kTrackCounter);
      counter.add_string(field::kCounterUnitName, unit);
    }
  });
  return uuid;
}

void PerfettoFile::describe(const Layout& layout) {
  int rank = 0;
  for (const Layout::Part& part : layout.parts) {
    Part& made = parts_.emplace_back(Part{describe(machine_track_, part.name, ++rank), {}, {}});
    int order = 0;
    for (const Layout::Counter& counter : part.counters)
      made.counters.push_back({describe(made.track, counter.name, ++order, counter.unit + " per cycle")});
  }
  const std::uint64_t group = describe(machine_track_, "in the channels", ++rank);
  rank = 0;
  for (const std::string& channel : layout.channels) channels_.push_back({describe(group, channel, ++rank, "items")});
}

void PerfettoFile::layer_begins(const std::string& name, const Layout& layout) {
  if (parts_.empty()) describe(layout);
  last_ = 0;
  begin(layers_track_, 1, name.substr(0, kLongestName));
}

void PerfettoFile::round_begins(Cycle cycle, std::span<const kernel::Fact> facts) {
  if (full_) return;
  if (in_round_) end(layers_track_, cycle);
  in_round_ = true;
  begin(layers_track_, cycle, fmt::format("{} {}", facts.front().first, facts.front().second), facts);
}

bool PerfettoFile::take(const Sample& sample) {
  if (full_) return false;
  last_ = sample.cycle;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    const Sample::Part& seen = sample.parts[i];
    std::string state;
    if (seen.state == Sample::State::busy) state = "busy";
    if (seen.state == Sample::State::waiting) state = "waits for " + seen.reason;
    if (state != part.slice) {
      if (!part.slice.empty()) end(part.track, sample.cycle);
      if (!state.empty()) begin_often(part.track, sample.cycle, state);
      part.slice = state;
    }
    for (std::size_t c = 0; c < part.counters.size(); ++c) count(part.counters[c], sample.cycle, seen.counted[c]);
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) count(channels_[i], sample.cycle, sample.in_flight[i]);
  if (buffer_.size() >= kBuffer) flush();
  full_ = bytes() + kReserve > limit_;
  return !full_;
}

void PerfettoFile::layer_ends(Cycle cycles) {
  refuse_if_too_long(cycles);
  const Cycle after = last_ + 1;
  for (Part& part : parts_) {
    if (!part.slice.empty()) end(part.track, after);
    part.slice.clear();
    for (Counter& counter : part.counters) count(counter, after, 0);
  }
  for (Counter& channel : channels_) count(channel, after, 0);
  if (in_round_) end(layers_track_, after);
  in_round_ = false;
  if (full_) instant(layers_track_, after, "cut: the limit of the file is reached");
  end(layers_track_, cycles + 1);
  offset_ += cycles;
  flush();
}

void PerfettoFile::layer(const std::string& name, Cycle cycles) {
  refuse_if_too_long(cycles);
  if (bytes() + kSlice <= limit_) {
    begin(layers_track_, 1, name.substr(0, kLongestName));
    end(layers_track_, cycles + 1);
  }
  full_ = full_ || bytes() + kReserve > limit_;
  offset_ += cycles;
  flush();
}

void PerfettoFile::refuse_if_too_long(Cycle cycles) const {
  constexpr double kMost = 9e18;
  if ((static_cast<double>(offset_) + static_cast<double>(cycles)) * nanoseconds_ > kMost) {
    throw Error(Code::too_large, "trace", "its nanoseconds do not fit in 63 bits",
                "trace fewer layers, or with a faster clock");
  }
}

std::uint64_t PerfettoFile::time(Cycle at) const {
  const double cycles = static_cast<double>(offset_) + static_cast<double>(at - 1);
  return static_cast<std::uint64_t>(std::llround(cycles * nanoseconds_));
}

// An event: fill(event) adds what is particular to its kind.
template <class Fill>
void PerfettoFile::event(Type type, std::uint64_t track, Cycle at, Fill fill) {
  packet(buffer_, [&](auto& p) {
    p.add_uint64(field::kPacketTimestamp, time(at));
    p.add_uint32(field::kPacketSequenceFlags, kNeedsState);
    protozero::pbf_writer event(p, field::kPacketTrackEvent);
    event.add_enum(field::kEventType, static_cast<int>(type));
    event.add_uint64(field::kEventTrack, track);
    fill(event);
  });
}

void PerfettoFile::begin(std::uint64_t track, Cycle at, const std::string& name, std::span<const kernel::Fact> facts) {
  for (const auto& [key, value] : facts) intern(keys_, field::kInternedAnnotationName, key);
  event(Type::begin, track, at, [&](auto& event) {
    event.add_string(field::kEventName, name);
    for (const auto& [key, value] : facts) {
      protozero::pbf_writer annotation(event, field::kEventAnnotation);
      annotation.add_uint64(field::kAnnotationNameId, keys_.at(key));
      annotation.add_int64(field::kAnnotationInteger, value);
    }
  });
}

void PerfettoFile::begin_often(std::uint64_t track, Cycle at, const std::string& name) {
  const std::uint64_t id = intern(names_, field::kInternedEventName, name);
  event(Type::begin, track, at, [&](auto& event) { event.add_uint64(field::kEventNameId, id); });
}

void PerfettoFile::end(std::uint64_t track, Cycle at) {
  event(Type::end, track, at, [](auto&) {});
}

void PerfettoFile::instant(std::uint64_t track, Cycle at, const std::string& name) {
  event(Type::instant, track, at, [&](auto& event) { event.add_string(field::kEventName, name); });
}

// A value holds until the next.
void PerfettoFile::count(Counter& counter, Cycle at, Count value) {
  if (counter.value == value) return;
  counter.value = value;
  event(Type::counter, counter.track, at, [&](auto& event) { event.add_int64(field::kEventCounterValue, value); });
}

// The number that stands for a name, which is written once.
std::uint64_t PerfettoFile::intern(Interned& names, int kind, const std::string& name) {
  const auto added = names.emplace(name, names.size() + 1);
  const std::uint64_t id = added.first->second;
  if (added.second) {
    packet(buffer_, [&](auto& p) {
      p.add_uint32(field::kPacketSequenceFlags, kNeedsState);
      protozero::pbf_writer data(p, field::kPacketInternedData);
      protozero::pbf_writer entry(data, static_cast<protozero::pbf_tag_type>(kind));
      entry.add_uint64(field::kInternedId, id);
      entry.add_string(field::kInternedText, name);
    });
  }
  return id;
}

void PerfettoFile::flush() {
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  out_.flush();
  if (!out_) {
    throw Error(Code::output_unwritable, path_, "the trace cannot be written there",
                "name a writable folder with room for the trace; --limit makes it smaller");
  }
  written_ += static_cast<Count>(buffer_.size());
  buffer_.clear();
}

}  // namespace cairn::trace
