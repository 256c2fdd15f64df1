// Benes network (paper Fig. 3 "BN"; SIGMA): 2 log2(N) - 1 stages of 2 x 2 switches between the read ports and N
// multipliers, which take any word to any set of them without blocking (the SIGMA paper's claim, taken as it is). So a
// step of operands goes out as fast as there are words a cycle, wherever its multipliers are. A word crosses the first
// half of the stages alone and is copied on the way through the second, which is a tree of the multipliers for each
// word.
#include <bit>

#include "fabric/unblocked.h"

namespace cairn::fabric {
namespace {

class Benes final : public Unblocked {
 public:
  struct Params {
    std::int64_t bandwidth = 64;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("bandwidth", &Params::bandwidth, "words/cycle", {1, 1 << 14},
                                        "words that enter the network in a cycle"),
                        schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the global buffer through all stages to the multipliers")};
    }
  };
  struct Counters : UnblockedCounters {
    static auto fields() {
      return std::tuple{
          stats::counter("words", &Counters::words, "words", "words that entered the network"),
          stats::counter("hops", &Counters::hops, "words", "words that switches passed on"),
          stats::counter("broadcasts", &Counters::broadcasts, "words", "words that a switch copied to both sides")};
    }
  };

  Benes(std::string slot, const Params& params, const Array& array, Links& links)
      : Unblocked(std::move(slot), params.bandwidth, true, array, links),
        half_(std::countr_zero(static_cast<unsigned>(array.lanes()))) {}

  std::map<std::string, Count> counters() const override { return stats::values(Counters{counted()}); }

 private:
  UnblockedCounters cost_of(std::span<const int> to) const override {
    UnblockedCounters cost{1, half_ - 1 + half_, std::ssize(to) - 1};
    for (std::size_t i = 1; i < to.size(); ++i) cost.hops += std::bit_width(static_cast<unsigned>(to[i - 1] ^ to[i]));
    return cost;
  }

  int half_;  // log2 of the multipliers
};

}  // namespace

PartInfo distribution_benes() {
  return declare<Benes>("distribution", "benes", "A non-blocking network from the read ports to any multipliers.",
                        {"read ports"}, "flexible");
}

}  // namespace cairn::fabric
