// Forwarding adder network as SIGMA's hardware has it (SIGMA paper IV.C; its RTL): the links that let an adder skip
// levels are registers too, so every virtual neuron leaves after all levels, whatever its size, and a step of products
// may enter in every cycle. The setting of a round travels with its products. It adds up over space only:
// folds are for others.
#include <algorithm>
#include <bit>
#include <deque>
#include <limits>

#include "fabric/adder_tree.h"
#include "kernel/ring.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class SynchronousFan final : public Part {
 public:
  struct Params {
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {1, 1 << 10},
                                        "from the last adder to the collection network")};
    }
  };
  struct Counters {
    Count additions_2to1 = 0;
    Count comparisons_2to1 = 0;
    Count wire_writes = 0;
    Count results = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("additions_2to1", &Counters::additions_2to1, "operations", "sums of two operands"),
          stats::counter("comparisons_2to1", &Counters::comparisons_2to1, "operations",
                         "larger ones of two operands, for max-pooling"),
          stats::counter("wire_writes", &Counters::wire_writes, "words",
                         "partial sums that cross from one level of adders to the next, through a register"),
          stats::counter("results", &Counters::results, "results", "results handed to the collection network")};
    }
  };

  SynchronousFan(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        levels_(std::countr_zero(static_cast<unsigned>(array.lanes()))),
        waiting_(static_cast<std::size_t>(array.lanes())) {
    links.used.adders = links.used.points = kernel::LaneSet(array.lanes());
  }

  kernel::Wiring wiring() const override { return {{links_.products}, {links_.sums}}; }

  void start(const Program& program) override {
    packets_ = program.packets;
    settings_.clear();
    under_way_.clear();
    products_left_ = 0;
    if (packets_->reconfigures()) return;
    settings_.push_back(setting());
    settings_.front().products = std::numeric_limits<Count>::max();
  }

  void configure(const Round&) override {
    if (packets_->reconfigures()) settings_.push_back(setting());
    const Clusters& clusters = packets_->clusters();
    for (int v = 0; v < clusters.count; ++v) {
      links_.used.points.set(v);
      for (int i = clusters.begin(v) + 1; i < clusters.end(v); ++i) links_.used.adders.set(i);  // between i - 1 and i
    }
  }

  Count units() const override { return std::ssize(waiting_) - 1; }
  Count taking_part() const override { return links_.used.adders.count(); }

  bool tick(Cycle now) override {
    auto& products = links_.products->incoming(now);
    Count taken = 0;
    products.valid.for_each([&](int i) {
      if (products_left_ == 0) enter_round();
      --products_left_;
      ++taken;
      auto& queue = waiting_[static_cast<std::size_t>(i)];
      queue.push(products.values[static_cast<std::size_t>(i)]);
      const int v = owner_[static_cast<std::size_t>(i)];
      if (queue.size() == 1 && --missing_[static_cast<std::size_t>(v)] == 0) complete_.push_back(v);
    });
    links_.products->take_all(now, taken);
    for (const int v : complete_) add_up(v, now);
    complete_.clear();
    const Count results = counters_.results;
    for (; !under_way_.empty() && under_way_.front().leaves <= now; under_way_.pop_front()) {
      const Result& result = under_way_.front().result;
      links_.sums->push(result.lane, result, now);
      ++counters_.results;
    }
    return taken > 0 || counters_.results > results || !under_way_.empty();
  }

  bool has_flow() const override { return true; }

  void flow() override {
    const Clusters& clusters = packets_->clusters();
    for (kernel::Stream& stream : links_.sums->streams) stream.clear();
    for (int v = 0; v < clusters.count; ++v) {
      const kernel::Stream sums =
          last_of(links_.products->streams, clusters.begin(v), clusters.end(v), [](int) { return Cycle{0}; });
      count(clusters.begin(v), clusters.end(v), sums.count());
      counters_.results += sums.count();
      links_.sums->streams[static_cast<std::size_t>(v)] = sums.delayed(levels_ - 1 + params_.latency);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Setting {
    Clusters clusters;
    Count products = 0;  // of the round
  };
  struct UnderWay {
    Result result;
    Cycle leaves;
  };

  Setting setting() const {
    const Clusters& clusters = packets_->clusters();
    return {clusters, clusters.used() * packets_->rows() * packets_->windows()};
  }

  void enter_round() {
    util::require(!settings_.empty(), name(), "a product came before its round");
    clusters_ = std::move(settings_.front().clusters);
    products_left_ = settings_.front().products;
    settings_.pop_front();
    owner_.resize(static_cast<std::size_t>(clusters_.used()));
    missing_.resize(static_cast<std::size_t>(clusters_.count));
    for (int v = 0; v < clusters_.count; ++v) {
      missing_[static_cast<std::size_t>(v)] = clusters_.end(v) - clusters_.begin(v);
      std::fill(owner_.begin() + clusters_.begin(v), owner_.begin() + clusters_.end(v), v);
    }
  }

  // Level by level, neighbours first.
  void add_up(int v, Cycle now) {
    const int begin = clusters_.begin(v);
    const int end = clusters_.end(v);
    sums_.clear();
    int missing = 0;
    for (int i = begin; i < end; ++i) {
      auto& queue = waiting_[static_cast<std::size_t>(i)];
      sums_.push_back(queue.pop());
      if (queue.empty()) ++missing;
    }
    missing_[static_cast<std::size_t>(v)] = missing;
    int first = begin;
    for (std::size_t left = sums_.size(); left > 1; first /= 2) {
      std::size_t made = 0;
      for (std::size_t i = 0; i < left; ++made) {
        const bool alone = (i == 0 && first % 2 == 1) || i + 1 == left;
        sums_[made] = alone ? sums_[i] : clusters_.combined(sums_[i], sums_[i + 1]);
        i += alone ? 1 : 2;
      }
      left = made;
    }
    count(begin, end, 1);
    under_way_.push_back({{sums_.front(), v}, now + levels_ - 1});
  }

  void count(int begin, int end, Count sums) {
    (packets_->clusters().compares ? counters_.comparisons_2to1 : counters_.additions_2to1) += (end - begin - 1) * sums;
    for (int level = 1; level <= levels_; ++level)
      counters_.wire_writes += (((end - 1) >> level) - (begin >> level) + 1) * sums;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  int levels_;
  Packets* packets_ = nullptr;
  std::deque<Setting> settings_;              // of the rounds whose products are to come
  Count products_left_ = 0;                   // of the present one
  Clusters clusters_;                         // its
  std::vector<int> owner_;                    // virtual neuron, by multiplier
  std::vector<int> missing_;                  // products of its next sum that are not there, by virtual neuron
  std::vector<kernel::Ring<float>> waiting_;  // products that wait for others, by multiplier
  std::vector<int> complete_;                 // virtual neurons whose products are all there
  std::vector<float> sums_;
  std::deque<UnderWay> under_way_;
};

}  // namespace

PartInfo reduction_synchronous_fan() {
  return declare<SynchronousFan>("reduction", "synchronous-fan",
                                 "Forwarding adder network as in SIGMA's RTL: all sums leave after all levels.",
                                 {"adders", {"additions_2to1", "comparisons_2to1"}}, "flexible");
}

}  // namespace cairn::fabric
