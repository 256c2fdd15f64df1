#include "fabric/line_controller.h"

namespace cairn::fabric {

bool LineController::tick(Cycle now) {
  stored_ += links_.stored->take(now);
  const bool tile_stored = stored_ == awaited_;
  if (posted_ == lines(round_)) {  // between tiles
    if (begun_ == program_.rounds->size()) return tile_stored;
    if (!may_begin(now, tile_stored)) {
      if (array_.overlapped) ++spent_[UnitState::readout];
      return array_.overlapped && now < next_start_;
    }
    begin(now);
  }
  if (setup_left_ > 0) {
    --setup_left_;
    ++spent_[UnitState::reconfiguring];
    return true;
  }
  if (!links_.posts->can_push(0, now)) {
    ++spent_[UnitState::port];
    return false;
  }
  ++spent_[UnitState::busy];
  links_.posts->push(0, panel() + posted_ * words_per_line(), now);
  count(round_, posted_, 1);
  ++posted_;
  return true;
}

// All words of line k are posted in cycle 1 + setup + k of the round.
void LineController::flow() {
  links_.posts->streams[0] = kernel::Stream::regular(1 + setup_cycles_, 1, lines(round_));
  count(round_, 0, lines(round_));
  spent_[UnitState::reconfiguring] += setup_cycles_;
  spent_[UnitState::busy] += lines(round_);
}

bool LineController::may_begin(Cycle now, bool tile_stored) const {
  if (begun_ == 0) return true;
  if (!array_.overlapped) return tile_stored;
  return now >= next_start_ && links_.posts->in_flight() <= posted_;  // the older of the two panels is free again
}

void LineController::begin(Cycle now) {
  const Round next = program_.rounds->at(begun_);
  program_.configure(next);
  setup_left_ = array_.overlapped && begun_ > 0 ? 0 : setup_cycles_;
  next_start_ = now + setup_left_ + program_.interval(next);
  posted_ = 0;
  std::vector<float>& panel = panels_[static_cast<std::size_t>(begun_ % 2)];
  panel.resize(static_cast<std::size_t>(lines(next) * words_per_line()));
  program_.panels->load(begun_, panel.data());
  awaited_ += next.results;
  ++begun_;
}

}  // namespace cairn::fabric
