// Temporal reduction (paper Fig. 3 "LRN" with accumulators; spec: TEMPORALRN): one accumulator a multiplier adds up the
// products that reach it one after the other, and hands over the sum when the last product of the output is in.
#include <algorithm>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class Temporal final : public Part {
 public:
  struct Params {
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the last addition to the read-out")};
    }
  };
  struct Counters {
    Count additions = 0;
    Count register_reads = 0;
    Count register_writes = 0;
    Count results = 0;
    static auto fields() {
      return std::tuple{stats::counter("additions", &Counters::additions, "operations",
                                       "products added to a sum that is already there"),
                        stats::counter("register_reads", &Counters::register_reads, "words",
                                       "sums read back from the accumulator registers"),
                        stats::counter("register_writes", &Counters::register_writes, "words",
                                       "sums written to the accumulator registers"),
                        stats::counter("results", &Counters::results, "results", "finished sums")};
    }
  };

  Temporal(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        sums_(static_cast<std::size_t>(array.lanes())),
        taken_alone_(sums_.size()),
        taken_together_((sums_.size() + 63) / 64),
        due_(taken_together_.size()) {}

  kernel::Wiring wiring() const override { return {{links_.products}, {links_.sums}}; }

  void configure(const Round& round) override {
    if (round.steps == steps_) return;
    steps_ = round.steps;
    std::ranges::fill(due_, steps_);
  }

  bool tick(Cycle now) override {
    if (links_.products->in_flight() == 0) return false;
    const auto& products = links_.products->incoming(now);
    Count added = 0;
    Count finished = 0;
    for (std::size_t w = 0; w < products.valid.words().size(); ++w) {
      const std::uint64_t valid = products.valid.words()[w];
      if (valid == 0) continue;
      add(w * 64, valid, products.values);
      added += std::popcount(valid);
      if (--due_[w] <= 0) finished += hand_over(w, now);
    }
    links_.products->take_all(now, added);
    count(added, finished);
    return added > 0;
  }

  bool has_flow() const override { return true; }

  void flow() override {
    for (std::size_t lane = 0; lane < links_.sums->streams.size(); ++lane) {
      const kernel::Stream& products = links_.products->streams[lane];
      kernel::Stream& sums = links_.sums->streams[lane];
      sums = products.empty() ? kernel::Stream{} : products.every(steps_).delayed(params_.latency);
      count(products.count(), sums.count());
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

  std::string waiting() const override {
    Count started = 0;
    for (std::size_t lane = 0; lane < sums_.size(); ++lane) started += taken(lane) > 0 ? 1 : 0;
    return started > 0 ? "more products of " + std::to_string(started) + " sums" : "";
  }

 private:
  // Adds the products of up to 64 neighbouring lanes; all at once where every lane has one.
  void add(std::size_t first, std::uint64_t valid, const std::vector<float>& values) {
    if (valid == ~std::uint64_t{0}) {
      for (std::size_t i = first; i < first + 64; ++i) sums_[i] += values[i];
      ++taken_together_[first / 64];
      return;
    }
    for (; valid != 0; valid &= valid - 1) {
      const std::size_t i = first + static_cast<std::size_t>(std::countr_zero(valid));
      sums_[i] += values[i];
      ++taken_alone_[i];
    }
  }

  Count taken(std::size_t lane) const { return taken_alone_[lane] + taken_together_[lane / 64]; }

  // `due_` counts down the earliest cycle in which one of 64 lanes can be complete, so that finished sums are looked
  // for only then.
  Count hand_over(std::size_t word, Cycle now) {
    Count finished = 0;
    Count furthest = 0;
    const std::size_t end = std::min(sums_.size(), word * 64 + 64);
    for (std::size_t i = word * 64; i < end; ++i) {
      if (taken(i) == steps_) {
        links_.sums->push(static_cast<int>(i), {sums_[i], static_cast<int>(i)}, now);
        sums_[i] = 0;
        taken_alone_[i] = -taken_together_[word];
        ++finished;
      }
      furthest = std::max(furthest, taken(i));
    }
    due_[word] = steps_ - furthest;
    return finished;
  }

  // The first product of a sum is written, each further one read, added and written back.
  void count(Count products, Count results) {
    counters_.register_writes += products;
    counters_.register_reads += products - results;
    counters_.additions += products - results;
    counters_.results += results;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Count steps_ = 0;  // products a sum
  std::vector<float> sums_;
  // Products in a sum so far: those that came alone, and those that came to all 64 neighbours at once.
  std::vector<Count> taken_alone_;
  std::vector<Count> taken_together_;
  std::vector<Count> due_;
};

}  // namespace

PartInfo reduction_temporal() {
  return declare<Temporal>("reduction", "temporal",
                           "One accumulator a multiplier; products of an output are added up over time.");
}

}  // namespace cairn::fabric
