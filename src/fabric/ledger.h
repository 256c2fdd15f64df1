// What the units of a part (its lanes) do in each cycle, by the own-round rule: a lane that takes part in a round
// reconfigures until its first operation, then is at work or waits for operands until its last one, then drains until
// the next round begins, and is idle if it has no part in that. Where the next round does not wait for all results of
// this one nobody drains, but reconfigures for that round at once. Nothing is done in most cycles: a lane is looked at
// when a round begins, when it begins to work in it and when it ends (docs/design/0010-where-the-cycles-went.md).
#pragma once

#include <algorithm>
#include <vector>

#include "cairn/activity.h"
#include "kernel/channel.h"

namespace cairn::fabric {

class Ledger {
 public:
  explicit Ledger(int lanes = 0) : spans_(static_cast<std::size_t>(lanes)), started_(lanes), used_(lanes) {}

  int lanes() const { return static_cast<int>(spans_.size()); }
  Count taking_part() const { return taking_part_; }  // in the round that began last

  // A run begins, or in flow a round in a machine at rest: cycle 1 is next.
  void rest();

  // Clocked. A round begins in cycle `now`; `used` take part. `drains`: the next one waits for all its results. Where
  // tiles overlap, `rounds` of them follow each other; results that still leave are what keeps their lanes from going
  // on.
  void begin(Cycle now, const kernel::LaneSet& used, bool drains, Count rounds = 1);
  // Those of 64 lanes that the bits tell are at work in cycle `now`.
  void work(std::size_t word, std::uint64_t lanes, Cycle now) {
    busy_ += static_cast<std::uint64_t>(std::popcount(lanes));
    const std::uint64_t first = lanes & ~started_.words()[word];
    if (first == 0) return;
    started_.words()[word] |= first;
    kernel::for_each_bit(word, first, [&](std::size_t lane) { enter(spans_[lane], State::working, now); });
  }
  void work(const kernel::LaneSet& lanes, Cycle now) {
    for (std::size_t word = 0; word < lanes.words().size(); ++word) work(word, lanes.words()[word], now);
  }
  // Its last operation of the round was in cycle `now`, or keeps it busy until then.
  void ended(int lane, Cycle now);
  void ended(const kernel::LaneSet& lanes, Cycle now) {
    lanes.for_each([&](int lane) { ended(lane, now); });
  }
  bool started(int lane) const { return started_.test(lane); }
  // Begins to work, or to wait for more, in cycle `now`: of lanes whose work is told by worked().
  void start(int lane, Cycle now) {
    started_.set(lane);
    enter(spans_[static_cast<std::size_t>(lane)], State::working, now);
  }
  // So many lanes that have started have their operands in this cycle and no room behind them.
  void held_back(Count lanes) { port_ += static_cast<std::uint64_t>(lanes); }

  // Flow. A whole round: `span(lane)` says from which cycle to which it is at work, {0, 0} if it takes no part.
  struct Span {
    Cycle first;
    Cycle last;
  };
  template <class SpanOf>
  void round(Cycle begin, bool drains, SpanOf span_of);
  // The cycle after its last work so far.
  Cycle ready(std::size_t lane) const { return spans_[lane].since; }
  // So much work was done.
  void worked(Count unit_cycles) { busy_ += static_cast<std::uint64_t>(unit_cycles); }

  // What the lanes did from cycle 1 to cycle `end`. In flow some may have work after it. Throws U203 if lanes x cycles
  // do not fit in 63 bits.
  UnitCycles at(Cycle end) const;
  // What is known for good of all lanes, each up to the end of its last round.
  UnitCycles settled() const { return counts(closed_, busy_); }
  // When the lanes of the last round ended, counted from `origin`: rounds that leave the same behind spend equal
  // cycles.
  void left_behind(Cycle origin, std::vector<Cycle>& state) const;

 private:
  enum class State : std::uint8_t { idle, draining, waiting, between, working };
  static constexpr std::size_t kStates = 5;
  struct LaneSpan {
    Cycle since = 1;  // it is in this state
    Count owed = 0;   // clocked: rounds begun in which it has not ended
    State state = State::idle;
  };
  // Unsigned, so that sums too large for a result wrap and are refused in the end.
  using Sums = std::array<std::uint64_t, kStates>;

  static UnitCycles counts(const Sums& sums, std::uint64_t busy, std::uint64_t port);
  UnitCycles counts(const Sums& sums, std::uint64_t busy) const { return counts(sums, busy, port_); }
  std::uint64_t& closed(State state) { return closed_[static_cast<std::size_t>(state)]; }
  static std::uint64_t length(Cycle from, Cycle to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  }
  void enter(LaneSpan& lane, State state, Cycle at) {
    const Cycle from = std::max(at, lane.since);
    closed(lane.state) += length(lane.since, from);
    lane.since = from;
    lane.state = state;
  }

  std::vector<LaneSpan> spans_;
  kernel::LaneSet started_;
  kernel::LaneSet used_;  // clocked: in the round that began last
  Count taking_part_ = 0;
  bool drains_ = true;              // clocked: the round that began last
  State between_ = State::waiting;  // rounds of a lane that have begun
  Sums closed_{};
  std::uint64_t busy_ = 0;
  std::uint64_t port_ = 0;
};

template <class SpanOf>
void Ledger::round(Cycle begin, bool drains, SpanOf span_of) {
  std::uint64_t idle = 0;
  std::uint64_t draining = 0;
  std::uint64_t waiting = 0;
  std::uint64_t working = 0;
  taking_part_ = 0;
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    LaneSpan& lane = spans_[i];
    const Span span = span_of(i);
    const Cycle from = std::max(begin, lane.since);
    (lane.state == State::draining ? draining : lane.state == State::idle ? idle : waiting) += length(lane.since, from);
    lane.since = from;
    lane.state = State::idle;
    if (span.first == 0) continue;
    waiting += length(from, span.first);
    working += length(span.first, span.last) + 1;
    lane.since = span.last + 1;
    lane.state = drains ? State::draining : State::waiting;
    ++taking_part_;
  }
  closed(State::idle) += idle;
  closed(State::draining) += draining;
  closed(State::waiting) += waiting;
  closed(State::working) += working;
}

}  // namespace cairn::fabric
