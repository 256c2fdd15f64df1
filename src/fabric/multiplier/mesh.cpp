// Mesh of processing elements (paper Fig. 3, TPU-like; spec: OS mesh). A column word enters at the top and moves down,
// a row word enters at the left and moves right, one hop a cycle. An element that holds one of each multiplies them,
// hands the product to its accumulator and passes both words on. Words that come before their partner wait in a queue.
//
// One component over flat arrays, lane = row * columns + column. A cycle is a few passes over whole arrays; only the
// words that cannot be used in the cycle in which they arrive are handled one by one.
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

class Mesh final : public Part {
 public:
  struct Params {
    std::int64_t rows = 16;
    std::int64_t columns = 16;
    std::int64_t latency = 1;
    std::int64_t queue_depth = 0;
    static auto fields() {
      return std::tuple{
          schema::integer("rows", &Params::rows, "elements", {1, kLongestSide}, "rows of processing elements"),
          schema::integer("columns", &Params::columns, "elements", {1, kLongestSide}, "columns of processing elements"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                          "from a multiplication to the accumulator; 0 = in one cycle"),
          schema::integer("queue_depth", &Params::queue_depth, "words", {0, 1 << 20},
                          "words of each kind that may wait at an element; 0 = unbounded, 1 halves the rate")};
    }
  };
  struct Counters {
    Count multiplications = 0;
    Count hops = 0;
    Count operand_pushes = 0;
    Count operand_pops = 0;
    Count configurations = 0;
    static auto fields() {
      return std::tuple{stats::counter("multiplications", &Counters::multiplications, "operations",
                                       "products computed by the processing elements"),
                        stats::counter("hops", &Counters::hops, "words", "words passed on to a neighbouring element"),
                        stats::counter("operand_pushes", &Counters::operand_pushes, "words",
                                       "words written to the operand queues of the elements"),
                        stats::counter("operand_pops", &Counters::operand_pops, "words",
                                       "words read from the operand queues of the elements"),
                        stats::counter("configurations", &Counters::configurations, "times",
                                       "elements configured, all of the array once a tile")};
    }
  };

