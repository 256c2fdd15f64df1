#include "fabric/unblocked.h"

#include "util/diagnostics.h"

namespace cairn::fabric {

using kernel::Piece;
using kernel::Stream;

namespace {

void add(UnblockedCounters& total, const UnblockedCounters& part, Count times) {
  total.words += part.words * times;
  total.hops += part.hops * times;
  total.broadcasts += part.broadcasts * times;
}

}  // namespace

kernel::Wiring Unblocked::wiring() const {
  if (links_.sent == nullptr) return {{links_.offers, links_.psums}, {links_.words}};
  return {{links_.offers, links_.psums}, {links_.words, links_.sent}};
}

void Unblocked::start(const Program& program) {
  packets_ = program.packets;
  offered_ = before_ = reported_ = 0;
  at_ = {};
  next_ = copied_ = 0;
}

bool Unblocked::tick(Cycle now) {
  offered_ += links_.offers->take(now);
  const Count words = counters_.words;
  const auto room = [&] { return counters_.words - words < bandwidth_; };
  links_.psums->occupied().for_each([&](int lane) {
    while (room() && links_.psums->can_pop(lane, now)) {
      const Psum psum = links_.psums->pop(lane, now);
      send(psum.value, false, std::array{psum.multiplier}, now);
    }
  });
  bool step_ends = false;  // and the next one may not share the cycle
  while (room() && !step_ends && next_is_offered()) {
    send_next(now);
    step_ends = next_ == packets_->packets(at_.kind).size();
  }
  if (step_ends) {
    before_ += static_cast<Count>(next_);
    next_ = 0;
    packets_->advance(at_);
  }
  if (counters_.words > words) return true;
  if (links_.sent != nullptr && reported_ < offered_) {
    links_.sent->add(offered_ - reported_, now);
    reported_ = offered_;
  }
  return false;
}

void Unblocked::send_next(Cycle now) {
  const std::span<const int> to = packets_->packets(at_.kind)[next_];
  const int packet = static_cast<int>(next_);
  float word = 0;
  packets_->words(at_, std::span(&packet, 1), &word);
  send(word, at_.kind == StepKind::weights, copies_ ? to : to.subspan(copied_, 1), now);
  copied_ = copies_ ? to.size() : copied_ + 1;
  if (copied_ < to.size()) return;
  copied_ = 0;
  ++next_;
}

void Unblocked::send(float value, bool weight, std::span<const int> to, Cycle now) {
  for (const int multiplier : to) links_.words->push(multiplier, {value, weight}, now);
  add(counters_, cost_of(to), 1);
}

bool Unblocked::has_flow() const {
  const Clusters& clusters = packets_->clusters();
  return offered_at_once_ == 0 && (!clusters.psum_multiplier || clusters.psums_streamed);
}

void Unblocked::flow() {
  if (!dealt_) deal();
  if (links_.round.at_rest) free_at_ = 0;
  const Clusters& clusters = packets_->clusters();
  const Count slides = clusters.slide > 0 ? packets_->windows() - 1 : 0;
  for (Stream& stream : links_.words->streams) stream.clear();
  const Cycle never_idle = free_at_;
  Cycle busy = 0;
  kernel::Reader offers(links_.offers->streams[0]);
  const auto serve_next = [&](StepKind kind, Count steps) {
    offers.take(steps, [&](const Piece& piece) { busy += serve(kind, piece); });
  };
  serve_next(StepKind::weights, clusters.folds);
  if (slides == 0) serve_next(StepKind::window, packets_->rows() * packets_->windows() * clusters.folds);
  for (Count row = 0; slides > 0 && row < packets_->rows(); ++row) {
    serve_next(StepKind::window, (packets_->windows() - slides) * clusters.folds);
    serve_next(StepKind::slide, slides * clusters.folds);
  }
  links_.round.ports_free = free_at_;
  links_.round.port_waited = free_at_ > never_idle + busy;
}

void Unblocked::deal() {
  for (std::size_t kind = 0; kind < shares_.size(); ++kind) {
    Share& share = shares_[kind];
    const Multicasts& packets = packets_->packets(static_cast<StepKind>(kind));
    share.word.assign(links_.words->streams.size(), -1);
    share.cost = {};
    for (std::size_t i = 0; i < packets.size(); ++i) {
      const std::span<const int> to = packets[i];
      for (std::size_t d = 0; d < to.size(); ++d) {
        share.word[static_cast<std::size_t>(to[d])] = static_cast<int>(share.cost.words);
        if (!copies_) add(share.cost, cost_of(to.subspan(d, 1)), 1);
      }
      if (copies_) add(share.cost, cost_of(to), 1);
    }
  }
  dealt_ = true;
}

// Steps that are offered at the times of a piece; returns for how long they keep the network busy.
Cycle Unblocked::serve(StepKind kind, const Piece& steps) {
  const Share& share = shares_[static_cast<std::size_t>(kind)];
  const Cycle length = util::ceil_div(share.cost.words, bandwidth_);
  const Stream sent = Stream::regular(steps.first, steps.step, steps.count).served(length, free_at_);
  free_at_ = sent.last() + length;
  add(counters_, share.cost, steps.count);
  if (kind == StepKind::weights) return length * steps.count;
  for (std::size_t m = 0; m < share.word.size(); ++m) {
    if (share.word[m] < 0) continue;
    const Cycle offset = share.word[m] / bandwidth_ + links_.words->latency();
    for (const Piece& piece : sent.pieces())
      links_.words->streams[m].append({piece.first + offset, piece.step, piece.count});
  }
  return length * steps.count;
}

}  // namespace cairn::fabric
