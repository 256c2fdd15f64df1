// Disabled multiplier network (paper Fig. 3 "DMN"; SIGMA): multipliers without links between them. Each keeps the
// weights of all folds of a round and multiplies an input in the cycle in which it comes, with the next of them. The
// one that passes partial sums on hands over what comes; for max-pooling all do.
#include <algorithm>
#include <deque>
#include <limits>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class Disabled final : public Part {
 public:
  struct Params {
    std::int64_t multipliers = 256;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("multipliers", &Params::multipliers, "multipliers", {2, 1 << 14},
                                        "multipliers, a power of two"),
                        schema::integer("latency", &Params::latency, "cycles", {1, 1 << 10},
                                        "from a multiplication to the first adder")};
    }
  };
  struct Counters {
    Count multiplications = 0;
    Count input_forwards = 0;
    Count psum_forwards = 0;
    Count operand_pushes = 0;
    Count operand_pops = 0;
    Count configurations = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("multiplications", &Counters::multiplications, "operations", "products computed"),
          stats::counter("input_forwards", &Counters::input_forwards, "words",
                         "inputs passed on to the adders as they are, for max-pooling"),
          stats::counter("psum_forwards", &Counters::psum_forwards, "words",
                         "partial sums from the global buffer passed on to the adders"),
          stats::counter("operand_pushes", &Counters::operand_pushes, "words",
                         "words written to the queues of the multipliers; a weight is written again after each use"),
          stats::counter("operand_pops", &Counters::operand_pops, "words", "words read from those queues"),
          stats::counter("configurations", &Counters::configurations, "times",
                         "multipliers configured: the used ones, in every round of a sparse machine, else once")};
    }
  };

  Disabled(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot), array.lanes()),
        params_(params),
        links_(links),
        loaded_(static_cast<std::size_t>(array.lanes())),
        fold_(loaded_.size()),
        left_(loaded_.size()),
        in_use_(array.lanes()),
        ending_(array.lanes()) {}

  kernel::Wiring wiring() const override { return {{links_.words}, {links_.products}}; }

  void start(const Program& program) override {
    packets_ = program.packets;
    util::require(!packets_->clusters().psum_multiplier || packets_->clusters().psums_streamed, name(),
                  "partial sums of the write-back need a linear multiplier network");
    settings_.clear();
    setting_ = setting();
    words_left_ = packets_->reconfigures() ? 0 : std::numeric_limits<Count>::max();
    std::ranges::fill(loaded_, 0);
    std::ranges::fill(fold_, 0);
    std::ranges::fill(left_, 0);
    weights_.assign(loaded_.size() * static_cast<std::size_t>(setting_.folds), 0);
    if (!packets_->reconfigures()) counters_.configurations += setting_.used;
  }

  void configure(const Round& round) override {
    counters_.operand_pops += round.dropped;
    if (!packets_->reconfigures()) return;
    settings_.push_back(setting());
    counters_.configurations += settings_.back().used;
  }

  void round_begins(Cycle now) override {
    in_use_.clear_all();
    for (int i = 0; i < packets_->clusters().used(); ++i) in_use_.set(i);
    ledger_.begin(now, in_use_, links_.round.drains);
  }

  bool tick(Cycle now) override {
    const auto& words = links_.words->incoming(now);
    auto& products = links_.products->outgoing(now);
    Count taken = 0;
    Count sent = 0;
    Count psums = 0;
    words.valid.for_each([&](int i) {
      if (taken == words_left_) enter_round(taken);
      ++taken;
      const auto lane = static_cast<std::size_t>(i);
      const Word& word = words.values[lane];
      if (word.weight) {
        load(lane, word.value);
        return;
      }
      float product = word.value;
      if (i == 0 && setting_.passes_psums) {
        ++psums;
      } else if (!setting_.compares) {
        const auto fold = static_cast<std::size_t>(fold_[lane]);
        const float factor = weights_[lane * static_cast<std::size_t>(setting_.folds) + fold];
        product = is_padding(factor) ? 0 : word.value * factor;
        if (++fold_[lane] == setting_.folds) fold_[lane] = 0;
      }
      products.valid.set(i);
      products.values[lane] = product;
      if (left_[lane] == 0) left_[lane] = setting_.of_multiplier(i);
      if (--left_[lane] == 0) ending_.set(i);
      ++sent;
    });
    if (taken == 0) return false;
    if (sent > 0) keep_ledger(products.valid, now);
    words_left_ -= taken;
    links_.words->take_all(now, taken);
    links_.products->sent(sent);
    counters_.psum_forwards += psums;
    count(taken - sent, sent);
    (setting_.compares ? counters_.input_forwards : counters_.multiplications) += sent - psums;
    return true;
  }

  bool has_flow() const override { return true; }

  void flow() override {
    std::swap(links_.products->streams, links_.words->streams);
    settings_.clear();
    const Setting now = setting();
    const Count products = now.products();
    const Count psums = now.passes_psums ? now.windows : 0;
    (now.compares ? counters_.input_forwards : counters_.multiplications) += products;
    counters_.psum_forwards += psums;
    count(now.weights(), products + psums);
    ledger_.worked(products + psums);
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t i) {
      kernel::Stream& made = links_.products->streams[i];
      if (made.empty()) return Ledger::Span{};
      const Ledger::Span worked{made.first(), made.last()};
      made.delay(params_.latency);
      return worked;
    });
  }

  void left_behind(std::vector<Cycle>& state) const override { ledger_.left_behind(links_.round.first_sum, state); }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Setting {
    Count used = 0;
    Count folds = 1;
    Count windows = 0;
    bool passes_psums = false;  // multiplier 0
    bool compares = false;
    Count of_window() const { return (used - (passes_psums ? 1 : 0)) * folds; }
    Count weights() const { return compares ? 0 : of_window(); }
    Count products() const { return of_window() * windows; }
    Count of_multiplier(int i) const { return i == 0 && passes_psums ? windows : folds * windows; }
    Count words() const { return weights() + products() + (passes_psums ? windows : 0); }
  };

  Setting setting() const {
    const Clusters& clusters = packets_->clusters();
    return {clusters.used(), clusters.folds, packets_->rows() * packets_->windows(), clusters.psums_streamed,
            clusters.compares};
  }

  // Where rounds follow each other at once, the first word of one comes right after the last of the one before.
  // `taken`: words of this cycle so far.
  void enter_round(Count taken) {
    util::require(!settings_.empty(), name(), "a word came before its round");
    setting_ = settings_.front();
    settings_.pop_front();
    words_left_ = taken + setting_.words();
    std::ranges::fill(loaded_, 0);
    std::ranges::fill(fold_, 0);
    weights_.resize(loaded_.size() * static_cast<std::size_t>(setting_.folds));
  }

  void keep_ledger(const kernel::LaneSet& working, Cycle now) {
    ledger_.work(working, now);
    ledger_.ended(ending_, now);
    ending_.clear_all();
  }

  void load(std::size_t lane, float value) {
    if (loaded_[lane] == setting_.folds) loaded_[lane] = 0;  // those of the next round
    const auto folds = static_cast<std::size_t>(setting_.folds);
    weights_[lane * folds + static_cast<std::size_t>(loaded_[lane]++)] = value;
  }

  // A weight goes back behind those of the other folds.
  void count(Count weights, Count sent) {
    const Count operands = setting_.compares ? sent : 2 * sent;
    counters_.operand_pushes += weights + operands;
    counters_.operand_pops += operands;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Packets* packets_ = nullptr;
  Setting setting_;               // of the round whose words come
  std::deque<Setting> settings_;  // of the next ones
  Count words_left_ = 0;          // of the round, to come, where rounds have settings of their own
  std::vector<float> weights_;    // of each multiplier, those of its folds
  std::vector<Count> loaded_;     // by multiplier: how many of them
  std::vector<Count> fold_;       // by multiplier: the next of them
  std::vector<Count> left_;       // by multiplier: products of the round to go; 0 before the first
  kernel::LaneSet in_use_;
  kernel::LaneSet ending_;  // that had the last one in this cycle
};

}  // namespace

PartInfo multiplier_disabled() {
  return declare<Disabled>("multiplier", "disabled", "Multipliers without links between them.", {"multipliers"},
                           "flexible");
}

}  // namespace cairn::fabric