  Mesh(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot), array.lanes()),
        params_(params),
        array_(array),
        links_(links),
        rightward_(array.lanes(), 1),
        downward_(array.lanes(), array.extent.columns),
        endpoints_(array.endpoints()),
        top_(array.lanes()),
        left_(array.lanes()),
        fires_(array.lanes()),
        in_use_(array.lanes()),
        fired_(array.lanes()) {}

  kernel::Wiring wiring() const override { return {{links_.operands}, {links_.products}}; }

  void start(const Program& program) override { rounds_ = program.rounds->size(); }

  void configure(const Round& round) override {
    counters_.configurations += array_.lanes();
    if (round.used == used_ && round.steps == steps_) return;
    used_ = round.used;
    steps_ = round.steps;
    for (LaneSet* set : {&rightward_.forwards, &downward_.forwards, &endpoints_, &top_, &left_, &in_use_})
      set->clear_all();
    for (int column = 0; column < used_.columns; ++column) {
      endpoints_.set(column);
      top_.set(column);
    }
    for (int row = 0; row < used_.rows; ++row) {
      endpoints_.set(array_.extent.columns + row);
      left_.set(array_.lane(row, 0));
    }
    for (int row = 0; row < used_.rows; ++row) {
      for (int column = 0; column < used_.columns; ++column) {
        in_use_.set(array_.lane(row, column));
        if (column + 1 < used_.columns) rightward_.forwards.set(array_.lane(row, column));
        if (row + 1 < used_.rows) downward_.forwards.set(array_.lane(row, column));
      }
    }
    fired_.reset(in_use_, steps_);
  }

  // Tiles that overlap all use the whole array.
  void round_begins(Cycle now) override {
    if (!array_.overlapped) return ledger_.begin(now, in_use_, links_.round.drains);
    if (ledger_.taking_part() == 0) ledger_.begin(now, in_use_, links_.round.drains, rounds_);
  }

  bool tick(Cycle now) override {
    rightward_.next_cycle();
    downward_.next_cycle();
    take_from_edge(now);
    const Count fired = choose_fires();
    counters_.operand_pushes += rightward_.settle(fires_) + downward_.settle(fires_);
    counters_.operand_pops += 2 * fired;
    counters_.multiplications += fired;
    if (fired == 0) return false;
    keep_ledger(now);
    multiply(now, fired);
    counters_.hops += rightward_.pass_on(fires_, busy_lanes()) + downward_.pass_on(fires_, busy_lanes());
    release_edge(now);
    return true;
  }

  bool has_flow() const override { return params_.queue_depth == 0; }

  // F(row, column) = join of what passes down its column and what passes right along its row; a word is one hop a cycle
  // late at each element, and where an element waits for one word it passes the other on late too. Hence prefix joins.
  void flow() override {
    const std::vector<Stream>& edge = links_.operands->streams;
    std::vector<Stream> from_above(edge.begin(), edge.begin() + used_.columns);
    std::ranges::fill(links_.products->streams, Stream{});
    for (int row = 0; row < used_.rows; ++row) {
      const int endpoint = array_.extent.columns + row;
      Stream from_left = edge[static_cast<std::size_t>(endpoint)];
      for (int column = 0; column < used_.columns; ++column) {
        const Stream fired = join(from_left, from_above[static_cast<std::size_t>(column)]);
        links_.products->streams[static_cast<std::size_t>(array_.lane(row, column))] = fired.delayed(params_.latency);
        from_left = fired.delayed(1);
        from_above[static_cast<std::size_t>(column)] = from_left;
      }
    }
    const Count steps = edge[0].count();
    const Count products = steps * used_.rows * used_.columns;
    ledger_.worked(products);
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t lane) {
      const Stream& fired = links_.products->streams[lane];
      return fired.empty() ? Ledger::Span{}
                           : Ledger::Span{fired.first() - params_.latency, fired.last() - params_.latency};
    });
    counters_.multiplications += products;
    counters_.hops += steps * (used_.rows * (used_.columns - 1) + used_.columns * (used_.rows - 1));
    counters_.operand_pushes += 2 * products;
    counters_.operand_pops += 2 * products;
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override {
    const std::size_t words = rightward_.items_waiting() + downward_.items_waiting();
    return words > 0 ? "the partners of " + std::to_string(words) + " operands" : "";
  }

 private:
  // Column words enter at the top row, whose lanes have the numbers of their endpoints; row words enter at the left
  // column.
  void take_from_edge(Cycle now) {
    if (links_.operands->in_flight() == 0) return;
    auto& edge = links_.operands->incoming(now);
    const int columns = array_.extent.columns;
    std::copy_n(edge.values.begin(), columns, downward_.in.begin());
    Count taken = 0;
    if (edge.valid.words() == endpoints_.words()) {  // a whole step
      downward_.arriving |= top_;
      rightward_.arriving |= left_;
      for (int row = 0; row < used_.rows; ++row) rightward_.in[lane(row)] = edge.values[endpoint(row)];
      taken = used_.columns + used_.rows;
    } else {
      edge.valid.for_each([&](int from) {
        ++taken;
        if (from < columns) {
          downward_.arriving.set(from);
        } else {
          rightward_.arriving.set(array_.lane(from - columns, 0));
          rightward_.in[lane(from - columns)] = edge.values[static_cast<std::size_t>(from)];
        }
      });
    }
    links_.operands->take_all(now, taken);
  }

  // Where the words of a row enter.
  std::size_t lane(int row) const { return static_cast<std::size_t>(array_.lane(row, 0)); }
  std::size_t endpoint(int row) const {
    const int from = array_.extent.columns + row;
    return static_cast<std::size_t>(from);
  }

  // Every element that has one word of each kind fires, if there is room at its neighbours. Room is judged before
  // anything fires, so a place that is freed in this cycle counts in the next.
  Count choose_fires() {
    Count fired = 0;
    for (std::size_t w = 0; w < fires_.words().size(); ++w) {
      fires_.words()[w] = rightward_.present(w) & downward_.present(w);
      fired += std::popcount(fires_.words()[w]);
    }
    if (params_.queue_depth == 0) return fired;
    blocked_.clear();
    fires_.for_each([&](int lane) {
      if (!has_room(rightward_, lane) || !has_room(downward_, lane)) blocked_.push_back(lane);
    });
    for (const int lane : blocked_) {
      fires_.clear(lane);
      if (ledger_.started(lane)) ledger_.held_back(1);
    }
    return fired - static_cast<Count>(blocked_.size());
  }

  void keep_ledger(Cycle now) {
    ledger_.work(fires_, now);
    for (std::size_t w = 0; w < fires_.words().size(); ++w) {
      if (fires_.words()[w] == 0) continue;
      kernel::for_each_bit(w, fired_.count(w, fires_.words()[w]),
                           [&](std::size_t lane) { ledger_.ended(static_cast<int>(lane), now); });
    }
  }

  bool has_room(const LaneFlow& flow, int lane) const {
    if (!flow.forwards.test(lane)) return true;
    const int neighbour = lane + flow.hop;
    const std::size_t held =
        flow.queues[static_cast<std::size_t>(neighbour)].size() + (flow.arriving.test(neighbour) ? 1 : 0);
    return static_cast<std::int64_t>(held) < params_.queue_depth;
  }

  // Lanes that do not fire compute on stale values that nobody reads: the lane set says which products count.
  void multiply(Cycle now, Count fired) {
    auto& products = links_.products->outgoing(now);
    for (std::size_t i = 0; i < busy_lanes(); ++i) products.values[i] = rightward_.in[i] * downward_.in[i];
    for (std::size_t w = 0; w < fires_.words().size(); ++w) {
      if ((products.valid.words()[w] & fires_.words()[w]) != 0)
        util::require(false, "multiplier", "a product overwrote one that was not taken");
      products.valid.words()[w] |= fires_.words()[w];
    }
    links_.products->sent(fired);
  }

  std::size_t busy_lanes() const {
    return static_cast<std::size_t>(used_.rows) * static_cast<std::size_t>(array_.extent.columns);
  }

  // The elements at the edge give their places back to the distribution network.
  void release_edge(Cycle now) {
    if (!links_.operands->bounded()) return;
    for (int column = 0; column < used_.columns; ++column) {
      if (fires_.test(array_.lane(0, column))) links_.operands->release(column, now);
    }
    for (int row = 0; row < used_.rows; ++row) {
      if (fires_.test(array_.lane(row, 0))) links_.operands->release(array_.extent.columns + row, now);
    }
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Extent used_;
  Count steps_ = 0;   // products of an element in a round
  Count rounds_ = 0;  // of the run
  LaneFlow rightward_;
  LaneFlow downward_;
  LaneSet endpoints_;  // in use, and the elements behind them
  LaneSet top_;
  LaneSet left_;
  LaneSet fires_;             // elements that multiply in this cycle
  LaneSet in_use_;            // in the round
  LaneCounts fired_;          // products in it
  std::vector<int> blocked_;  // elements that would, had their neighbours room
};

}  // namespace

PartInfo multiplier_mesh() {
  return declare<Mesh>(
      "multiplier", "mesh",
      "Two-dimensional array of processing elements; operands hop right and down, one element a cycle.",
      {"multipliers"}, "systolic");
}

}  // namespace cairn::fabric
