// Temporal reduction (paper Fig. 3 "LRN" with accumulators; spec: TEMPORALRN): one accumulator a multiplier adds up the
// products that reach it one after the other, and hands over the sum when the last product of the output is in.
#include <algorithm>

#include "fabric/lane_counts.h"
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
    Count comparisons = 0;
    Count register_reads = 0;
    Count register_writes = 0;
    Count results = 0;
    static auto fields() {
      return std::tuple{stats::counter("additions", &Counters::additions, "operations",
                                       "products added to a sum that is already there"),
                        stats::counter("comparisons", &Counters::comparisons, "operations",
                                       "values held against the largest so far, for max-pooling"),
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
        array_(array),
        links_(links),
        sums_(static_cast<std::size_t>(array.lanes())),
        taken_(array.lanes()),
        in_use_(array.lanes()) {
    links.used.adders = links.used.points = kernel::LaneSet(array.lanes());
  }

  kernel::Wiring wiring() const override { return {{links_.products}, {links_.sums}}; }

  void start(const Program& program) override {
    if (program.packets != nullptr) clusters_ = program.packets->clusters();
    std::ranges::fill(sums_, clusters_.nothing());
  }

  void configure(const Round& round) override {
    if (round.steps != steps_ || round.used != used_) {
      steps_ = round.steps;
      used_ = round.used;
      in_use_.clear_all();
      for (int row = 0; row < used_.rows; ++row) {
        for (int column = 0; column < used_.columns; ++column) in_use_.set(array_.lane(row, column));
      }
      taken_.reset(in_use_, steps_);
    }
    links_.used.adders |= in_use_;
    links_.used.points |= in_use_;
  }

  Count units() const override { return array_.lanes(); }
  Count taking_part() const override { return links_.used.adders.count(); }

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
      if (const std::uint64_t done = taken_.count(w, valid); done != 0) finished += hand_over(w, done, now);
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
    in_use_.for_each([&](int lane) { started += taken_.of(static_cast<std::size_t>(lane)) > 0 ? 1 : 0; });
    return started > 0 ? "more products of " + std::to_string(started) + " sums" : "";
  }

 private:
  // Adds the products of up to 64 neighbouring lanes; all at once where every lane has one.
  void add(std::size_t first, std::uint64_t valid, const std::vector<float>& values) {
    const auto each = [&](const auto& take) {
      if (valid == ~std::uint64_t{0}) {
        for (std::size_t i = first; i < first + 64; ++i) take(i);
        return;
      }
      kernel::for_each_bit(first / 64, valid, take);
    };
    if (clusters_.compares)
      each([&](std::size_t i) { sums_[i] = util::larger(sums_[i], values[i]); });
    else
      each([&](std::size_t i) { sums_[i] += values[i]; });
  }

  Count hand_over(std::size_t word, std::uint64_t done, Cycle now) {
    kernel::for_each_bit(word, done, [&](std::size_t i) {
      links_.sums->push(static_cast<int>(i), {sums_[i], static_cast<int>(i)}, now);
      sums_[i] = clusters_.nothing();
    });
    return std::popcount(done);
  }

  // The first product of a sum is written, each further one read, added and written back.
  void count(Count products, Count results) {
    counters_.register_writes += products;
    counters_.register_reads += products - results;
    (clusters_.compares ? counters_.comparisons : counters_.additions) += products - results;
    counters_.results += results;
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Clusters clusters_;  // of a flexible machine
  Count steps_ = 0;    // products a sum
  Extent used_;
  std::vector<float> sums_;
  LaneCounts taken_;  // products in a sum so far
  kernel::LaneSet in_use_;
};

}  // namespace

PartInfo reduction_temporal() {
  return declare<Temporal>("reduction", "temporal",
                           "One accumulator a multiplier; products of an output are added up over time.",
                           {"accumulators", {"register_writes"}});
}

}  // namespace cairn::fabric
