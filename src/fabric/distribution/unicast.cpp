// Point-to-point network of a flexible machine (paper Fig. 3 "PoPN"): a link of its own from the global buffer to every
// multiplier, and no switches. Nothing on the way can copy a word, so one that several multipliers need is sent to
// each.
#include "fabric/unblocked.h"

namespace cairn::fabric {
namespace {

class Unicast final : public Unblocked {
 public:
  struct Params {
    std::int64_t bandwidth = 64;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("bandwidth", &Params::bandwidth, "words/cycle", {1, 1 << 14},
                                        "links that carry a word in a cycle"),
                        schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the global buffer to a multiplier")};
    }
  };
  struct Counters : UnblockedCounters {
    static auto fields() {
      return std::tuple{stats::counter("words", &Counters::words, "words", "words sent, one for each multiplier"),
                        stats::counter("hops", &Counters::hops, "words", "links crossed")};
    }
  };

  Unicast(std::string slot, const Params& params, const Array& array, Links& links)
      : Unblocked(std::move(slot), params.bandwidth, false, array, links) {}

  std::map<std::string, Count> counters() const override { return stats::values(Counters{counted()}); }

 private:
  UnblockedCounters cost_of(std::span<const int>) const override { return {1, 1, 0}; }
};

}  // namespace

PartInfo distribution_unicast() {
  return declare<Unicast>("distribution", "unicast",
                          "A link from the global buffer to each multiplier, none shared: a word for several is sent "
                          "to each.",
                          {"read ports"}, "flexible");
}

}  // namespace cairn::fabric
