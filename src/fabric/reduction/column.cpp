// Column reduction (paper Fig. 3 "LRN"): an adder at every element of a systolic array adds its product to the sum that
// comes from the element above and passes it down, one element a cycle. The sum of a column leaves at the last row in
// use. A product or sum that comes before its partner waits for it.
#include <algorithm>

#include "fabric/lane_flow.h"
#include "fabric/part.h"

namespace cairn::fabric {
namespace {

using kernel::LaneSet;
using kernel::Stream;

class Column final : public Part {
 public:
  struct Params {
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the last addition to the read-out")};
    }
  };
  struct Counters {
    Count additions_2to1 = 0;
    Count wire_writes = 0;
    Count results = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("additions_2to1", &Counters::additions_2to1, "operations",
                         "products added to the sum from above; those of the first row begin a sum"),
          stats::counter("wire_writes", &Counters::wire_writes, "words", "sums passed down to the next element"),
          stats::counter("results", &Counters::results, "results", "sums that left a column")};
    }
  };

  Column(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        array_(array),
        links_(links),
        products_(array.lanes(), 0),
        downward_(array.lanes(), array.extent.columns),
        top_(array.lanes()),
        foot_(array.lanes()),
        fires_(array.lanes()) {
    links.used.adders = LaneSet(array.lanes());
    links.used.points = LaneSet(array.extent.columns);
  }

  kernel::Wiring wiring() const override { return {{links_.products}, {links_.sums}}; }

  void configure(const Round& round) override {
    if (round.used != used_) use(round.used);
    links_.used.adders |= in_use();
    for (int column = 0; column < used_.columns; ++column) links_.used.points.set(column);
  }

  Count units() const override { return array_.lanes(); }
  Count taking_part() const override { return links_.used.adders.count(); }

  bool tick(Cycle now) override {
    downward_.next_cycle();
    take(now);
    Count fired = 0;
    Count begun = 0;
    for (std::size_t w = 0; w < fires_.words().size(); ++w) {
      fires_.words()[w] = products_.present(w) & (top_.words()[w] | downward_.present(w));
      fired += std::popcount(fires_.words()[w]);
      begun += std::popcount(fires_.words()[w] & top_.words()[w]);
    }
    products_.settle(fires_);
    downward_.settle(fires_);
    if (fired == 0) return false;
    for (std::size_t i = 0; i < busy_lanes(); ++i) downward_.in[i] += products_.in[i];
    const Count passed = downward_.pass_on(fires_, busy_lanes());
    hand_over(now);
    count(fired - begun, passed, fired - passed);
    return true;
  }

  bool has_flow() const override { return true; }

  void flow() override {
    std::ranges::fill(links_.sums->streams, Stream{});
    for (int column = 0; column < used_.columns; ++column) {
      Stream sum = products(0, column);
      for (int row = 1; row < used_.rows; ++row) sum = join(products(row, column), sum.delayed(1));
      const Count additions = sum.count() * (used_.rows - 1);
      count(additions, additions, sum.count());
      links_.sums->streams[static_cast<std::size_t>(column)] = sum.delayed(params_.latency);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

  std::string waiting() const override {
    const std::size_t items = products_.items_waiting() + downward_.items_waiting();
    return items > 0 ? "the partners of " + std::to_string(items) + " products and sums" : "";
  }

 private:
  void use(const Extent& used) {
    used_ = used;
    for (LaneSet* set : {&downward_.forwards, &top_, &foot_}) set->clear_all();
    for (int column = 0; column < used_.columns; ++column) {
      top_.set(column);
      foot_.set(array_.lane(used_.rows - 1, column));
      for (int row = 0; row + 1 < used_.rows; ++row) downward_.forwards.set(array_.lane(row, column));
    }
  }

  LaneSet in_use() const {
    LaneSet all = downward_.forwards;
    all |= foot_;
    return all;
  }

  void take(Cycle now) {
    // Nothing comes from above the first row.
    std::fill_n(downward_.in.begin(), array_.extent.columns, 0.0F);
    products_.arriving.clear_all();
    if (links_.products->in_flight() == 0) return;
    const auto& frame = links_.products->incoming(now);
    products_.arriving = frame.valid;
    std::copy_n(frame.values.begin(), busy_lanes(), products_.in.begin());
    links_.products->take_all(now, products_.arriving.count());
  }

  void hand_over(Cycle now) {
    for (int column = 0; column < used_.columns; ++column) {
      const int lane = array_.lane(used_.rows - 1, column);
      if (fires_.test(lane)) links_.sums->push(column, {downward_.in[static_cast<std::size_t>(lane)], column}, now);
    }
  }

  void count(Count additions, Count passed, Count results) {
    counters_.additions_2to1 += additions;
    counters_.wire_writes += passed;
    counters_.results += results;
  }

  const Stream& products(int row, int column) const {
    return links_.products->streams[static_cast<std::size_t>(array_.lane(row, column))];
  }
  std::size_t busy_lanes() const {
    return static_cast<std::size_t>(used_.rows) * static_cast<std::size_t>(array_.extent.columns);
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Extent used_;
  LaneFlow products_;
  LaneFlow downward_;  // sums
  LaneSet top_;        // elements in use of the first row
  LaneSet foot_;       // and of the last
  LaneSet fires_;      // adders at work in this cycle
};

}  // namespace

PartInfo reduction_column() {
  PartInfo row = declare<Column>("reduction", "column",
                                 "An adder an element; sums move down the columns of an array and leave at their foot.",
                                 {"adders", {"additions_2to1", "results"}}, "systolic");
  row.lanes = [](const schema::Values&, const Array& array) { return array.extent.columns; };
  return row;
}

}  // namespace cairn::fabric
