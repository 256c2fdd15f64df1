// Benes network (paper Fig. 3 "BN"; SIGMA): 2 log2(N) - 1 stages of 2 x 2 switches between the read ports and N
// multipliers, which take any word to any set of them without blocking (the SIGMA paper's claim, taken as it is). So a
// step of operands goes out as fast as there are words a cycle, wherever its multipliers are; every cycle belongs to
// one step. A word crosses the first half of the stages alone and is copied on the way through the second.
#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

using kernel::Piece;
using kernel::Stream;

class Benes final : public Part {
 public:
  struct Params {
    std::int64_t bandwidth = 64;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("bandwidth", &Params::bandwidth, "words/cycle", {1, 1 << 14},
                                        "words that enter the network in a cycle"),
                        schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the global buffer through all stages to the multipliers")};
    }
  };
  struct Counters {
    Count words = 0;
    Count hops = 0;
    Count broadcasts = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("words", &Counters::words, "words", "words that entered the network"),
          stats::counter("hops", &Counters::hops, "words", "words that switches passed on"),
          stats::counter("broadcasts", &Counters::broadcasts, "words", "words that a switch copied to both sides")};
    }
  };

  Benes(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        offered_at_once_(array.offered),
        half_(std::countr_zero(static_cast<unsigned>(array.lanes()))) {}

  kernel::Wiring wiring() const override {
    if (links_.sent == nullptr) return {{links_.offers, links_.psums}, {links_.words}};
    return {{links_.offers, links_.psums}, {links_.words, links_.sent}};
  }

  void start(const Program& program) override {
    packets_ = program.packets;
    offered_ = before_ = reported_ = 0;
    at_ = {};
    next_ = 0;
  }

  // Where rounds follow each other at once their words do too, in order.
  void configure(const Round&) override { dealt_ = false; }

  bool tick(Cycle now) override {
    offered_ += links_.offers->take(now);
    Count room = params_.bandwidth;
    links_.psums->occupied().for_each([&](int lane) {
      for (; room > 0 && links_.psums->can_pop(lane, now); --room) {
        const Psum psum = links_.psums->pop(lane, now);
        send(psum.value, false, std::array{psum.multiplier}, now);
      }
    });
    bool step_ends = false;  // and the next one may not share the cycle
    while (room > 0 && !step_ends && at_step()) {
      const int packet = static_cast<int>(next_);
      float word = 0;
      packets_->words(at_, std::span(&packet, 1), &word);
      send(word, at_.kind == StepKind::weights, packets_->packets(at_.kind)[next_], now);
      ++next_;
      --room;
      step_ends = next_ == packets_->packets(at_.kind).size();
      if (step_ends) end_step();
    }
    if (room < params_.bandwidth) return true;
    if (links_.sent != nullptr && reported_ < offered_) {
      links_.sent->add(offered_ - reported_, now);
      reported_ = offered_;
    }
    return false;
  }

  bool has_flow() const override {
    const Clusters& clusters = packets_->clusters();
    return offered_at_once_ == 0 && (!clusters.psum_multiplier || clusters.psums_streamed);
  }

  void flow() override {
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
    for (Count row = 0; row < packets_->rows(); ++row) {
      serve_next(StepKind::window, (packets_->windows() - slides) * clusters.folds);
      serve_next(StepKind::slide, slides * clusters.folds);
    }
    links_.round.ports_free = free_at_;
    links_.round.port_waited = free_at_ > never_idle + busy;
  }

  void left_behind(std::vector<Cycle>& state) const override { state.push_back(free_at_ - links_.round.first_sum); }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Share {
    std::vector<int> packet;  // by multiplier: the packet of the step that it gets; -1 = none
    Counters cost;            // of a step
  };

  // Whether the next packet is offered.
  bool at_step() const { return before_ + static_cast<Count>(next_) < offered_; }

  void end_step() {
    before_ += static_cast<Count>(next_);
    next_ = 0;
    packets_->advance(at_);
  }

  void send(float value, bool weight, std::span<const int> to, Cycle now) {
    for (const int multiplier : to) links_.words->push(multiplier, {value, weight}, now);
    const Counters cost = cost_of(to);
    counters_.words += cost.words;
    counters_.hops += cost.hops;
    counters_.broadcasts += cost.broadcasts;
  }

  // The second half of the stages is a tree of the multipliers for each word.
  Counters cost_of(std::span<const int> to) const {
    Counters cost{1, half_ - 1 + half_, std::ssize(to) - 1};
    for (std::size_t i = 1; i < to.size(); ++i) cost.hops += std::bit_width(static_cast<unsigned>(to[i - 1] ^ to[i]));
    return cost;
  }

  void deal() {
    for (std::size_t kind = 0; kind < shares_.size(); ++kind) {
      Share& share = shares_[kind];
      const Multicasts& packets = packets_->packets(static_cast<StepKind>(kind));
      share.packet.assign(links_.words->streams.size(), -1);
      share.cost = {};
      for (std::size_t i = 0; i < packets.size(); ++i) {
        for (const int multiplier : packets[i])
          share.packet[static_cast<std::size_t>(multiplier)] = static_cast<int>(i);
        const Counters cost = cost_of(packets[i]);
        share.cost.words += cost.words;
        share.cost.hops += cost.hops;
        share.cost.broadcasts += cost.broadcasts;
      }
    }
    dealt_ = true;
  }

  // Steps that are offered at the times of a piece; returns for how long they keep the network busy.
  Cycle serve(StepKind kind, const Piece& steps) {
    const Share& share = shares_[static_cast<std::size_t>(kind)];
    const Cycle length = util::ceil_div(share.cost.words, params_.bandwidth);
    const Stream sent = Stream::regular(steps.first, steps.step, steps.count).served(length, free_at_);
    free_at_ = sent.last() + length;
    counters_.words += share.cost.words * steps.count;
    counters_.hops += share.cost.hops * steps.count;
    counters_.broadcasts += share.cost.broadcasts * steps.count;
    if (kind == StepKind::weights) return length * steps.count;
    for (std::size_t m = 0; m < share.packet.size(); ++m) {
      if (share.packet[m] < 0) continue;
      const Cycle offset = share.packet[m] / params_.bandwidth + links_.words->latency();
      for (const Piece& piece : sent.pieces())
        links_.words->streams[m].append({piece.first + offset, piece.step, piece.count});
    }
    return length * steps.count;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Count offered_at_once_;  // packets of a step of inputs; 0 = all
  int half_;               // log2 of the multipliers
  Packets* packets_ = nullptr;
  std::array<Share, kStepKinds> shares_;  // flow
  bool dealt_ = false;                    // of this round
  Cycle free_at_ = 0;                     // flow: when the next step may enter
  Position at_;                           // the step that is being sent
  std::size_t next_ = 0;                  // of its packets
  Count before_ = 0;                      // packets of all steps before this one
  Count offered_ = 0;                     // packets, since the run began
  Count reported_ = 0;                    // of them, as sent
};

}  // namespace

PartInfo distribution_benes() {
  return declare<Benes>("distribution", "benes", "A non-blocking network from the read ports to any multipliers.",
                        "flexible");
}

}  // namespace cairn::fabric
