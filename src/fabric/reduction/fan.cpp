// Forwarding adder network (paper Fig. 3 "FAN", SIGMA; spec dense 7): the augmented tree, with a link from the adder
// that completes a virtual neuron to one that is free, which adds up the folds of the output. It needs no accumulators.
#include <algorithm>

#include "fabric/adder_tree.h"

namespace cairn::fabric {
namespace {

class Fan final : public Part {
 public:
  struct Params {
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {1, 1 << 10},
                                        "from the last adder to the collection network")};
    }
  };
  struct Counters : AdderCounters {
    static auto fields() { return AdderCounters::fields<Counters>(); }
  };

  Fan(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        tree_(array.lanes(), true),
        lanes_(tree_outputs(array.lanes(), true).lane_of),
        last_adders_(array.lanes()),
        used_points_(array.lanes()) {
    links.used.adders = links.used.points = used_points_;
  }

  kernel::Wiring wiring() const override { return {{links_.products}, {links_.sums}}; }

  void start(const Program& program) override {
    packets_ = program.packets;
    configure_tree();
  }

  void configure(const Round&) override {
    if (packets_->reconfigures()) configure_tree();
    links_.used.adders |= tree_.configured_adders();
    links_.used.adders |= last_adders_;
    links_.used.points |= used_points_;
  }

  // One above the root adds up folds.
  Count units() const override { return std::ssize(lanes_); }
  Count taking_part() const override { return links_.used.adders.count(); }

  bool tick(Cycle now) override {
    auto& products = links_.products->incoming(now);
    const Count taken = products.valid.count();
    const bool worked = tree_.tick(products, counters_);
    links_.products->take_all(now, taken);
    counters_.output_transfers += tree_.transfers();
    for (const AdderTree::Output& output : tree_.outputs()) {
      links_.sums->push(lanes_[static_cast<std::size_t>(output.adder)], {output.item.value, output.item.owner}, now);
      ++counters_.results;
    }
    return worked;
  }

  bool has_flow() const override { return true; }

  void flow() override {
    const std::vector<kernel::Stream>& outputs = tree_.flow(links_.products->streams, counters_);
    for (kernel::Stream& stream : links_.sums->streams) stream.clear();
    for (const int exit : tree_.exits()) {
      const auto i = static_cast<std::size_t>(exit);
      links_.sums->streams[static_cast<std::size_t>(lanes_[i])] = outputs[i].delayed(params_.latency);
      counters_.results += outputs[i].count();
      counters_.output_transfers += outputs[i].count();
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  void configure_tree() {
    if (!tree_.configure(packets_->clusters())) return;
    last_adders_.clear_all();
    used_points_.clear_all();
    for (const int adder : tree_.last_adders()) {
      last_adders_.set(adder);
      used_points_.set(lanes_[static_cast<std::size_t>(adder)]);
    }
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Packets* packets_ = nullptr;
  AdderTree tree_;
  std::vector<int> lanes_;       // of the bus, by adder
  kernel::LaneSet last_adders_;  // that add up folds and hand results over
  kernel::LaneSet used_points_;
};

}  // namespace

PartInfo reduction_fan() {
  PartInfo row = declare<Fan>(
      "reduction", "fan", "Forwarding adder network: adds up folds in adders of its own that are free.",
      {"adders", {"additions_2to1", "additions_3to1", "comparisons_2to1", "comparisons_3to1"}}, "flexible");
  row.lanes = [](const schema::Values&, const Array& array) { return array.lanes(); };
  row.output_pairs = [](const Array& array) { return tree_outputs(array.lanes(), true).pairs; };
  return row;
}

}  // namespace cairn::fabric
