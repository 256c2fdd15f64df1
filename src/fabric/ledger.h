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
  explicit Ledger(int lanes = 0) : lanes_(static_cast<std::size_t>(lanes)), started_(lanes), used_(lanes) { rest(); }

  int lanes() const { return static_cast<int>(lanes_.size()); }
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
    if (first != 0) start(word, first, now);
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
    enter(lanes_[static_cast<std::size_t>(lane)], State::working, now);
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
  Cycle ready(std::size_t lane) const { return fresh_ ? 1 : lanes_[lane].since; }
  // So much work was done.
  void worked(Count unit_cycles) { busy_ += static_cast<std::uint64_t>(unit_cycles); }

  // What the lanes did from cycle 1 to cycle `end`. In flow some may have work after it. Throws U203 if lanes x cycles
  // do not fit in 63 bits.
  UnitCycles at(Cycle end) const;
  // What is known for good of all lanes, each up to the end of its last round.
  UnitCycles settled() const;
  // When the lanes of the last round ended, counted from `origin`: rounds that leave the same behind spend equal
  // cycles.
  void left_behind(Cycle origin, std::vector<Cycle>& state) const;

 private:
  enum class State : std::uint8_t { idle, draining, waiting, between, working };
  static constexpr std::size_t kStates = 5;
  struct Lane {
    Cycle since = 1;  // it is in this state
    Count owed = 0;   // clocked: rounds begun in which it has not ended
    State state = State::idle;
  };
  // Unsigned, so that sums too large for a result wrap and are refused in the end.
  struct Sum {
    std::uint64_t closed = 0;  // unit-cycles of lanes that have left the state
    std::uint64_t lanes = 0;   // that are in it
    std::uint64_t since = 0;   // the sum of when they came
  };
  using Sums = std::array<Sum, kStates>;

  UnitCycles counts(const std::array<std::uint64_t, kStates>& sums, std::uint64_t busy) const;
  Sum& sum(State state) { return sums_[static_cast<std::size_t>(state)]; }
  static std::uint64_t unsign(Cycle cycles) { return static_cast<std::uint64_t>(cycles); }
  void enter(Lane& lane, State state, Cycle at) {
    const Cycle from = std::max(at, lane.since);
    Sum& left = sum(lane.state);
    left.closed += unsign(from - lane.since);
    left.lanes -= 1;
    left.since -= unsign(lane.since);
    sum(state).lanes += 1;
    sum(state).since += unsign(from);
    lane.since = from;
    lane.state = state;
  }
  void unpack();
  void start(std::size_t word, std::uint64_t lanes, Cycle now);

  std::vector<Lane> lanes_;
  bool fresh_ = true;  // all lanes are as at rest, whatever is in lanes_
  kernel::LaneSet started_;
  kernel::LaneSet used_;  // clocked: in the round that began last
  Count taking_part_ = 0;
  bool drains_ = true;              // clocked: the round that began last
  State between_ = State::waiting;  // rounds of a lane that have begun
  Sums sums_{};
  Cycle latest_ = 0;  // flow: since when the last lane is through
  std::uint64_t busy_ = 0;
  std::uint64_t port_ = 0;
};

template <class SpanOf>
void Ledger::round(Cycle begin, bool drains, SpanOf span_of) {
  const bool fresh = fresh_;
  const State after = drains ? State::draining : State::waiting;
  std::array<std::uint64_t, kStates> closed{};
  std::uint64_t waiting = 0;
  std::uint64_t working = 0;
  std::uint64_t idle_since = 0;
  std::uint64_t ends = 0;
  std::uint64_t through = 0;
  Cycle latest = latest_;
  if (fresh) closed.front() = lanes_.size() * unsign(begin - 1);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    const Span span = span_of(i);
    Cycle from = begin;
    if (!fresh) {
      from = std::max(begin, lane.since);
      closed[static_cast<std::size_t>(lane.state)] += unsign(from - lane.since);
    }
    const Cycle end = span.last + 1;
    if (span.first == 0) {
      idle_since += unsign(from);
      lane = {from, 0, State::idle};
    } else {
      waiting += unsign(span.first - from);
      working += unsign(end - span.first);
      ends += unsign(end);
      latest = std::max(latest, end);
      ++through;
      lane = {end, 0, after};
    }
  }
  fresh_ = false;
  latest_ = latest;
  taking_part_ = static_cast<Count>(through);
  for (std::size_t state = 0; state < kStates; ++state) sums_[state] = {sums_[state].closed + closed[state], 0, 0};
  sum(State::waiting).closed += waiting;
  sum(State::working).closed += working;
  sum(State::idle).lanes = lanes_.size() - through;
  sum(State::idle).since = idle_since;
  sum(after).lanes = through;
  sum(after).since = ends;
}

}  // namespace cairn::fabric
