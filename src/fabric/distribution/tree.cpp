// Tree distribution network (paper Fig. 3 "TN"; spec dense 3.6, 4): each read port of the global buffer feeds a binary
// tree of switches over its own group of multipliers and sends one packet a cycle, or one every few where its switches
// are slower. A packet goes to any set of the port's multipliers; a switch copies it to both sides where both lead to
// one. The whole tree is crossed in a cycle; a packet for several ports is sent by each of them, whenever it comes to
// it. Partial sums go before operands.
#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <span>
#include <utility>

#include "fabric/offered_steps.h"
#include "fabric/part.h"
#include "fabric/port_shares.h"
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
      : Part(std::move(slot), static_cast<int>(params.bandwidth)),
        params_(params),
        links_(links),
        offered_at_once_(array.offered),
        port_shift_(std::countr_zero(static_cast<unsigned>(array.lanes() / static_cast<int>(params.bandwidth)))),
        ports_(static_cast<std::size_t>(params.bandwidth)),
        of_port_(ports_.size()),
        in_use_(ledger_.lanes()) {}

  kernel::Wiring wiring() const override { return packet_wiring(links_); }

  void start(const Program& program) override {
    packets_ = program.packets;
    offered_ = reported_ = 0;
    round_ = -1;
    std::ranges::fill(ports_, Port{});
    groups_.clear();
    ending_.clear();
    deal();
  }

  void configure(const Round&) override {
    if (!packets_->reconfigures()) return;
    ++round_;
    deal();
  }

  void round_begins(Cycle now) override {
    if (!listed_) list_packets();
    packets_of_round(shares_, *packets_, port_shift_, of_port_);
    for (std::size_t p = 0; p < ports_.size(); ++p) in_use_.set(static_cast<int>(p), of_port_[p] > 0);
    for (Group& group : groups_) {
      if (packets_->reconfigures() || group.left == 0) group.left = of_port_[group.port];
    }
    ledger_.begin(now, in_use_, links_.round.drains);
  }

  bool tick(Cycle now) override {
    now_ = now;
    offered_ += links_.offers->take(now);
    if (!listed_) list_packets();
    bool busy = false;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (!send(g, now)) continue;
      for (const auto& [word, ports] : grouped_.ports[g]) ledger_.work(word, ports, now);
      busy = true;
    }
    for (; !ending_.empty() && ending_.front().second == now; ending_.pop_front())
      ledger_.ended(ending_.front().first, now);
    if (links_.sent != nullptr && !busy && reported_ < offered_) {
      links_.sent->add(offered_ - reported_, now);
      reported_ = offered_;
    }
    return busy;
  }

  bool has_flow() const override {
    const Clusters& clusters = packets_->clusters();
    return !clusters.psum_multiplier || clusters.psums_streamed;
  }

  // A port is a server of its packets. A multiplier gets one of each step, or only of those of a row's first window.
  void flow() override {
    for (Stream& stream : links_.words->streams) stream.clear();
    links_.round.port_waited = false;
    links_.round.ports_free = 0;
    offered_steps(links_.offers->streams[0], *packets_, offers_);
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      Port& port = ports_[p];
      port.first = 0;
      if (links_.round.at_rest) port.free_at = 0;
      if (!port.busy) continue;
      for (const auto& [kind, steps] : offers_) {
        const bool with_psums = kind == StepKind::weights && p == 0 && psums_ > 0;
        with_psums ? serve_psums(steps) : serve(p, kind, steps);
      }
      links_.round.ports_free = std::max(links_.round.ports_free, port.free_at);
    }
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t p) {
      return ports_[p].busy ? Ledger::Span{ports_[p].first, ports_[p].free_at - 1} : Ledger::Span{};
    });
    count_round();
  }

  // For how long each port has to pause before its next packet.
  std::vector<int> state() const override {
    std::vector<int> pauses;
    for (const std::size_t group : grouped_.of_port)
      pauses.push_back(static_cast<int>(std::max<Cycle>(0, groups_[group].free_at - now_ - 1)));
    return pauses;
  }

  void left_behind(std::vector<Cycle>& state) const override {
    for (const Port& port : ports_) {
      if (port.busy) state.push_back(port.free_at - links_.round.first_sum);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Port {         // flow
    bool busy = false;  // has anything to send in this round
    Cycle first = 0;    // when it sends the first
    Cycle free_at = 0;  // when it can send the next packet
  };
  struct Group {           // clocked: ports that send in the same cycles
    std::size_t port = 0;  // the first of them
    Count left = 0;        // packets of the round to go, at each port
    Position at;
    Count before = 0;          // packets of all steps before this one, over all ports
    std::size_t next = 0;      // turn of this step
    std::vector<float> words;  // of its packets in this step
    Cycle free_at = 0;         // when it can send the next packet
  };

  // Deals the packets of each kind of step out to the ports.
  void deal() {
    psums_ = packets_->clusters().psums_streamed ? packets_->windows() : 0;
    alone_ = offered_at_once_ > 0 || params_.interval > 1 || psums_ > 0 || packets_->clusters().psum_multiplier;
    for (const StepKind kind : kEveryKind)
      share_of(kind).deal(packets_->packets(kind), first_operand(kind), port_shift_, ports_.size());
    listed_ = false;
    for (std::size_t p = 0; p < ports_.size(); ++p)
      ports_[p].busy = std::ranges::any_of(shares_, [&](const PortShares& share) { return share.packets[p] > 0; });
    ports_[0].busy = ports_[0].busy || psums_ > 0;
  }

  // Whether the ports of a group send, or pause after a packet: that is work too.
  bool send(std::size_t g, Cycle now) {
    Group& group = groups_[g];
    if (group.free_at > now) return true;
    const auto port = static_cast<int>(group.port);
    if (links_.psums->occupied().test(port) && links_.psums->can_pop(port, now)) {
      send_psum(links_.psums->pop(port, now), now);
    } else if (port == 0 && psum_at_.window < psums_ && psum_before_ < offered_) {
      send_streamed_psum(now);
    } else if (!send_operands(group, g, now)) {
      return false;
    }
    group.free_at = now + params_.interval;
    if (--group.left == 0) {
      for (const auto& [word, ports] : grouped_.ports[g]) {
        kernel::for_each_bit(word, ports,
                             [&](std::size_t p) { ending_.emplace_back(static_cast<int>(p), group.free_at - 1); });
      }
      group.left = of_port_[group.port];
    }
    return true;
  }

  PortShares& share_of(StepKind kind) { return shares_[static_cast<std::size_t>(kind)]; }

  // The packet before is a partial sum.
  std::size_t first_operand(StepKind kind) const { return psums_ > 0 && kind != StepKind::weights ? 1 : 0; }

  void list_packets() {
    grouped_ = group_ports(shares_, alone_);
    groups_.resize(grouped_.ports.size());
    for (const StepKind kind : kEveryKind)
      share_of(kind).list(packets_->packets(kind), first_operand(kind), port_shift_, grouped_);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      Group& group = groups_[g];
      group.port = static_cast<std::size_t>(PortGroups::first(grouped_.ports[g]));
      group.at = packets_->first(std::max<Count>(0, round_));
      if (packets_->reconfigures()) group.before = before_round_;
      enter_step(group, g);
    }
    psum_at_ = {round_, 0, 0, 0, StepKind::window};
    const auto size = [&](StepKind kind) { return static_cast<Count>(packets_->packets(kind).size()); };
    const Count folds = packets_->clusters().folds;
    psum_before_ = before_round_ + folds * size(StepKind::weights);
    before_round_ = psum_before_ + packets_->rows() * packets_->windows() * folds * size(StepKind::window);
    listed_ = true;
  }

  // What the switches of a port do for a packet: level by level, those with a destination below them.
  void count(Count words, Count hops, Count destinations, Count times) {
    counters_.words += words * times;
    counters_.hops += hops * times;
    counters_.broadcasts += (destinations - words) * times;
    counters_.unicasts += (hops - 2 * (destinations - words)) * times;
  }

  bool send_operands(Group& group, std::size_t g, Cycle now) {
    if (!ports_[group.port].busy) return false;
    std::span<const PortShares::Turn> turns = share_of(group.at.kind).turns_of(g);
    while (group.next == turns.size()) {
      const Count after = group.before + static_cast<Count>(packets_->packets(group.at.kind).size());
      if (after >= offered_) return false;
      group.before = after;
      packets_->advance(group.at);
      enter_step(group, g);
      turns = share_of(group.at.kind).turns_of(g);
    }
    const PortShares::Turn& turn = turns[group.next];
    if (group.before + turn.last >= offered_) return false;
    const bool weight = group.at.kind == StepKind::weights;
    const auto to = std::span(share_of(group.at.kind).to).subspan(turn.begin, turn.end - turn.begin);
    auto& words = links_.words->outgoing(now);
    for (const auto& [multiplier, packet] : to) {
      if (words.valid.test(multiplier)) util::require(false, name(), "two words reach a multiplier in a cycle");
      words.valid.set(multiplier);
      words.values[static_cast<std::size_t>(multiplier)] = {group.words[static_cast<std::size_t>(packet)], weight};
    }
    links_.words->sent(std::ssize(to));
    count(turn.words, turn.hops, std::ssize(to), 1);
    ++group.next;
    return true;
  }

  void enter_step(Group& group, std::size_t g) {
    const std::vector<int>& packets = share_of(group.at.kind).packets_of[g];
    group.next = 0;
    group.words.resize(packets.size());
    if (!packets.empty()) packets_->words(group.at, packets, group.words.data());
  }

  void send_psum(const Psum& psum, Cycle now) {
    links_.words->push(psum.multiplier, {psum.value, false}, now);
    count(1, port_shift_, 1, 1);
  }

  void send_streamed_psum(Cycle now) {
    constexpr std::array<int, 1> kPsum{0};
    float value = 0;
    packets_->words(psum_at_, kPsum, &value);
    send_psum({value, 0}, now);
    packets_->advance(psum_at_);
    psum_before_ += static_cast<Count>(packets_->packets(StepKind::window).size());
    if (psum_at_.round != round_) psum_at_.window = psums_;
  }

  // Flow: steps of a kind that are offered at the times of a piece.
  void serve(std::size_t p, StepKind kind, const Piece& steps) {
    Port& port = ports_[p];
    const PortShares& share = share_of(kind);
    if (share.packets[p] == 0) return;
    const Cycle busy = share.packets[p] * params_.interval;
    const bool whole = kind == StepKind::weights || offered_at_once_ == 0;
    const Cycle never_idle = port.free_at + busy * steps.count;
    if (whole && (steps.step <= busy || steps.count == 1)) {
      const Cycle first = std::max(steps.first, port.free_at);
      if (port.first == 0) port.first = first;
      deliver(p, kind, {first, busy, steps.count});
      port.free_at = first + busy * steps.count;
    } else {
      serve_in_part(p, kind, steps);
    }
    if (port.free_at > never_idle) links_.round.port_waited = true;
  }

  // The weights of port 0 where partial sums stream: one is out before the first of these is there; as they come one a
  // cycle and go before operands, the other weights follow all of them.
  void serve_psums(const Piece& weights) {
    Port& port = ports_[0];
    const Count operands = shares_[0].packets[0];
    const Count before = std::min<Count>(operands, 1);
    const Cycle first = std::max(weights.first, port.free_at) + before * params_.interval;
    const Piece psums{std::max(first, weights.first + 1), params_.interval, psums_};
    links_.words->streams[0].append({psums.first + links_.words->latency(), psums.step, psums.count});
    port.first = before > 0 ? first - params_.interval : psums.first;
    port.free_at = psums.last() + (1 + operands - before) * params_.interval;
  }

  void serve_in_part(std::size_t p, StepKind kind, const Piece& steps) {
    alone_ = true;
    if (!listed_) list_packets();
    Port& port = ports_[p];
    const PortShares& share = share_of(kind);
    const Count at_once = kind == StepKind::weights ? 0 : offered_at_once_;
    const std::vector<Stream> sent = share.sent(p, {steps, port.free_at, at_once, params_.interval});
    if (port.first == 0) port.first = sent.front().first();
    port.free_at = sent.back().last() + params_.interval;
    for (std::size_t j = 0; j < sent.size(); ++j) {
      const PortShares::Turn& turn = share.turns_of(p)[j];
      for (Piece piece : sent[j].pieces()) {
        piece.first += links_.words->latency();
        for (std::size_t i = turn.begin; i < turn.end; ++i)
          links_.words->streams[static_cast<std::size_t>(share.to[i].multiplier)].append(piece);
      }
    }
  }

  // The packets of a port, one after the other from the times of the first one on. Of weights nothing is told: the
  // port's inputs come after them.
  void deliver(std::size_t p, StepKind kind, Piece first) {
    if (kind == StepKind::weights) return;
    const PortShares& share = share_of(kind);
    first.first += links_.words->latency();
    for (std::size_t m = p << port_shift_; m < (p + 1) << port_shift_; ++m) {
      if (share.rank[m] < 0) continue;
      links_.words->streams[m].append({first.first + share.rank[m] * params_.interval, first.step, first.count});
    }
  }

  // Flow: what the switches do in a round.
  void count_round() {
    const std::array<Count, kStepKinds> steps = packets_->steps_by_kind();
    const Count words = counters_.words;
    for (std::size_t kind = 0; kind < shares_.size(); ++kind)
      count(shares_[kind].words, shares_[kind].hops, shares_[kind].destinations, steps[kind]);
    count(psums_, psums_ * port_shift_, psums_, 1);
    ledger_.worked((counters_.words - words) * params_.interval);
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Count offered_at_once_;  // packets of a step of inputs; 0 = all
  int port_shift_;         // levels of switches under a port: 2 ^ port_shift_ multipliers are its own
  std::vector<Port> ports_;
  bool alone_ = false;  // a port may send in other cycles than one with equally many packets
  PortGroups grouped_;
  std::vector<Group> groups_;
  std::vector<Count> of_port_;                // clocked: packets that each sends in a round
  kernel::LaneSet in_use_;                    // clocked: in the round
  std::deque<std::pair<int, Cycle>> ending_;  // clocked: ports that are through with a round, and when
  std::array<PortShares, kStepKinds> shares_;
  OfferedSteps offers_;  // flow: steps offered in the round
  bool listed_ = false;  // the shares' packets, of this round
  Packets* packets_ = nullptr;
  Count round_ = -1;        // where rounds reconfigure
  Count before_round_ = 0;  // packets of the rounds before, there
  Count psums_ = 0;         // that stream in this round
  Position psum_at_;        // the next of them
  Count psum_before_ = 0;   // packets before its step
  Count offered_ = 0;       // packets, since the run began
  Count reported_ = 0;      // of them, as sent
  Cycle now_ = 0;
};

}  // namespace

PartInfo distribution_tree() {
  PartInfo row = declare<Tree>("distribution", "tree",
                               "A binary tree of switches from each read port to its own group of multipliers.",
                               {"read ports"}, "flexible");
  row.lanes = [](const schema::Values&, const Array& array) { return array.lanes(); };
  return row;
}

}  // namespace cairn::fabric
