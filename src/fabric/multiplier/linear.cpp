// Linear multiplier network (paper Fig. 3 "LMN"; spec dense 5). A multiplier keeps the weights of all folds of a round
// and multiplies each input that comes with the next of them. Where windows slide by one (Clusters::slide), an input
// goes on to a neighbour, which uses it for the next window; only the inputs of a row's first window are delivered to
// every multiplier. In hardware a window may ripple through them, one multiplier a cycle (`ripple`). Where nothing
// behind the multipliers adds up folds, the first multiplier of a virtual neuron only passes partial sums on: a zero
// for the first fold of an output, then what comes back from the buffer.
#include <algorithm>

#include "fabric/part.h"
#include "kernel/fifo.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

enum class Forwarding { left, right };

using kernel::Piece;
using kernel::Stream;

class Linear final : public Part {
 public:
  struct Params {
    std::int64_t multipliers = 256;
    Forwarding forwarding = Forwarding::left;
    bool ripple = false;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{schema::integer("multipliers", &Params::multipliers, "multipliers", {2, 1 << 14},
                                        "multiplier switches, a power of two"),
                        schema::choice("forwarding", &Params::forwarding, {"left", "right"},
                                       "the neighbour to which inputs of sliding windows go on; the last kernel column "
                                       "is at the other end"),
                        schema::boolean("ripple", &Params::ripple,
                                        "a multiplier begins a sliding window a cycle after the neighbour that hands "
                                        "inputs on to it, not at once"),
                        schema::integer("latency", &Params::latency, "cycles", {1, 1 << 10},
                                        "from a multiplication to the first adder")};
    }
  };
  struct Counters {
    Count multiplications = 0;
    Count hops = 0;
    Count psum_forwards = 0;
    Count operand_pushes = 0;
    Count operand_pops = 0;
    Count configurations = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("multiplications", &Counters::multiplications, "operations", "products computed"),
          stats::counter("hops", &Counters::hops, "words", "inputs handed on to the neighbour"),
          stats::counter("psum_forwards", &Counters::psum_forwards, "words",
                         "partial sums from the global buffer passed on to the adders"),
          stats::counter("operand_pushes", &Counters::operand_pushes, "words",
                         "words written to the queues of the multipliers; a weight is written again after each use"),
          stats::counter("operand_pops", &Counters::operand_pops, "words", "words read from those queues"),
          stats::counter("configurations", &Counters::configurations, "times",
                         "multipliers configured, the used ones once an operation")};
    }
  };

  Linear(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        switches_(static_cast<std::size_t>(array.lanes())),
        work_(array.lanes()),
        next_work_(array.lanes()) {}

  kernel::Wiring wiring() const override { return {{links_.words}, {links_.products}}; }

  void start(const Program& program) override {
    const Packets& packets = *program.packets;
    clusters_ = packets.clusters();
    windows_ = packets.windows();
    products_ = packets.rows() * windows_ * clusters_.folds;
    counters_.configurations += clusters_.used();
    work_.clear_all();
    next_work_.clear_all();
    handed_.clear();
    weights_.clear();
    for (int v = 0; v < clusters_.count; ++v) {
      for (int i = clusters_.begin(v); i < clusters_.end(v); ++i) set_up(i, i - clusters_.begin(v));
    }
  }

  void configure(const Round& round) override { round_ = round; }

  bool tick(Cycle now) override {
    std::swap(work_, next_work_);
    next_work_.clear_all();
    const auto& words = links_.words->incoming(now);
    work_ |= words.valid;
    take_handed_on();
    auto& products = links_.products->outgoing(now);
    Count sent = 0;
    Count taken = 0;
    work_.for_each([&](int i) {
      Switch& s = switches_[static_cast<std::size_t>(i)];
      if (words.valid.test(i)) {
        ++taken;
        receive(s, i, words.values[static_cast<std::size_t>(i)]);
      }
      float product = 0;
      if (s.passes_psums ? !pass_psum(s, product) : !multiply(s, i, product)) return;
      products.valid.set(i);
      products.values[static_cast<std::size_t>(i)] = product;
      ++sent;
      if (s.passes_psums ? s.fold == 0 || !s.inputs.empty() : !source(s).empty()) next_work_.set(i);
    });
    if (taken > 0) links_.words->take_all(now, taken);
    links_.products->sent(sent);
    // A weight goes back behind those of the other folds; a partial sum goes through a queue as well.
    counters_.operand_pushes += taken + sent;
    counters_.operand_pops += 2 * sent - zeros_;
    zeros_ = 0;
    return sent > 0 || taken > 0;
  }

  bool has_flow() const override { return !clusters_.psum_multiplier; }

  void flow() override {
    std::vector<Stream>& products = links_.products->streams;
    std::swap(products, links_.words->streams);
    const int slide = clusters_.slide > 0 && (windows_ > 1 || params_.ripple) ? clusters_.slide : 1;
    const int used = clusters_.used();
    for (int n = 0; n < used; ++n) {  // a multiplier after the one that hands inputs on to it
      const int i = clusters_.rightward ? n : used - 1 - n;
      Stream& own = products[static_cast<std::size_t>(i)];
      if (slide > 1 && rank(i % clusters_.size, slide) > 0) {
        const Stream& neighbour = products[static_cast<std::size_t>(clusters_.rightward ? i - 1 : i + 1)];
        own = handed_on(own, neighbour);
        if (params_.ripple) own = join(own, neighbour.delayed(1 - params_.latency));
      }
      own.delay(params_.latency);
    }
    count_round();
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Switch {
    bool passes_psums = false;
    bool receives = false;  // takes the inputs of later windows from a neighbour
    bool sends = false;     // hands inputs on to one
    Count fold = 0;
    Count window = 0;               // in the row
    Count left = 0;                 // products to go before the weights are used up
    Count loaded = 0;               // of the weights of all folds
    Count ahead = 0;                // products that the neighbour has made and this one has not
    kernel::Fifo<float> early;      // weights of the next round, while these are in use
    kernel::Fifo<float> inputs;     // from the distribution network
    kernel::Fifo<float> handed_on;  // from the neighbour
  };
  struct HandedOn {
    int multiplier;
    bool input;  // or the last window of a row, of no use beyond
    float value;
  };

  // `slot`: which multiplier of its virtual neuron it is.
  void set_up(int i, int slot) {
    Switch& s = switches_[static_cast<std::size_t>(i)];
    s = Switch{};
    s.passes_psums = clusters_.psum_multiplier && slot == 0;
    const int product = slot - (clusters_.psum_multiplier ? 1 : 0);
    s.receives = clusters_.slide > 0 && rank(product, clusters_.slide) > 0;
    s.sends = clusters_.slide > 0 && rank(product, clusters_.slide) < clusters_.slide - 1;
    if (s.passes_psums) next_work_.set(i);
  }

  // How many multipliers of a sliding run come before this one.
  int rank(int product, int slide) const { return clusters_.rightward ? product % slide : slide - 1 - product % slide; }

  void take_handed_on() {
    for (const HandedOn& handed : handed_) {
      hand_on(handed);
      work_.set(handed.multiplier);
    }
    handed_.clear();
  }

  void hand_on(const HandedOn& handed) {
    Switch& s = switches_[static_cast<std::size_t>(handed.multiplier)];
    ++s.ahead;
    if (handed.input) s.handed_on.push(handed.value);
  }

  static kernel::Fifo<float>& source(Switch& s) { return s.receives && s.window > 0 ? s.handed_on : s.inputs; }

  void receive(Switch& s, int i, const Word& word) {
    if (!word.weight) {
      s.inputs.push(word.value);
      if (s.passes_psums) ++counters_.psum_forwards;
    } else if (s.left > 0 && s.loaded == clusters_.folds) {
      s.early.push(word.value);
    } else {
      load(s, i, word.value);
    }
  }

  float& weight(int i, Count fold) { return weights_[static_cast<std::size_t>(i * clusters_.folds + fold)]; }

  void load(Switch& s, int i, float value) {
    if (s.loaded == clusters_.folds) {  // those of the last round are dropped
      counters_.operand_pops += clusters_.folds;
      s.loaded = 0;
    }
    if (weights_.empty()) weights_.resize(static_cast<std::size_t>(clusters_.used() * clusters_.folds));
    weight(i, s.loaded) = value;
    if (++s.loaded == clusters_.folds) s.left = products_;
  }

  bool multiply(Switch& s, int i, float& product) {
    kernel::Fifo<float>& inputs = source(s);
    const bool follows = params_.ripple && s.receives;
    if (inputs.empty() || s.left == 0 || (follows && s.ahead == 0)) return false;
    if (follows) --s.ahead;
    const float input = inputs.pop();
    const float factor = weight(i, s.fold);
    product = is_padding(factor) ? 0 : input * factor;
    ++counters_.multiplications;
    if (s.sends) {
      const bool useful = s.window < windows_ - 1;
      counters_.hops += useful ? 1 : 0;
      counters_.operand_pushes += useful ? 1 : 0;
      if (clusters_.rightward) {
        handed_.push_back({i + 1, useful, input});
      } else {  // has had its turn in this cycle
        hand_on({i - 1, useful, input});
        next_work_.set(i - 1);
      }
    }
    if (++s.fold == clusters_.folds) {
      s.fold = 0;
      if (++s.window == windows_) s.window = 0;
    }
    if (--s.left == 0) {
      for (Count n = 0; n < clusters_.folds && !s.early.empty(); ++n) load(s, i, s.early.pop());
    }
    return true;
  }

  bool pass_psum(Switch& s, float& psum) {
    psum = 0;
    if (s.fold > 0 && s.inputs.empty()) return false;
    if (s.fold > 0)
      psum = s.inputs.pop();
    else
      ++zeros_;
    s.fold = (s.fold + 1) % clusters_.folds;
    return true;
  }

  // Flow: a multiplier that takes the first window of each row from the distribution network and the others from its
  // neighbour, a cycle after that used them.
  Stream handed_on(const Stream& own, const Stream& neighbour) const {
    const Count window = clusters_.folds;
    kernel::Reader first_windows(own);
    kernel::Reader left_over(neighbour);
    kernel::Server multiplier(1, 0);
    while (!left_over.at_end()) {
      first_windows.take(window, [&](const Piece& piece) { multiplier.take(piece); });
      left_over.take(window * (windows_ - 1), [&](Piece piece) {
        piece.first += 1 - params_.latency;
        multiplier.take(piece);
      });
      left_over.take(window, [](const Piece&) {});  // of no use beyond the row
    }
    return std::move(multiplier.departures);
  }

  void count_round() {
    const Count used = clusters_.used();
    const Count folds = clusters_.folds;
    Count senders = 0;
    if (clusters_.slide > 0) senders = used / clusters_.slide * (clusters_.slide - 1);
    const Count hops = senders * products_ / windows_ * (windows_ - 1);
    counters_.multiplications += used * products_;
    counters_.hops += hops;
    // Every weight, and again after each use; every input, delivered or handed on.
    counters_.operand_pushes += used * (folds + 2 * products_);
    counters_.operand_pops += used * 2 * products_ + round_.dropped;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Clusters clusters_;
  Count windows_ = 1;   // in a row
  Count products_ = 0;  // of a multiplier in a round
  Round round_;
  std::vector<Switch> switches_;
  std::vector<float> weights_;    // of each multiplier, those of its folds; only clocked runs hold any
  kernel::LaneSet work_;          // multipliers that may have something to do
  kernel::LaneSet next_work_;     // and in the next cycle
  Count zeros_ = 0;               // that start sums in this cycle
  std::vector<HandedOn> handed_;  // on to the right neighbour, which has it in the next cycle
};

}  // namespace

PartInfo multiplier_linear() {
  return declare<Linear>("multiplier", "linear",
                         "A row of multiplier switches; neighbours hand inputs of sliding windows on.", "flexible");
}

}  // namespace cairn::fabric
