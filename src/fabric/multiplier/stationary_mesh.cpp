// Mesh of processing elements that each hold a word (TPU; paper Fig. 3 has the output-stationary one). Before a fold a
// word for each used column comes in every step and moves the others of its column down, so that the first one ends in
// the last row. Then the words of the other operand enter at the left and move right, one hop a cycle; an element
// multiplies each by the word it holds and hands the product to its adder.
//
// Sums move down the columns (reduction "column"), one element a cycle. So that products meet them, the word of row r
// waits r cycles at the edge: the triangle of registers that such arrays have.
#include <algorithm>

#include "fabric/lane_counts.h"
#include "fabric/lane_flow.h"
#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

using kernel::LaneSet;
using kernel::Stream;

constexpr std::int64_t kLongestSide = 1024;

class StationaryMesh final : public Part {
 public:
  struct Params {
    std::int64_t rows = 16;
    std::int64_t columns = 16;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{
          schema::integer("rows", &Params::rows, "elements", {1, kLongestSide}, "rows of processing elements"),
          schema::integer("columns", &Params::columns, "elements", {1, kLongestSide}, "columns of processing elements"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                          "from a multiplication to the adder; 0 = in one cycle")};
    }
  };
  struct Counters {
    Count multiplications = 0;
    Count hops = 0;
    Count operand_pushes = 0;
    Count operand_pops = 0;
    Count configurations = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("multiplications", &Counters::multiplications, "operations",
                         "products computed by the processing elements"),
          stats::counter("hops", &Counters::hops, "words",
                         "words passed on to a neighbouring element: down where they are to stay, else to the right"),
          stats::counter("operand_pushes", &Counters::operand_pushes, "words",
                         "words written to the registers of the elements"),
          stats::counter("operand_pops", &Counters::operand_pops, "words",
                         "words read from those registers to be multiplied; the one that stays is read each time"),
          stats::counter("configurations", &Counters::configurations, "times",
                         "elements configured, all of the array once a fold")};
    }
  };

  StationaryMesh(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot), array.lanes()),
        params_(params),
        array_(array),
        links_(links),
        rightward_(array.lanes(), 1),
        held_(static_cast<std::size_t>(array.lanes())),
        loaded_(static_cast<std::size_t>(array.extent.columns)),
        edge_(static_cast<std::size_t>(array.extent.rows), Skewed(array.extent.rows)),
        in_use_(array.lanes()),
        fired_(array.lanes()) {}

  kernel::Wiring wiring() const override { return {{links_.operands}, {links_.products}}; }

  void configure(const Round& round) override {
    counters_.configurations += array_.lanes();
    steps_ = round.steps;
    loads_ = round.loads;
    std::ranges::fill(loaded_, 0);
    if (round.used != used_) use(round.used);
    fired_.reset(in_use_, steps_);
  }

  void round_begins(Cycle now) override { ledger_.begin(now, in_use_, links_.round.drains); }

  bool tick(Cycle now) override {
    rightward_.next_cycle();
    const bool taken = take_from_edge(now);
    enter(now);
    const LaneSet& fires = rightward_.arriving;
    const Count fired = fires.count();
    if (fired == 0) return taken;
    counters_.operand_pushes += fired;
    counters_.operand_pops += 2 * fired;
    counters_.multiplications += fired;
    for (std::size_t w = 0; w < fires.words().size(); ++w) work(w, fires.words()[w], now);
    multiply(now, fired);
    counters_.hops += rightward_.pass_on(fires, busy_lanes());
    return true;
  }

  bool has_flow() const override { return true; }

  // Nothing waits at an element: it is loaded before the first word comes.
  void flow() override {
    const std::vector<Stream>& edge = links_.operands->streams;
    std::ranges::fill(links_.products->streams, Stream{});
    for (int row = 0; row < used_.rows; ++row) {
      const Stream& words = edge[endpoint(row)];
      for (int column = 0; column < used_.columns; ++column)
        links_.products->streams[lane(row, column)] = words.delayed(row + column + params_.latency);
    }
    const Count products = steps_ * used_.area();
    ledger_.worked(products);
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t i) {
      const Stream& fired = links_.products->streams[i];
      return fired.empty() ? Ledger::Span{}
                           : Ledger::Span{fired.first() - params_.latency, fired.last() - params_.latency};
    });
    const Count moved_down = loads_ * (loads_ - 1) / 2 * used_.columns;
    counters_.multiplications += products;
    counters_.hops += moved_down + steps_ * used_.rows * (used_.columns - 1);
    counters_.operand_pushes += moved_down + loads_ * used_.columns + products;
    counters_.operand_pops += 2 * products;
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  // Words on their way through the triangle of registers: what enters the array in one cycle, a lane a row.
  struct Skewed {
    explicit Skewed(int rows) : valid(rows), values(static_cast<std::size_t>(rows)) {}
    LaneSet valid;
    std::vector<float> values;
  };

  void use(const Extent& used) {
    used_ = used;
    rightward_.forwards.clear_all();
    in_use_.clear_all();
    for (int row = 0; row < used_.rows; ++row) {
      for (int column = 0; column < used_.columns; ++column) {
        in_use_.set(array_.lane(row, column));
        if (column + 1 < used_.columns) rightward_.forwards.set(array_.lane(row, column));
      }
    }
  }

  bool take_from_edge(Cycle now) {
    if (links_.operands->in_flight() == 0) return false;
    const auto& edge = links_.operands->incoming(now);
    const int columns = array_.extent.columns;
    Count taken = 0;
    edge.valid.for_each([&](int from) {
      ++taken;
      const float word = edge.values[static_cast<std::size_t>(from)];
      from < columns ? load(from, word) : skew(from - columns, word, now);
    });
    links_.operands->take_all(now, taken);
    return taken > 0;
  }

  void load(int column, float word) {
    Count& loaded = loaded_[static_cast<std::size_t>(column)];
    for (int row = static_cast<int>(loaded); row > 0; --row) held_[lane(row, column)] = held_[lane(row - 1, column)];
    held_[lane(0, column)] = word;
    counters_.hops += loaded;
    counters_.operand_pushes += loaded + 1;
    ++loaded;
  }

  void skew(int row, float word, Cycle now) {
    Skewed& later = at(now + row);
    later.valid.set(row);
    later.values[static_cast<std::size_t>(row)] = word;
  }

  // Into the first column, what has waited long enough.
  void enter(Cycle now) {
    Skewed& entering = at(now);
    entering.valid.for_each([&](int row) {
      rightward_.arriving.set(array_.lane(row, 0));
      rightward_.in[lane(row, 0)] = entering.values[static_cast<std::size_t>(row)];
    });
    entering.valid.clear_all();
  }

  void work(std::size_t word, std::uint64_t fires, Cycle now) {
    if (fires == 0) return;
    ledger_.work(word, fires, now);
    kernel::for_each_bit(word, fired_.count(word, fires),
                         [&](std::size_t i) { ledger_.ended(static_cast<int>(i), now); });
  }

  // Lanes that have no word compute on stale values that nobody reads: the lane set says which products count.
  void multiply(Cycle now, Count fired) {
    const LaneSet& fires = rightward_.arriving;
    auto& products = links_.products->outgoing(now);
    for (std::size_t i = 0; i < busy_lanes(); ++i) products.values[i] = rightward_.in[i] * held_[i];
    for (std::size_t w = 0; w < fires.words().size(); ++w) {
      if ((products.valid.words()[w] & fires.words()[w]) != 0)
        util::require(false, "multiplier", "a product overwrote one that was not taken");
      products.valid.words()[w] |= fires.words()[w];
    }
    links_.products->sent(fired);
  }

  Skewed& at(Cycle cycle) { return edge_[static_cast<std::size_t>(cycle) % edge_.size()]; }
  std::size_t lane(int row, int column) const { return static_cast<std::size_t>(array_.lane(row, column)); }
  std::size_t endpoint(int row) const {
    const int from = array_.extent.columns + row;
    return static_cast<std::size_t>(from);
  }
  std::size_t busy_lanes() const {
    return static_cast<std::size_t>(used_.rows) * static_cast<std::size_t>(array_.extent.columns);
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Extent used_;
  Count steps_ = 0;  // products of an element in a round
  Count loads_ = 0;  // words that a column gets to hold
  LaneFlow rightward_;
  std::vector<float> held_;
  std::vector<Count> loaded_;  // words of a column in this round
  std::vector<Skewed> edge_;   // by the cycle in which they enter
  LaneSet in_use_;             // in the round
  LaneCounts fired_;           // products in it
};

}  // namespace

PartInfo multiplier_stationary_mesh() {
  return declare<StationaryMesh>(
      "multiplier", "stationary-mesh",
      "Two-dimensional array of processing elements that hold a word each; the other operand hops right.",
      {"multipliers"}, "systolic");
}

}  // namespace cairn::fabric
