// The read ports of independent lanes: each lane has one of its own to the global buffer, a word a cycle, and its
// weight comes out of the buffer beside it on the way. No lane waits for another.
#include "fabric/part.h"

namespace cairn::fabric {
namespace {

class LanePorts final : public Part {
 public:
  struct Params {
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10}, "from the buffers to a multiplier")};
    }
  };
  struct Counters {
    Count words = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("words", &Counters::words, "words", "inputs sent to the lanes, those of padding included")};
    }
  };

  LanePorts(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)), params_(params), lanes_(array.lanes()), links_(links) {}

  kernel::Wiring wiring() const override { return {{links_.fetches}, {links_.pairs}}; }
  void configure(const Round& round) override { used_ = round.used.area(); }

  bool tick(Cycle now) override {
    if (links_.fetches->in_flight() == 0) return false;
    const auto& fetched = links_.fetches->incoming(now);
    const Count words = fetched.valid.count();
    fetched.valid.for_each(
        [&](int lane) { links_.pairs->push(lane, fetched.values[static_cast<std::size_t>(lane)], now); });
    links_.fetches->take_all(now, words);
    counters_.words += words;
    return true;
  }

  bool has_flow() const override { return true; }
  void flow() override {
    for (std::size_t lane = 0; lane < links_.pairs->streams.size(); ++lane) {
      links_.pairs->streams[lane] = links_.fetches->streams[lane].delayed(params_.latency);
      counters_.words += links_.fetches->streams[lane].count();
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

PartInfo distribution_lane_ports() {
  return declare<LanePorts>("distribution", "lane-ports", "A read port of its own for each of independent lanes.",
                            {"read ports", {"words"}}, "lanes");
}

}  // namespace cairn::fabric
