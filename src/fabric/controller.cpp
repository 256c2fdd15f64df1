#include "fabric/controller.h"

#include <algorithm>

#include "stats/activity.h"
#include "util/diagnostics.h"

namespace cairn::fabric {

kernel::Wiring Controller::wiring() const {
  if (links_.sent == nullptr) return {{links_.stored}, {links_.offers}};
  return {{links_.stored, links_.sent}, {links_.offers}};
}

bool Controller::tick(Cycle now) {
  stored_ += links_.stored->take(now);
  if (links_.sent != nullptr) unsent_ -= links_.sent->take(now);
  awaits_ports_ = awaits_ports_ && unsent_ > 0;
  if (awaits_ports_) ++spent_[UnitState::port];
  if (stored_ < row_stored_ || awaits_ports_) return false;
  const bool rests = idle_left_ > 0 && !offering_;
  if (!offering_ && !rests && !begin_round()) return false;
  if (idle_left_ > 0) {
    --idle_left_;
    ++spent_[UnitState::reconfiguring];
  } else {
    offer(now);
    ++spent_[UnitState::busy];
  }
  return true;
}

// What it does not spend otherwise it waits for results. A rest after the last round may outlast the run.
UnitCycles Controller::activity(Cycle end) const {
  UnitCycles cycles = spent_;
  cycles[UnitState::reconfiguring] -= std::max<Cycle>(0, end_ - end);
  cycles[UnitState::draining] = end - stats::sum(cycles);
  return cycles;
}

bool Controller::begin_round() {
  if (begun_ == program_.rounds->size() || stored_ < round_.awaited) return false;
  program_.packets->enter(begun_);
  at_ = program_.packets->first(begun_);
  program_.configure(program_.rounds->at(begun_));
  ++begun_;
  offering_ = true;
  idle_left_ = at_.kind == StepKind::weights ? timing_.before_weights : timing_.before_rows;
  return true;
}

void Controller::flow() {
  const Packets& packets = *program_.packets;
  Cycle begin = links_.round.at_rest ? 1 : end_ + 1;
  if (!links_.round.at_rest && !links_.stored->streams[0].empty())
    begin = std::max(begin, links_.stored->streams[0].last() + 1);
  begin_ = links_.round.begin = begin;
  followed_at_once_ = begin == end_ + 1;
  end_ = begin - 1;
  kernel::Stream& offers = links_.offers->streams[0];
  offers.clear();
  const auto offer = [&](StepKind kind, Count steps) {
    const Cycle length = util::ceil_div(packets_of(kind), offered_at_once(kind));
    offers.append({end_ + 1, length, steps});
    end_ += steps * length;
  };
  const Clusters& clusters = packets.clusters();
  const Count slides = clusters.slide > 0 ? packets.windows() - 1 : 0;
  const Count alike = slides == 0 && timing_.before_rows == 0 ? packets.rows() : 1;  // rows that are one long row
  const Count weights = packets.steps_by_kind()[0];
  if (weights > 0) {
    end_ += timing_.before_weights;
    offer(StepKind::weights, weights);
  }
  for (Count row = 0; row < packets.rows(); row += alike) {
    end_ += timing_.before_rows;
    offer(StepKind::window, (packets.windows() - slides) * clusters.folds * alike);
    if (slides > 0) offer(StepKind::slide, slides * clusters.folds);
  }
  end_ += timing_.after_round;
  spent_[UnitState::busy] += end_ - begin + 1 - resting();
  spent_[UnitState::reconfiguring] += resting();
  links_.round.controller_free = end_ + 1;
  const Count windows = packets.rows() * packets.windows();
  counters_.weight_reads += round_.weight_reads;
  counters_.input_reads += round_.input_reads;
  if (clusters.psums_streamed) counters_.psum_reads += windows;
  counters_.steps += weights + clusters.folds * windows;
}

// Of the cycles of a round that the controller needs for itself.
Cycle Controller::resting() const {
  const Cycle before_weights = program_.packets->clusters().compares ? 0 : timing_.before_weights;
  return before_weights + program_.packets->rows() * timing_.before_rows + timing_.after_round;
}

// When the round began is of no interest if every port had still to send. One that waited for results began when they
// were there, which no other round did.
void Controller::left_behind(std::vector<Cycle>& state) const {
  if (!links_.round.port_waited) return;
  state.push_back(followed_at_once_ ? begin_ - links_.round.first_sum : begin_);
}

std::string Controller::waiting() const {
  const Count missing = std::max(round_.awaited, row_stored_) - stored_;
  return begun_ < program_.rounds->size() ? std::to_string(missing) + " more stored results" : "";
}

// What this cycle offers of the present step.
void Controller::offer(Cycle now) {
  if (offered_ == 0) {
    const bool weights = at_.kind == StepKind::weights;
    (weights ? counters_.weight_reads : counters_.input_reads) += program_.packets->reads(at_);
    if (!weights && program_.packets->clusters().psums_streamed) ++counters_.psum_reads;
    ++counters_.steps;
  }
  const Count packets = std::min(offered_at_once(at_.kind), packets_of(at_.kind) - offered_);
  links_.offers->add(packets, now);
  if (links_.sent != nullptr) unsent_ += packets;
  offered_ += packets;
  if (offered_ < packets_of(at_.kind)) return;
  offered_ = 0;
  const Position done = at_;
  program_.packets->advance(at_);
  offering_ = at_.round < begun_;
  if (at_.fold == 0) end_window(done);
}

// The controller is through with the weights or with a window.
void Controller::end_window(const Position& done) {
  const bool weights = done.kind == StepKind::weights;
  const bool row_ends = !weights && at_.window == 0;
  if (timing_.row_barrier) {
    awaits_ports_ = weights || done.window == 0;
    const Count of_row = round_.results / program_.packets->rows();
    if (row_ends && !finished()) row_stored_ = round_.before + of_row * (done.row + 1);
  }
  if (!offering_) {
    idle_left_ = timing_.after_round;
  } else if (weights || row_ends) {
    idle_left_ = timing_.before_rows;
  }
}

}  // namespace cairn::fabric
