// Point-to-point distribution network (paper Fig. 3 "PoPN"): each read port of the global buffer feeds its own group of
// consecutive edge endpoints (columns first, then rows) and sends one word a cycle. With as many ports as endpoints
// every edge lane has its own wire; with fewer, the words of a step take turns at their port, which is what bandwidth
// costs.
#include <algorithm>

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
        endpoints_(array.endpoints()),
        in_use_(ledger_.lanes()) {
    group_ = static_cast<int>(util::ceil_div(array.endpoints(), ledger_.lanes()));
    ports_.resize(static_cast<std::size_t>(ledger_.lanes()));
  }

  kernel::Wiring wiring() const override { return {{links_.posts}, {links_.operands}}; }

  void start(const Program& program) override { rounds_ = program.rounds->size(); }

  void configure(const Round& round) override {
    steps_ = round.steps;
    if (round.used == used_) return;
    used_ = round.used;
    for (Port& port : ports_) port.words.clear();
    endpoints_.clear_all();
    // Words of a step in posting order; each goes to the port of its endpoint.
    for (int word = 0; word < used_.columns + used_.rows; ++word) {
      const int endpoint = word < used_.columns ? word : array_.extent.columns + word - used_.columns;
      ports_[static_cast<std::size_t>(endpoint / group_)].words.push_back({word, endpoint});
      endpoints_.set(endpoint);
    }
    for (std::size_t p = 0; p < ports_.size(); ++p) in_use_.set(static_cast<int>(p), !ports_[p].words.empty());
  }

  // Tiles that overlap all use the whole array.
  void round_begins(Cycle now) override {
    if (!array_.overlapped) return ledger_.begin(now, in_use_, links_.round.drains);
    if (ledger_.taking_part() == 0) ledger_.begin(now, in_use_, links_.round.drains, rounds_);
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
    const kernel::Stream& steps = links_.posts->streams[0];
    std::ranges::fill(links_.operands->streams, kernel::Stream{});
    for (const Port& port : ports_) {
      const kernel::Stream turns = steps.served(static_cast<Cycle>(port.words.size()));
      for (std::size_t j = 0; j < port.words.size(); ++j) {
        links_.operands->streams[static_cast<std::size_t>(port.words[j].endpoint)] =
            turns.delayed(static_cast<Cycle>(j) + params_.latency);
      }
    }
    counters_.words += steps.count() * (used_.columns + used_.rows);
    ledger_.worked(steps.count() * (used_.columns + used_.rows));
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t p) {
      const auto words = static_cast<Cycle>(ports_[p].words.size());
      return words == 0 ? Ledger::Span{} : Ledger::Span{steps.first(), steps.served(words).last() + words - 1};
    });
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override { return links_.posts->in_flight() > 0 ? "room at the edge of the array" : ""; }

 private:
  struct Word {
    int index;  // in the step
    int endpoint;
  };
  struct Port {
    std::vector<Word> words;  // of each step, in order
    Count left = 0;           // words of the round to go; 0 before the first
    std::size_t next_word = 0;
    std::size_t next_step = 0;  // counted from the oldest step that still waits
  };

  // Of the ports that there are, those with an endpoint.
  static int ports(const Params& params, const Array& array) {
    const Count ports = params.bandwidth == 0 ? array.endpoints() : params.bandwidth;
    return static_cast<int>(util::ceil_div(array.endpoints(), util::ceil_div(array.endpoints(), ports)));
  }

  // A port for every endpoint and nothing that could hold one back: a whole step crosses at once.
  Count send_step(Cycle now) {
    if (!links_.posts->can_pop(0, now)) return 0;
    const Step step = links_.posts->pop(0, now);
    auto& wires = links_.operands->outgoing(now);
    std::copy_n(step, used_.columns, wires.values.begin());
    std::copy_n(step + used_.columns, used_.rows, wires.values.begin() + array_.extent.columns);
    for (std::size_t w = 0; w < wires.valid.words().size(); ++w) {
      if ((wires.valid.words()[w] & endpoints_.words()[w]) != 0)
        util::require(false, "distribution", "a word overwrote one that was not taken");
      wires.valid.words()[w] |= endpoints_.words()[w];
    }
    const Count words = used_.columns + used_.rows;
    links_.operands->sent(words);
    ledger_.work(in_use_, now);
    if (steps_left_ == 0) steps_left_ = steps_;
    if (--steps_left_ == 0) ledger_.ended(in_use_, now);
    return words;
  }

  Count send_words(Cycle now) {
    Count sent = 0;
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      if (!send(p, now)) continue;
      ++sent;
      ledger_.work(p / 64, std::uint64_t{1} << p % 64, now);
      Port& port = ports_[p];
      if (port.left == 0) port.left = steps_ * static_cast<Count>(port.words.size());
      if (--port.left == 0) ledger_.ended(static_cast<int>(p), now);
    }
    retire_steps(now);
    return sent;
  }

  bool send(std::size_t p, Cycle now) {
    Port& port = ports_[p];
    if (port.words.empty()) return false;
    const Step* step = links_.posts->peek(0, port.next_step, now);
    if (step == nullptr) return false;
    const Word& word = port.words[port.next_word];
    if (!links_.operands->can_push(word.endpoint, now)) {
      if (ledger_.started(static_cast<int>(p))) ledger_.held_back(1);
      return false;
    }
    links_.operands->push(word.endpoint, (*step)[word.index], now);
    if (++port.next_word == port.words.size()) {
      port.next_word = 0;
      ++port.next_step;
    }
    return true;
  }

  // A step leaves the queue when every port has sent its words of it.
  void retire_steps(Cycle now) {
    const auto all_past_first = [&] {
      return std::ranges::all_of(ports_, [](const Port& p) { return p.words.empty() || p.next_step > 0; });
    };
    while (links_.posts->can_pop(0, now) && all_past_first()) {
      links_.posts->pop(0, now);
      for (Port& port : ports_) {
        if (!port.words.empty()) --port.next_step;
      }
    }
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Extent used_;
  kernel::LaneSet endpoints_;  // in use
  int group_ = 1;              // endpoints a port
  std::vector<Port> ports_;
  Count steps_ = 0;         // of a round
  Count rounds_ = 0;        // of the run
  Count steps_left_ = 0;    // where steps cross whole: of the round, to go; 0 before the first
  kernel::LaneSet in_use_;  // ports with words in the round
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
