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

kernel::Wiring Unblocked::wiring() const { return packet_wiring(links_); }

void Unblocked::start(const Program& program) {
  packets_ = program.packets;
  offered_ = before_ = reported_ = 0;
  at_ = packets_->first(0);
  next_ = copied_ = 0;
  loads_.clear();
}

// A step goes out as fast as there are ports. Partial sums that come back go out beside it.
Unblocked::Load Unblocked::load() const {
  const Clusters& clusters = packets_->clusters();
  const std::array<Count, kStepKinds> steps = packets_->steps_by_kind();
  Load load;
  for (std::size_t kind = 0; kind < steps.size(); ++kind) {
    if (steps.at(kind) == 0) continue;
    const Multicasts& packets = packets_->packets(static_cast<StepKind>(kind));
    const Count words = copies_ ? static_cast<Count>(packets.size()) : packets.destinations();
    load.words += steps.at(kind) * words;
    load.ports = std::max(load.ports, std::min(words, bandwidth_));
  }
  if (clusters.psum_multiplier && !clusters.psums_streamed) {
    load.words += packets_->rows() * packets_->windows() * (clusters.folds - 1) * clusters.count;
    load.ports = bandwidth_;
  }
  return load;
}

void Unblocked::round_begins(Cycle now) {
  loads_.push_back(load());
  kernel::LaneSet used(ledger_.lanes());
  for (int port = 0; port < loads_.back().ports; ++port) used.set(port);
  ledger_.begin(now, used, links_.round.drains);
}

// The ports work together: all are through with a round when its last word is sent. So many `words` were in this cycle.
void Unblocked::keep_ledger(Count words, Cycle now) {
  ledger_.worked(words);
  if (loads_.empty()) return;
  Load& load = loads_.front();
  if (!ledger_.started(0)) {
    for (int port = 0; port < load.ports; ++port) ledger_.start(port, now);
  }
  load.words -= words;
  if (load.words > 0) return;
  for (int port = 0; port < load.ports; ++port) ledger_.ended(port, now);
  loads_.pop_front();
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
  if (counters_.words > words) {
    keep_ledger(counters_.words - words, now);
    return true;
  }
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
  for (Stream& stream : links_.words->streams) stream.clear();
  const Cycle never_idle = free_at_;
  first_ = 0;
  Cycle busy = 0;
  offered_steps(links_.offers->streams[0], *packets_, offers_);
  for (const auto& [kind, piece] : offers_) busy += serve(kind, piece);
  const Load all = load();
  ledger_.worked(all.words);
  ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t port) {
    return static_cast<Count>(port) < all.ports ? Ledger::Span{first_, free_at_ - 1} : Ledger::Span{};
  });
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
  if (first_ == 0) first_ = sent.first();
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
