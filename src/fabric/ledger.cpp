#include "fabric/ledger.h"

#include "stats/activity.h"

namespace cairn::fabric {

void Ledger::rest() {
  fresh_ = true;
  started_.clear_all();
  used_.clear_all();
  taking_part_ = 0;
  between_ = State::waiting;
  sums_ = {};
  sum(State::idle).lanes = sum(State::idle).since = lanes_.size();
  latest_ = 0;
  busy_ = port_ = 0;
}

void Ledger::unpack() {
  if (fresh_) std::ranges::fill(lanes_, Lane{});
  fresh_ = false;
}

void Ledger::begin(Cycle now, const kernel::LaneSet& used, bool drains, Count rounds) {
  unpack();
  used_ = used;
  drains_ = drains;
  taking_part_ = used.count();
  if (rounds > 1) between_ = State::between;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    const bool through = lane.owed == 0;  // with all rounds so far
    if (used.test(static_cast<int>(i))) {
      if (through) enter(lane, State::waiting, now);
      lane.owed += rounds;
    } else if (through) {
      enter(lane, State::idle, now);
    }
  }
}

void Ledger::start(std::size_t word, std::uint64_t lanes, Cycle now) {
  started_.words()[word] |= lanes;
  kernel::for_each_bit(word, lanes, [&](std::size_t lane) { enter(lanes_[lane], State::working, now); });
}

void Ledger::ended(int lane, Cycle now) {
  started_.clear(lane);
  Lane& through = lanes_[static_cast<std::size_t>(lane)];
  --through.owed;
  const State after = !used_.test(lane) ? State::idle : drains_ ? State::draining : State::waiting;
  enter(through, through.owed > 0 ? between_ : after, now + 1);
}

UnitCycles Ledger::at(Cycle end) const {
  stats::unit_cycles(lanes(), end);
  std::array<std::uint64_t, kStates> sums{};
  for (std::size_t state = 0; state < kStates; ++state)
    sums[state] = sums_[state].closed + sums_[state].lanes * unsign(end + 1) - sums_[state].since;
  if (latest_ <= end + 1) return counts(sums, busy_);
  std::uint64_t busy = busy_;
  for (const Lane& lane : lanes_) {  // ports that still pause
    if (lane.since <= end + 1) continue;
    const std::uint64_t after = unsign(lane.since - end - 1);
    busy -= after;
    sums[static_cast<std::size_t>(State::working)] -= after;
    sums[static_cast<std::size_t>(lane.state)] += after;
  }
  return counts(sums, busy);
}

UnitCycles Ledger::settled() const {
  std::array<std::uint64_t, kStates> sums{};
  for (std::size_t state = 0; state < kStates; ++state) sums[state] = sums_[state].closed;
  return counts(sums, busy_);
}

UnitCycles Ledger::counts(const std::array<std::uint64_t, kStates>& sums, std::uint64_t busy) const {
  const auto cycles_of = [&](State state) { return static_cast<Count>(sums[static_cast<std::size_t>(state)]); };
  UnitCycles cycles;
  cycles[UnitState::busy] = static_cast<Count>(busy);
  cycles[UnitState::port] = static_cast<Count>(port_);
  cycles[UnitState::operand] = static_cast<Count>(unsign(cycles_of(State::working)) - busy - port_);
  cycles[UnitState::readout] = cycles_of(State::between);
  cycles[UnitState::reconfiguring] = cycles_of(State::waiting);
  cycles[UnitState::draining] = cycles_of(State::draining);
  cycles[UnitState::idle] = cycles_of(State::idle);
  return cycles;
}

void Ledger::left_behind(Cycle origin, std::vector<Cycle>& state) const {
  for (const Lane& lane : lanes_) {
    if (lane.state != State::idle) state.push_back(lane.since - origin);
  }
}

}  // namespace cairn::fabric
