// Augmented reduction tree (paper Fig. 3 "ART", "ART + ACC"; spec dense 7): a binary tree of adders with links between
// neighbours, in which virtual neurons of any size are added up side by side. With `accumulators` every adder has one
// at its exit that adds up the folds of an output; without, partial sums go to the global buffer and come back. Adders
// and accumulators can compare instead of add (the paper's ConfigureMaxPool).
#include <algorithm>

#include "fabric/adder_tree.h"

namespace cairn::fabric {
namespace {

class Art final : public Part {
 public:
  struct Params {
    bool accumulators = true;
    Switches switches = Switches::linked;
    std::int64_t level_latency = 1;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::boolean("accumulators", &Params::accumulators,
                                        "an accumulator behind each adder adds up the folds of an output"),
                        schema::choice("switches", &Params::switches, {"linked", "double"},
                                       "neighbours of different parents: adders with a link of a cycle that joins a "
                                       "sum's last part, or halves of one switch that joins three operands at once"),
                        schema::integer("level_latency", &Params::level_latency, "cycles", {1, 1 << 10},
                                        "from an adder to the next level"),
                        schema::integer("latency", &Params::latency, "cycles", {1, 1 << 10},
                                        "from the tree, or its accumulators, to the collection network")};
    }
  };
  struct Counters : AdderCounters {
    Count configurations = 0;
    Count additions = 0;
    Count comparisons = 0;
    Count register_reads = 0;
    Count register_writes = 0;
    static auto fields() {
      return std::tuple_cat(
          AdderCounters::fields<Counters>(),
          std::tuple{stats::counter("configurations", &Counters::configurations, "times",
                                    "adders configured, in every round of a sparse machine, else once"),
                     stats::counter("additions", &Counters::additions, "operations", "sums made by accumulators"),
                     stats::counter("comparisons", &Counters::comparisons, "operations",
                                    "larger ones kept by accumulators, for max-pooling"),
                     stats::counter("register_reads", &Counters::register_reads, "words", "accumulators read"),
                     stats::counter("register_writes", &Counters::register_writes, "words", "accumulators written")});
    }
  };

