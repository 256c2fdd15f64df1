// Accumulators that check the sign of their sums (paper, use case 2; SnaPEA, ISCA 2018): one a lane. The tag beside a
// product says beyond which limits the sum can no longer become positive after the rectifier, or is predicted not to. A
// sum that is beyond is handed over as it is, and the controller is told to stop the lane; the products that are still
// on their way from there are dropped.
#include <algorithm>

#include "fabric/part.h"

namespace cairn::fabric {
namespace {

class SignCheck final : public Part {
 public:
  struct Params {
    std::int64_t latency = 1;
    std::int64_t stop_latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the last addition to the read-out"),
                        schema::integer("stop_latency", &Params::stop_latency, "cycles", {1, 1 << 10},
                                        "from the addition to the controller that stops the lane")};
    }
  };
  struct Counters {
    Count additions = 0;
    Count register_reads = 0;
    Count register_writes = 0;
    Count checks = 0;
    Count stops = 0;
    Count dropped = 0;
    Count results = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("additions", &Counters::additions, "operations",
                         "products added to a sum that is already there"),
          stats::counter("register_reads", &Counters::register_reads, "words",
                         "sums read back from the accumulator registers"),
          stats::counter("register_writes", &Counters::register_writes, "words",
                         "sums written to the accumulator registers"),
          stats::counter("checks", &Counters::checks, "operations", "sums held against their limit, one a product"),
          stats::counter("stops", &Counters::stops, "sums", "sums left before their end"),
          stats::counter("dropped", &Counters::dropped, "products", "products of sums that had been left already"),
          stats::counter("results", &Counters::results, "results", "sums finished or left")};
    }
  };

  SignCheck(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)), params_(params), links_(links), lanes_(static_cast<std::size_t>(array.lanes())) {
    links.used.adders = links.used.points = kernel::LaneSet(array.lanes());
  }

  kernel::Wiring wiring() const override { return {{links_.products, links_.tags}, {links_.sums, links_.stops}}; }

  void configure(const Round& round) override {
    for (int lane = 0; lane < round.used.area(); ++lane) {
      links_.used.adders.set(lane);
      links_.used.points.set(lane);
    }
  }

  bool finished() const override { return links_.products->in_flight() == 0; }

  bool tick(Cycle now) override {
    if (links_.products->in_flight() == 0) return false;
    const auto& products = links_.products->incoming(now);
    const auto& tags = links_.tags->incoming(now);
    const Count came = products.valid.count();
    products.valid.for_each([&](int lane) {
      const auto i = static_cast<std::size_t>(lane);
      add(lane, products.values[i], tags.values[i], now);
    });
    links_.products->take_all(now, came);
    links_.tags->take_all(now, came);
    return came > 0;
  }

  bool has_flow() const override { return true; }

  // Tags are those with which a sum is done.
  void flow() override {
    Count products = 0;
    Count results = 0;
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      links_.sums->streams[lane] = links_.tags->streams[lane].delayed(params_.latency);
      results += links_.tags->streams[lane].count();
      products += links_.products->streams[lane].count();
    }
    counters_.dropped += products - links_.round.summed;
    counters_.stops += links_.round.left;
    count(links_.round.summed, results);
  }

  Count units() const override { return std::ssize(lanes_); }
  Count taking_part() const override { return links_.used.adders.count(); }
  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Lane {
    float sum = 0;
    Count begun = 0;    // sums
    bool left = false;  // the present one
  };

  void add(int number, float product, const Tag& tag, Cycle now) {
    Lane& lane = lanes_[static_cast<std::size_t>(number)];
    if (tag.first) lane = {0, lane.begun + 1, false};
    if (lane.left) {
      ++counters_.dropped;
      return;
    }
    lane.sum += product;
    const bool below = lane.sum < tag.low;
    lane.left = !tag.last && (below || lane.sum > tag.high);
    count(1, tag.last || lane.left ? 1 : 0);
    if (lane.left) {
      links_.stops->push(number, lane.begun, now);
      ++counters_.stops;
      lane.sum = below ? std::min(lane.sum, tag.zero) : std::max(lane.sum, tag.zero);
    }
    if (tag.last || lane.left) links_.sums->push(number, {lane.sum, number}, now);
  }

  // The first product of a sum is written, each further one read, added and written back.
  void count(Count products, Count results) {
    counters_.register_writes += products;
    counters_.register_reads += products - results;
    counters_.additions += products - results;
    counters_.checks += products;
    counters_.results += results;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  std::vector<Lane> lanes_;
};

}  // namespace

PartInfo reduction_sign_check() {
  return declare<SignCheck>("reduction", "sign-check",
                            "Accumulators that leave a sum which the rectifier behind it makes 0 anyhow.",
                            {"accumulators", {"register_writes"}}, "lanes");
}

}  // namespace cairn::fabric
