// Tree distribution network (paper Fig. 3 "TN"; spec dense 3.6, 4): each read port of the global buffer feeds a binary
// tree of switches over its own group of multipliers and sends one packet a cycle, or one every few where its switches
// are slower. A packet goes to any set of the port's multipliers; a switch copies it to both sides where both lead to
// one. The whole tree is crossed in a cycle; a packet for several ports is sent by each of them, whenever it comes to
// it. Partial sums go before operands.
#include <algorithm>
#include <array>
#include <bit>

#include "fabric/part.h"
#include "kernel/ring.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

using kernel::Piece;
using kernel::Stream;

class Tree final : public Part {
 public:
  struct Params {
    std::int64_t bandwidth = 64;
    std::int64_t interval = 1;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{
          schema::integer("bandwidth", &Params::bandwidth, "words/cycle", {1, 1 << 14},
                          "read ports of the global buffer, one packet a cycle each"),
          schema::integer("interval", &Params::interval, "cycles", {1, 1 << 10}, "between two packets of a port"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                          "from a read port through its switches to the multipliers; a port with a "
                          "single multiplier has no switches and needs no time")};
    }
  };
  struct Counters {
    Count words = 0;
    Count hops = 0;
    Count broadcasts = 0;
    Count unicasts = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("words", &Counters::words, "words", "packets sent by the read ports"),
          stats::counter("hops", &Counters::hops, "words", "words that switches passed on"),
          stats::counter("broadcasts", &Counters::broadcasts, "packets", "packets that a switch copied to both sides"),
          stats::counter("unicasts", &Counters::unicasts, "packets", "packets that a switch passed to one side")};
    }
  };

  Tree(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        offered_at_once_(array.offered),
        leaves_(array.lanes() / static_cast<int>(params.bandwidth)),
        ports_(static_cast<std::size_t>(params.bandwidth)) {}

  kernel::Wiring wiring() const override {
    if (links_.sent == nullptr) return {{links_.offers, links_.psums}, {links_.words}};
    return {{links_.offers, links_.psums}, {links_.words, links_.sent}};
  }

  // Deals the packets of each kind of step out to the ports.
  void start(const Program& program) override {
    packets_ = program.packets;
    offered_ = 0;
    reported_ = 0;
    std::ranges::fill(ports_, Port{});
    for (int kind = 0; kind < kStepKinds; ++kind) {
      const std::vector<Multicast>& packets = packets_->packets(static_cast<StepKind>(kind));
      for (std::size_t i = 0; i < packets.size(); ++i)
        deal(packets[i], static_cast<int>(i), static_cast<std::size_t>(kind));
    }
    for (Port& port : ports_) {
      port.busy = std::ranges::any_of(port.share, [](const Share& s) { return !s.packets.empty(); });
      if (port.busy) enter_step(port);
    }
  }

  void configure(const Round&) override {}

  bool tick(Cycle now) override {
    now_ = now;
    offered_ += links_.offers->take(now);
    bool busy = false;
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      const int lane = static_cast<int>(p);
      Port& port = ports_[p];
      if (port.free_at <= now) {
        if (links_.psums->occupied().test(lane) && links_.psums->can_pop(lane, now)) {
          send_psum(links_.psums->pop(lane, now), now);
        } else if (!port.busy || !send_operand(port, now)) {
          continue;
        }
        port.free_at = now + params_.interval;
      }
      busy = true;
    }
    if (links_.sent != nullptr && !busy && reported_ < offered_) {
      links_.sent->add(offered_ - reported_, now);
      reported_ = offered_;
    }
    return busy;
  }

  bool has_flow() const override { return !packets_->clusters().psum_multiplier; }

  // A port is a server of the packets of its steps. What a multiplier gets is one packet of each step, or only those of
  // a row's first window.
  void flow() override {
    const Count folds = packets_->clusters().folds;
    const Count rows = packets_->rows();
    const Count slides = packets_->clusters().slide > 0 ? packets_->windows() - 1 : 0;
    const Count firsts = packets_->windows() - slides;
    for (Stream& stream : links_.words->streams) stream.clear();
    links_.round.port_waited = false;
    links_.round.ports_free = 0;
    for (Port& port : ports_) {
      if (!port.busy) continue;
      if (links_.round.at_rest) port.free_at = 0;
      kernel::Reader offers(links_.offers->streams[0]);
      const auto serve_next = [&](StepKind kind, Count steps) {
        offers.take(steps, [&](const Piece& piece) { serve(port, kind, piece); });
      };
      serve_next(StepKind::weights, folds);
      if (slides == 0) serve_next(StepKind::window, firsts * folds * rows);
      for (Count row = 0; slides > 0 && row < rows; ++row) {
        serve_next(StepKind::window, firsts * folds);
        serve_next(StepKind::slide, slides * folds);
      }
      links_.round.ports_free = std::max(links_.round.ports_free, port.free_at);
    }
  }

  // For how long each port has to pause before its next packet.
  std::vector<int> state() const override {
    std::vector<int> pauses;
    for (const Port& port : ports_) pauses.push_back(static_cast<int>(std::max<Cycle>(0, port.free_at - now_ - 1)));
    return pauses;
  }

  void left_behind(std::vector<Cycle>& state) const override {
    for (const Port& port : ports_) {
      if (port.busy) state.push_back(port.free_at - links_.round.first_sum);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Sent {  // a packet as one port sends it
    std::vector<int> multipliers;
    Counters cost;
  };
  struct Share {             // a port's part of a kind of step
    std::vector<int> index;  // of the packets, in the step
    std::vector<Sent> packets;
    Counters cost;
  };
  struct Port {
    std::array<Share, kStepKinds> share;
    bool busy = false;  // has anything to send in this run
    Position at;
    Count before = 0;          // packets of all steps before this one, over all ports
    std::size_t next = 0;      // of its packets in this step
    std::vector<float> words;  // of its packets in this step
    Cycle free_at = 0;         // when it can send the next packet
  };

  void deal(const Multicast& multipliers, int index, std::size_t kind) {
    for (std::size_t i = 0; i < multipliers.size();) {
      const int port = multipliers[i] / leaves_;
      Sent sent;
      for (; i < multipliers.size() && multipliers[i] / leaves_ == port; ++i)
        sent.multipliers.push_back(multipliers[i]);
      sent.cost = cost(sent.multipliers);
      Share& share = ports_[static_cast<std::size_t>(port)].share[kind];
      add(share.cost, sent.cost, 1);
      share.index.push_back(index);
      share.packets.push_back(std::move(sent));
    }
  }

  // What the switches of a port do for a packet to `multipliers` (ascending): level by level, those with a destination
  // below them.
  Counters cost(const std::vector<int>& multipliers) const {
    Counters cost;
    cost.words = 1;
    for (int below = leaves_ / 2; below >= 1; below /= 2) {  // multipliers under each side of a switch of the level
      int sides = 0;
      int switches = 0;
      for (std::size_t i = 0; i < multipliers.size(); ++i) {
        if (i == 0 || multipliers[i] / below != multipliers[i - 1] / below) ++sides;
        if (i == 0 || multipliers[i] / (2 * below) != multipliers[i - 1] / (2 * below)) ++switches;
      }
      cost.hops += sides;
      cost.broadcasts += sides - switches;
      cost.unicasts += 2 * switches - sides;
    }
    return cost;
  }

  static void add(Counters& total, const Counters& part, Count times) {
    total.words += part.words * times;
    total.hops += part.hops * times;
    total.broadcasts += part.broadcasts * times;
    total.unicasts += part.unicasts * times;
  }

  bool send_operand(Port& port, Cycle now) {
    const Share* share = &port.share[static_cast<std::size_t>(port.at.kind)];
    while (port.next == share->packets.size()) {
      const Count after = port.before + static_cast<Count>(packets_->packets(port.at.kind).size());
      if (after >= offered_) return false;
      port.before = after;
      packets_->advance(port.at);
      enter_step(port);
      share = &port.share[static_cast<std::size_t>(port.at.kind)];
    }
    if (port.before + share->index[port.next] >= offered_) return false;
    const Sent& packet = share->packets[port.next];
    const Word word{port.words[port.next], port.at.kind == StepKind::weights};
    for (const int multiplier : packet.multipliers) links_.words->push(multiplier, word, now);
    add(counters_, packet.cost, 1);
    ++port.next;
    return true;
  }

  void enter_step(Port& port) {
    const Share& share = port.share[static_cast<std::size_t>(port.at.kind)];
    port.next = 0;
    port.words.resize(share.index.size());
    if (!share.index.empty()) packets_->words(port.at, share.index, port.words.data());
  }

  void send_psum(const Psum& psum, Cycle now) {
    links_.words->push(psum.multiplier, {psum.value, false}, now);
    const Count levels = std::countr_zero(static_cast<unsigned>(leaves_));
    add(counters_, {1, levels, 0, levels}, 1);
  }

  // Flow: steps of a kind that are offered at the times of a piece.
  void serve(Port& port, StepKind kind, const Piece& steps) {
    const Share& share = port.share[static_cast<std::size_t>(kind)];
    if (share.packets.empty()) return;
    add(counters_, share.cost, steps.count);
    const Cycle busy = static_cast<Cycle>(share.packets.size()) * params_.interval;
    const bool whole = kind == StepKind::weights || offered_at_once_ == 0;
    const Cycle never_idle = port.free_at + busy * steps.count;
    if (whole && (steps.step <= busy || steps.count == 1)) {
      const Cycle first = std::max(steps.first, port.free_at);
      for (std::size_t j = 0; j < share.packets.size(); ++j) {
        const Piece sent{first + static_cast<Cycle>(j) * params_.interval, busy, steps.count};
        deliver(share.packets[j], kind, sent, links_.words->latency());
      }
      port.free_at = first + busy * steps.count;
    } else {
      serve_in_part(port, kind, steps, busy);
    }
    if (port.free_at > never_idle) links_.round.port_waited = true;
  }

  // A packet leaves when the later of two ports would send it: one that is busy all the time, and one that had nothing
  // to do before, which from the second step on is as far behind the offers as ever, or falls behind at a steady rate.
  void serve_in_part(Port& port, StepKind kind, const Piece& steps, Cycle busy) {
    const Share& share = port.share[static_cast<std::size_t>(kind)];
    const std::vector<Cycle> first = send_step(share, kind, steps.first, steps.first);
    const std::vector<Cycle> second = send_step(share, kind, steps.at(1), first.back() + params_.interval);
    Cycle free_at = 0;
    for (std::size_t j = 0; j < share.packets.size(); ++j) {
      Stream fresh = Stream::regular(first[j], 0, 1);
      fresh.append({second[j], std::max(busy, steps.step), steps.count - 1});
      const Cycle waited = port.free_at + static_cast<Cycle>(j) * params_.interval;
      const Stream sent = join(Stream::regular(waited, busy, steps.count), fresh);
      for (const Piece& piece : sent.pieces()) deliver(share.packets[j], kind, piece, links_.words->latency());
      free_at = sent.last() + params_.interval;
    }
    port.free_at = free_at;
  }

  void deliver(const Sent& packet, StepKind kind, Piece sent, Cycle latency) const {
    if (kind == StepKind::weights) return;  // the port's inputs come after them
    sent.first += latency;
    for (const int multiplier : packet.multipliers)
      links_.words->streams[static_cast<std::size_t>(multiplier)].append(sent);
  }

  // When a port sends its packets of a step that is offered from `offer` on.
  std::vector<Cycle> send_step(const Share& share, StepKind kind, Cycle offer, Cycle free_at) const {
    std::vector<Cycle> sent;
    for (const int index : share.index) {
      const Cycle offered = kind == StepKind::weights || offered_at_once_ == 0 ? 0 : index / offered_at_once_;
      sent.push_back(std::max(offer + offered, free_at));
      free_at = sent.back() + params_.interval;
    }
    return sent;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Count offered_at_once_;  // packets of a step of inputs; 0 = all
  int leaves_;             // multipliers of a port
  std::vector<Port> ports_;
  const Packets* packets_ = nullptr;
  Count offered_ = 0;   // packets, since the run began
  Count reported_ = 0;  // of them, as sent
  Cycle now_ = 0;
};

}  // namespace

PartInfo distribution_tree() {
  PartInfo row =
      declare<Tree>("distribution", "tree",
                    "A binary tree of switches from each read port to its own group of multipliers.", "flexible");
  row.lanes = [](const schema::Values&, const Array& array) { return array.lanes(); };
  return row;
}

}  // namespace cairn::fabric
