// Direct read-out: every accumulator has its own wire to the write-back, as in a test bench that looks at all
// accumulators of the array in parallel. Costs nothing in time; no real array of size has it.
#include "fabric/collection/counters.h"
#include "fabric/part.h"

namespace cairn::fabric {
namespace {

class Direct final : public Part {
 public:
  struct Params {
    std::int64_t latency = 0;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the accumulator to the write-back")};
    }
  };
  using Counters = CollectionCounters;

  Direct(std::string slot, const Params& params, const Array&, Links& links)
      : Part(std::move(slot)), params_(params), links_(links) {
    links.used.lines = kernel::LaneSet(links.results->lanes());
  }

  kernel::Wiring wiring() const override { return {{links_.sums}, {links_.results}}; }
  void configure(const Round&) override { links_.used.lines |= links_.used.points; }

  bool tick(Cycle now) override {
    if (links_.sums->in_flight() == 0) return false;
    Count sent = 0;
    links_.sums->occupied().for_each([&](int lane) {
      if (links_.sums->can_pop(lane, now)) {
        links_.results->push(lane, links_.sums->pop(lane, now), now);
        ++sent;
      }
    });
    count(sent);
    return sent > 0;
  }

  Count units() const override { return links_.results->lanes(); }
  Count taking_part() const override { return links_.used.lines.count(); }

  bool has_flow() const override { return true; }

  void flow() override {
    for (std::size_t lane = 0; lane < links_.sums->streams.size(); ++lane) {
      links_.results->streams[lane] = links_.sums->streams[lane].delayed(params_.latency);
      count(links_.sums->streams[lane].count());
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  void count(Count results) {
    counters_.results_in += results;
    counters_.results_out += results;
  }

  Params params_;
  Links& links_;
  Counters counters_;
};

}  // namespace

PartInfo collection_direct() {
  PartInfo row = declare<Direct>("collection", "direct",
                                 "A wire from every accumulator to the write-back: all results visible at once.",
                                 {"result lines", {"results_out"}}, "systolic");
  row.lanes = [](const schema::Values&, const Array& array) { return array.feet(); };
  return row;
}

}  // namespace cairn::fabric
