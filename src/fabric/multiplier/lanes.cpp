// The multipliers of independent lanes: each gets an input and a weight in a cycle, and hands its product to the
// accumulator of its lane. There are no links between them.
#include "fabric/part.h"

namespace cairn::fabric {
namespace {

class LaneMultipliers final : public Part {
 public:
  struct Params {
    std::int64_t multipliers = 64;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{
          schema::integer("multipliers", &Params::multipliers, "multipliers", {1, 1 << 14},
                          "lanes, each with a multiplier and an accumulator"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10}, "from the operands to the product")};
    }
  };
  struct Counters {
    Count multiplications = 0;
    static auto fields() {
      return std::tuple{stats::counter("multiplications", &Counters::multiplications, "operations", "products formed")};
    }
  };

  LaneMultipliers(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)), params_(params), lanes_(array.lanes()), links_(links) {}

  kernel::Wiring wiring() const override { return {{links_.pairs}, {links_.products}}; }
  void configure(const Round& round) override { used_ = round.used.area(); }
  bool finished() const override { return links_.pairs->in_flight() == 0; }

  bool tick(Cycle now) override {
    if (links_.pairs->in_flight() == 0) return false;
    const auto& pairs = links_.pairs->incoming(now);
    const Count products = pairs.valid.count();
    pairs.valid.for_each([&](int lane) {
      const Pair& pair = pairs.values[static_cast<std::size_t>(lane)];
      links_.products->push(lane, pair.input * pair.weight, now);
    });
    links_.pairs->take_all(now, products);
    counters_.multiplications += products;
    return products > 0;
  }

  bool has_flow() const override { return true; }
  void flow() override {
    for (std::size_t lane = 0; lane < links_.products->streams.size(); ++lane) {
      links_.products->streams[lane] = links_.pairs->streams[lane].delayed(params_.latency);
      counters_.multiplications += links_.pairs->streams[lane].count();
    }
  }

  Count units() const override { return lanes_; }
  Count taking_part() const override { return used_; }
  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  Params params_;
  int lanes_;
  Links& links_;
  Counters counters_;
  Count used_ = 0;
};

}  // namespace

PartInfo multiplier_lanes() {
  return declare<LaneMultipliers>("multiplier", "lanes", "Multipliers of independent lanes.",
                                  {"multipliers", {"multiplications"}}, "lanes");
}

}  // namespace cairn::fabric
