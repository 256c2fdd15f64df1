// Point-to-point distribution network (paper Fig. 3 "PoPN"): each read port of the global buffer feeds its own group of
// consecutive edge endpoints (columns first, then rows) and sends one word a cycle. With as many ports as endpoints
// every edge lane has its own wire; with fewer, the words of a step take turns at their port, which is what bandwidth
// costs. Where an operand stays in the array (Round::loads) its words go to the columns first, and no port goes on to
// the words that stream past it before all have sent theirs.
#include <algorithm>
#include <array>
#include <limits>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class PointToPoint final : public Part {
 public:
  struct Params {
    std::int64_t bandwidth = 0;
    std::int64_t latency = 0;
    std::int64_t queue_depth = 0;
    static auto fields() {
      return std::tuple{schema::integer("bandwidth", &Params::bandwidth, "words/cycle", {0, 1 << 20},
                                        "read ports of the global buffer, one word a cycle each; 0 = one an endpoint"),
                        schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from a read port to the edge of the array"),
                        schema::integer("queue_depth", &Params::queue_depth, "steps", {0, 1 << 20},
                                        "operand steps that may wait at the ports; 0 = unbounded")};
    }
  };
  struct Counters {
    Count words = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("words", &Counters::words, "words", "words sent from the read ports to the edge")};
    }
  };

  PointToPoint(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot), ports(params, array)),
        params_(params),
        array_(array),
        links_(links),
        endpoints_{kernel::LaneSet(array.endpoints()), kernel::LaneSet(array.endpoints())},
        in_use_{kernel::LaneSet(ledger_.lanes()), kernel::LaneSet(ledger_.lanes())} {
    group_ = static_cast<int>(util::ceil_div(array.endpoints(), ledger_.lanes()));
    ports_.resize(static_cast<std::size_t>(ledger_.lanes()));
  }

  kernel::Wiring wiring() const override { return {{links_.posts}, {links_.operands}}; }

  void start(const Program& program) override { rounds_ = program.rounds->size(); }

  void configure(const Round& round) override {
    steps_ = {round.loads, round.steps};
    left_ = steps_;
    if (round.used == used_ && (round.loads > 0) == loads_) return;
    used_ = round.used;
    loads_ = round.loads > 0;
    for (Port& port : ports_) port.words = {};
    for (kernel::LaneSet& endpoints : endpoints_) endpoints.clear_all();
    // Words of a step in posting order; each goes to the port of its endpoint.
    for (int word = 0; word < used_.columns + used_.rows; ++word) {
      const int endpoint = word < used_.columns ? word : array_.extent.columns + word - used_.columns;
      const Phase phase = loads_ && word < used_.columns ? loading : streaming;
      ports_[static_cast<std::size_t>(endpoint / group_)].words[phase].push_back({word, endpoint});
      endpoints_[phase].set(endpoint);
    }
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      in_use_[loading].set(static_cast<int>(p), !ports_[p].words[loading].empty());
      in_use_[streaming].set(static_cast<int>(p), !ports_[p].words[streaming].empty());
    }
  }

  // Tiles that overlap all use the whole array.
  void round_begins(Cycle now) override {
    kernel::LaneSet all = in_use_[loading];
    all |= in_use_[streaming];
    if (!array_.overlapped) return ledger_.begin(now, all, links_.round.drains);
    if (ledger_.taking_part() == 0) ledger_.begin(now, all, links_.round.drains, rounds_);
  }

  bool tick(Cycle now) override {
    const Count sent = group_ == 1 && !links_.operands->bounded() ? send_step(now) : send_words(now);
    counters_.words += sent;
    return sent > 0;
  }

  bool has_flow() const override { return params_.queue_depth == 0; }

  // A port with n words a step is a server that is busy n cycles with each step; its j-th word leaves j cycles into
  // that.
  void flow() override {
    std::ranges::fill(links_.operands->streams, kernel::Stream{});
    std::vector<Ledger::Span> spans(ports_.size());
    Cycle free_at = std::numeric_limits<Cycle>::min();
    for (const Phase phase : {loading, streaming}) {
      kernel::Stream steps;
      for (const kernel::Piece& piece :
           links_.posts->streams[0].slice(phase == loading ? 0 : steps_[loading], steps_[phase]))
        steps.append(piece);
      free_at = send(phase, steps, free_at, spans);
    }
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t p) { return spans[p]; });
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override { return links_.posts->in_flight() > 0 ? "room at the edge of the array" : ""; }

 private:
  enum Phase : std::size_t { loading, streaming };
  struct Word {
    int index;  // in the step
    int endpoint;
  };
  struct Port {
    std::array<std::vector<Word>, 2> words;  // of each step, in order, by phase
    std::size_t next_word = 0;
    std::size_t next_step = 0;  // counted from the oldest step that still waits
    Count sent = 0;             // words of the round
  };

  // Of the ports that there are, those with an endpoint.
  static int ports(const Params& params, const Array& array) {
    const Count ports = params.bandwidth == 0 ? array.endpoints() : params.bandwidth;
    return static_cast<int>(util::ceil_div(array.endpoints(), util::ceil_div(array.endpoints(), ports)));
  }

  Phase phase() const { return left_[loading] > 0 ? loading : streaming; }

  // Flow: the steps of a phase, from when all ports are free. Returns when they are free again.
  Cycle send(Phase phase, const kernel::Stream& steps, Cycle free_at, std::vector<Ledger::Span>& spans) {
    if (steps.empty()) return free_at;
    Cycle end = free_at;
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      const std::vector<Word>& words = ports_[p].words[phase];
      if (words.empty()) continue;
      const auto count = static_cast<Cycle>(words.size());
      const kernel::Stream turns = steps.served(count, free_at);
      for (std::size_t j = 0; j < words.size(); ++j) {
        links_.operands->streams[static_cast<std::size_t>(words[j].endpoint)] =
            turns.delayed(static_cast<Cycle>(j) + params_.latency);
      }
      spans[p] = {spans[p].first == 0 ? turns.first() : spans[p].first, turns.last() + count - 1};
      end = std::max(end, turns.last() + count);
      counters_.words += turns.count() * count;
      ledger_.worked(turns.count() * count);
    }
    return end;
  }

  // A port for every endpoint and nothing that could hold one back: a whole step crosses at once.
  Count send_step(Cycle now) {
    if (!links_.posts->can_pop(0, now)) return 0;
    const Phase at = phase();
    const Step step = links_.posts->pop(0, now);
    auto& wires = links_.operands->outgoing(now);
    std::copy_n(step, used_.columns, wires.values.begin());
    std::copy_n(step + used_.columns, used_.rows, wires.values.begin() + array_.extent.columns);
    for (std::size_t w = 0; w < wires.valid.words().size(); ++w) {
      if ((wires.valid.words()[w] & endpoints_[at].words()[w]) != 0)
        util::require(false, "distribution", "a word overwrote one that was not taken");
      wires.valid.words()[w] |= endpoints_[at].words()[w];
    }
    const Count words = endpoints_[at].count();
    links_.operands->sent(words);
    ledger_.work(in_use_[at], now);
    if (--left_[at] == 0) ledger_.ended(in_use_[at], now);
    return words;
  }

  Count send_words(Cycle now) {
    const Phase at = phase();
    Count sent = 0;
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      if (!send(p, at, now)) continue;
      ++sent;
      ledger_.work(p / 64, std::uint64_t{1} << p % 64, now);
      if (++ports_[p].sent == words_of_round(ports_[p])) {
        ledger_.ended(static_cast<int>(p), now);
        ports_[p].sent = 0;
      }
    }
    retire_steps(at, now);
    return sent;
  }

  Count words_of_round(const Port& port) const {
    return steps_[loading] * static_cast<Count>(port.words[loading].size()) +
           steps_[streaming] * static_cast<Count>(port.words[streaming].size());
  }

  bool send(std::size_t p, Phase at, Cycle now) {
    Port& port = ports_[p];
    if (port.words[at].empty() || static_cast<Count>(port.next_step) >= left_[at]) return false;
    const Step* step = links_.posts->peek(0, port.next_step, now);
    if (step == nullptr) return false;
    const Word& word = port.words[at][port.next_word];
    if (!links_.operands->can_push(word.endpoint, now)) {
      if (ledger_.started(static_cast<int>(p))) ledger_.held_back(1);
      return false;
    }
    links_.operands->push(word.endpoint, (*step)[word.index], now);
    if (++port.next_word == port.words[at].size()) {
      port.next_word = 0;
      ++port.next_step;
    }
    return true;
  }

  // A step leaves the queue when every port has sent its words of it.
  void retire_steps(Phase at, Cycle now) {
    const auto all_past_first = [&] {
      return std::ranges::all_of(ports_, [at](const Port& p) { return p.words[at].empty() || p.next_step > 0; });
    };
    while (left_[at] > 0 && links_.posts->can_pop(0, now) && all_past_first()) {
      links_.posts->pop(0, now);
      --left_[at];
      for (Port& port : ports_) {
        if (!port.words[at].empty()) --port.next_step;
      }
    }
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Extent used_;
  bool loads_ = false;                        // an operand stays in the array
  std::array<kernel::LaneSet, 2> endpoints_;  // that get words, by phase
  std::array<kernel::LaneSet, 2> in_use_;     // ports with words, by phase
  int group_ = 1;                             // endpoints a port
  std::vector<Port> ports_;
  std::array<Count, 2> steps_{};  // of a round, by phase
  std::array<Count, 2> left_{};   // of them, to go
  Count rounds_ = 0;              // of the run
};

}  // namespace

PartInfo distribution_point_to_point() {
  PartInfo row = declare<PointToPoint>("distribution", "point-to-point",
                                       "A wire from each read port to its own group of edge endpoints.", {"read ports"},
                                       "systolic");
  row.lanes = [](const schema::Values&, const Array& array) { return array.endpoints(); };
  return row;
}

}  // namespace cairn::fabric
