// Chain read-out: sums leave a systolic array over the links between its elements. Each element of a row holds its sum
// until its link is free, and passes on what comes from the element behind it; the first one hands over to the
// write-back. One link a row takes the place of one line an accumulator. The links are narrow: a word crosses one in
// `beats` cycles.
#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "fabric/plugin.h"

namespace {

using namespace cairn;
using fabric::Result;
using kernel::Stream;

class Chain : public fabric::Part {
 public:
  // [declared]
  struct Params {
    std::int64_t beats = 1;
    std::int64_t latency = 0;
    static auto fields() {
      return std::tuple{
          schema::integer("beats", &Params::beats, "cycles", {1, 64}, "that a link is busy with a word"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10}, "from the last link to the write-back")};
    }
  };

  struct Counters {
    Count results_in = 0;
    Count results_out = 0;
    Count hops = 0;
    Count link_cycles = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("results_in", &Counters::results_in, "results", "sums taken from the accumulators"),
          stats::counter("results_out", &Counters::results_out, "results", "results sent to the write-back"),
          stats::counter("hops", &Counters::hops, "words", "words that crossed a link"),
          stats::counter("link_cycles", &Counters::link_cycles, "link-cycles", "cycles in which a link was in use")};
    }
  };
  // [declared]

  // [refused]
  Chain(std::string slot, const Params& params, const fabric::Array& array, fabric::Links& links)
      : Part(std::move(slot)), params_(params), array_(array), links_(links) {
    if (array.overlapped)
      throw Error(Code::inconsistent_machine, "collection.type",
                  "sums of the next tile would meet those of the last one in a chain", "memory.overlap = false");
    elements_.resize(static_cast<std::size_t>(array.lanes()));
    links.used.lines = kernel::LaneSet(array.extent.rows);
    in_use_ = kernel::LaneSet(array.lanes());
  }
  // [refused]

  kernel::Wiring wiring() const override { return {{links_.sums}, {links_.results}}; }

  void start(const fabric::Program&) override { in_use_.clear_all(); }

  void configure(const fabric::Round& round) override {
    used_ = round.used;
    for (int row = 0; row < used_.rows; ++row) {
      links_.used.lines.set(row);
      for (int column = 0; column < used_.columns; ++column) in_use_.set(array_.lane(row, column));
    }
  }

  Count units() const override { return array_.lanes(); }
  Count taking_part() const override { return in_use_.count(); }

  // [tick]
  // Words arrive first; then each free link takes the word that waits longest, one that is passed on before the
  // element's own sum.
  bool tick(Cycle now) override {
    bool progress = false;
    for (int row = 0; row < used_.rows; ++row) {
      for (int column = 0; column < used_.columns; ++column) progress |= arrive(row, column, now);
      for (int column = 0; column < used_.columns; ++column) progress |= send(row, column, now);
    }
    return progress;
  }
  // [tick]

  // [flow]
  bool has_flow() const override { return true; }

  // An element is a server of its own sums and of what comes from behind, busy `beats` cycles with each: when it is
  // busy does not depend on which of them goes first.
  void flow() override {
    std::ranges::fill(links_.results->streams, Stream{});
    for (int row = 0; row < used_.rows; ++row) {
      Stream passing;
      for (int column = used_.columns - 1; column >= 0; --column) {
        const std::array sources{links_.sums->streams[lane(row, column)], passing};
        passing = merge(sources).served(params_.beats).delayed(params_.beats);
        count_hops(passing.count());
        counters_.results_in += sources.front().count();
      }
      counters_.results_out += passing.count();
      links_.results->streams[static_cast<std::size_t>(row)] = passing.delayed(params_.latency);
    }
  }
  // [flow]

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

  std::string waiting() const override {
    const auto held =
        std::ranges::count_if(elements_, [](const Element& e) { return e.crossing || !e.waiting.empty(); });
    return held > 0 ? "the links of " + std::to_string(held) + " elements" : "";
  }

 private:
  struct Element {
    std::deque<Result> waiting;      // words from behind that are to be passed on
    std::optional<Result> crossing;  // on the link out
    Cycle arrives = 0;               // when it is at the other end
  };

  std::size_t lane(int row, int column) const { return static_cast<std::size_t>(array_.lane(row, column)); }

  // [moves]
  bool arrive(int row, int column, Cycle now) {
    Element& element = elements_[lane(row, column)];
    if (!element.crossing || element.arrives > now) return element.crossing.has_value();
    if (column > 0) {
      elements_[lane(row, column - 1)].waiting.push_back(*element.crossing);
    } else {
      links_.results->push(row, *element.crossing, now);
      ++counters_.results_out;
    }
    element.crossing.reset();
    return true;
  }

  bool send(int row, int column, Cycle now) {
    Element& element = elements_[lane(row, column)];
    if (element.crossing) return false;
    if (!element.waiting.empty()) {
      element.crossing = element.waiting.front();
      element.waiting.pop_front();
    } else if (links_.sums->can_pop(array_.lane(row, column), now)) {
      element.crossing = links_.sums->pop(array_.lane(row, column), now);
      ++counters_.results_in;
    } else {
      return false;
    }
    element.arrives = now + params_.beats;
    count_hops(1);
    return true;
  }

  void count_hops(Count words) {
    counters_.hops += words;
    counters_.link_cycles += words * params_.beats;
  }
  // [moves]

  Params params_;
  fabric::Array array_;
  fabric::Links& links_;
  Counters counters_;
  fabric::Extent used_;
  std::vector<Element> elements_;  // by lane
  kernel::LaneSet in_use_{0};      // elements, in the run so far
};

// The same hardware before its flow form is written.
class SteppedChain final : public Chain {
 public:
  using Chain::Chain;
  bool has_flow() const override { return false; }
};

// [costs]
// A word that crosses a link is written to the register of the next element and read there again.
schema::Costs costs() {
  const auto one_each = [](const schema::Values&, const schema::Costs::Array& array) {
    return array.rows * array.columns;
  };
  const schema::Width sum = schema::Width::sum;
  return {.charges = {{"hops", "collection_wire", "transfer"}, {"hops", "queue", "push"}, {"hops", "queue", "pop"}},
          .exemptions = {{"results_in", "charged as the first hop"},
                         {"results_out", "charged as the last hop"},
                         {"link_cycles", "time, not an action"}},
          .units = {{"collection_wire", sum, one_each}, {"queue", sum, one_each}}};
}
// [costs]

// [row]
template <class P>
fabric::PartInfo row(const char* type, const char* doc) {
  fabric::PartInfo row = fabric::declare<P>("collection", type, doc, {"links", {"link_cycles"}}, "systolic");
  row.lanes = [](const schema::Values&, const fabric::Array& array) { return array.extent.rows; };
  row.info.costs = std::make_shared<const schema::Costs>(costs());
  return row;
}

}  // namespace

CAIRN_PLUGIN("chain", "1.0",
             row<Chain>("chain", "Sums leave over the links between the elements of a row, one word at a time."),
             row<SteppedChain>("chain-stepped", "The chain without a flow form: its rounds are clocked."))
// [row]
