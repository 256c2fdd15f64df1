#include "fabric/ledger.h"

#include "stats/activity.h"

namespace cairn::fabric {

void Ledger::rest() {
  std::ranges::fill(spans_, LaneSpan{});
  started_.clear_all();
  used_.clear_all();
  taking_part_ = 0;
  between_ = State::waiting;
  closed_ = {};
  busy_ = port_ = 0;
}

void Ledger::begin(Cycle now, const kernel::LaneSet& used, bool drains, Count rounds) {
  used_ = used;
  drains_ = drains;
  taking_part_ = used.count();
  if (rounds > 1) between_ = State::between;
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    LaneSpan& lane = spans_[i];
    const bool through = lane.owed == 0;  // with all rounds so far
    if (used.test(static_cast<int>(i))) {
      if (through) enter(lane, State::waiting, now);
      lane.owed += rounds;
    } else if (through) {
      enter(lane, State::idle, now);
    }
  }
}

void Ledger::ended(int lane, Cycle now) {
  started_.clear(lane);
  LaneSpan& span = spans_[static_cast<std::size_t>(lane)];
  --span.owed;
  const State after = !used_.test(lane) ? State::idle : drains_ ? State::draining : State::waiting;
  enter(span, span.owed > 0 ? between_ : after, now + 1);
}

UnitCycles Ledger::at(Cycle end) const {
  stats::unit_cycles(lanes(), end);
  Sums sums = closed_;
  std::uint64_t busy = busy_;
  for (const LaneSpan& lane : spans_) {
    if (lane.since <= end + 1) {
      sums[static_cast<std::size_t>(lane.state)] += length(lane.since, end + 1);
    } else {  // a port that still pauses
      busy -= length(end + 1, lane.since);
      sums[static_cast<std::size_t>(State::working)] -= length(end + 1, lane.since);
    }
  }
  return counts(sums, busy);
}

UnitCycles Ledger::counts(const Sums& sums, std::uint64_t busy, std::uint64_t port) {
  const auto sum = [&](State state) { return sums[static_cast<std::size_t>(state)]; };
  UnitCycles cycles;
  cycles[UnitState::busy] = static_cast<Count>(busy);
  cycles[UnitState::port] = static_cast<Count>(port);
  cycles[UnitState::operand] = static_cast<Count>(sum(State::working) - busy - port);
  cycles[UnitState::readout] = static_cast<Count>(sum(State::between));
  cycles[UnitState::reconfiguring] = static_cast<Count>(sum(State::waiting));
  cycles[UnitState::draining] = static_cast<Count>(sum(State::draining));
  cycles[UnitState::idle] = static_cast<Count>(sum(State::idle));
  return cycles;
}

void Ledger::left_behind(Cycle origin, std::vector<Cycle>& state) const {
  for (const LaneSpan& lane : spans_) {
    if (lane.state != State::idle) state.push_back(lane.since - origin);
  }
}

}  // namespace cairn::fabric