  Art(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        tree_(array.lanes(), false, params.switches, params.level_latency),
        lanes_(tree_outputs(array.lanes(), false).lane_of),
        accumulators_(static_cast<std::size_t>(array.lanes())),
        active_(array.lanes()),
        adders_(array.lanes() - 1),
        last_adders_(array.lanes()),
        used_points_(adders_) {
    links.used.adders = links.used.accumulators = last_adders_;
    links.used.points = used_points_;
  }

  kernel::Wiring wiring() const override { return {{links_.products}, {links_.sums}}; }

  void start(const Program& program) override {
    packets_ = program.packets;
    configure_tree();
    if (!packets_->reconfigures()) counters_.configurations += tree_.configured();
    std::ranges::fill(accumulators_, Accumulator{});
    active_.clear_all();
  }

  void configure(const Round&) override {
    if (packets_->reconfigures()) {
      configure_tree();
      counters_.configurations += tree_.configured();
    }
    links_.used.adders |= tree_.configured_adders();
    if (params_.accumulators) links_.used.accumulators |= last_adders_;
    links_.used.points |= used_points_;
  }

  Count units() const override { return params_.accumulators ? 2 * adders_ : adders_; }
  Count taking_part() const override { return links_.used.adders.count() + links_.used.accumulators.count(); }

  bool tick(Cycle now) override {
    auto& products = links_.products->incoming(now);
    const Count taken = products.valid.count();
    // Accumulators first: what a tree output of this cycle brings is there in the next.
    bool worked = params_.accumulators && accumulate(now);
    worked = tree_.tick(products, counters_) || worked;
    links_.products->take_all(now, taken);
    for (const AdderTree::Output& output : tree_.outputs()) hand_over(output, now);
    (params_.accumulators ? counters_.wire_writes : counters_.output_transfers) += tree_.transfers();
    return worked || taken > 0;
  }

  bool has_flow() const override { return true; }

  void flow() override {
    const std::vector<kernel::Stream>& outputs = tree_.flow(links_.products->streams, counters_);
    for (kernel::Stream& stream : links_.sums->streams) stream.clear();
    for (const int exit : tree_.exits()) {
      const auto i = static_cast<std::size_t>(exit);
      kernel::Stream& sums = links_.sums->streams[static_cast<std::size_t>(lanes_[i])];
      sums = outputs[i];
      (params_.accumulators ? counters_.wire_writes : counters_.output_transfers) += distinct(sums);
      if (params_.accumulators) {
        const Count folds = sums.count();
        sums.delay(1);
        sums = sums.served(1).every(packets_->clusters().folds);
        count_accumulated(folds, sums.count());
      }
      counters_.results += sums.count();
      sums.delay(params_.latency);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Accumulator {
    kernel::Ring<AdderTree::Item> waiting;
    Count folded = 0;
    float sum = 0;
  };

  void configure_tree() {
    if (!tree_.configure(packets_->clusters())) return;
    last_adders_.clear_all();
    used_points_.clear_all();
    for (const int adder : tree_.last_adders()) {
      used_points_.set(lanes_[static_cast<std::size_t>(adder)]);
      last_adders_.set(adder);
    }
  }

  void hand_over(const AdderTree::Output& output, Cycle now) {
    if (params_.accumulators) {
      accumulators_[static_cast<std::size_t>(output.adder)].waiting.push(output.item);
      active_.set(output.adder);
    } else {
      emit(output.adder, output.item, now);
    }
  }

  void emit(int adder, const AdderTree::Item& item, Cycle now) {
    links_.sums->push(lanes_[static_cast<std::size_t>(adder)], {item.value, item.owner}, now);
    ++counters_.results;
  }

  // Each accumulator takes one word a cycle.
  bool accumulate(Cycle now) {
    bool worked = false;
    active_.for_each([&](int i) {
      Accumulator& a = accumulators_[static_cast<std::size_t>(i)];
      const AdderTree::Item item = a.waiting.pop();
      if (a.waiting.empty()) active_.clear(i);
      const Clusters& clusters = packets_->clusters();
      a.sum = a.folded == 0 ? item.value : clusters.combined(a.sum, item.value);
      const bool done = ++a.folded == clusters.folds;
      if (done) {
        a.folded = 0;
        emit(i, {a.sum, item.owner}, now);
      }
      worked = true;
      count_accumulated(1, done ? 1 : 0);
    });
    return worked;
  }

  // The first fold of an output is written, each further one read, added and written back.
  void count_accumulated(Count folds, Count results) {
    counters_.register_writes += folds;
    counters_.register_reads += folds - results;
    (packets_->clusters().compares ? counters_.comparisons : counters_.additions) += folds - results;
    counters_.queue_pushes += folds + results;
    counters_.queue_pops += folds + results;
    counters_.output_transfers += results;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  AdderTree tree_;
  std::vector<int> lanes_;  // of the bus, by adder
  Packets* packets_ = nullptr;
  std::vector<Accumulator> accumulators_;  // by adder
  kernel::LaneSet active_;                 // accumulators with words waiting
  int adders_;
  kernel::LaneSet last_adders_;  // that hand results over
  kernel::LaneSet used_points_;
};

}  // namespace

PartInfo reduction_art() {
  PartInfo row =
      declare<Art>("reduction", "art", "Augmented reduction tree, with or without accumulators behind it.",
                   {"adders and accumulators",
                    {"additions_2to1", "additions_3to1", "comparisons_2to1", "comparisons_3to1", "register_writes"}},
                   "flexible");
  row.lanes = [](const schema::Values&, const Array& array) { return array.lanes() - 1; };
  row.output_pairs = [](const Array& array) { return tree_outputs(array.lanes(), false).pairs; };
  return row;
}

}  // namespace cairn::fabric
