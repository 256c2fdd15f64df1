// Linear multiplier network (paper Fig. 3 "LMN"; spec dense 5). A multiplier keeps the weights of all folds of a round
// and multiplies each input that comes with the next of them. Where windows slide by one (Clusters::slide), an input
// goes on to a neighbour, which uses it for the next window; only the inputs of a row's first window are delivered to
// every multiplier. In hardware a window may ripple through them, one multiplier a cycle (`ripple`). Where nothing
// behind the multipliers adds up folds, the first multiplier of a virtual neuron only passes partial sums on: a zero
// for the first fold of an output, then what comes back from the buffer. For max-pooling all pass their inputs on.
#include <algorithm>
#include <array>
#include <bit>

#include "fabric/folded_weights.h"
#include "fabric/handed_on.h"
#include "fabric/part.h"
#include "kernel/fifo.h"
#include "kernel/fifos.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

enum class Forwarding { left, right };

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
    Count input_forwards = 0;
    Count hops = 0;
    Count psum_forwards = 0;
    Count operand_pushes = 0;
    Count operand_pops = 0;
    Count configurations = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("multiplications", &Counters::multiplications, "operations", "products computed"),
          stats::counter("input_forwards", &Counters::input_forwards, "words",
                         "inputs passed on to the adders as they are, for max-pooling"),
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
      : Part(std::move(slot), array.lanes()),
        params_(params),
        links_(links),
        switches_(static_cast<std::size_t>(array.lanes())),
        inputs_(0),
        handed_on_(0),
        passes_psums_(array.lanes()),
        receives_(array.lanes()),
        sends_(array.lanes()),
        loaded_(array.lanes()),
        from_neighbour_(array.lanes()),
        may_follow_(array.lanes()),
        last_window_(array.lanes()),
        made_(array.lanes()),
        to_hand_on_(array.lanes()),
        in_use_(array.lanes()),
        used_(kernel::whole_words(array.lanes()) + 2),
        until_(switches_.size()) {}

  kernel::Wiring wiring() const override { return {{links_.words}, {links_.products}}; }

  void start(const Program& program) override {
    const Packets& packets = *program.packets;
    clusters_ = packets.clusters();
    windows_ = packets.windows();
    products_ = packets.rows() * windows_ * clusters_.folds;
    counters_.configurations += clusters_.used();
    clocked_ = false;
    in_use_.clear_all();
    for (int i = 0; i < clusters_.used(); ++i) in_use_.set(i);
  }

  void configure(const Round& round) override { round_ = round; }
  void round_begins(Cycle now) override { ledger_.begin(now, in_use_, links_.round.drains); }

  bool tick(Cycle now) override {
    if (!clocked_) set_up();
    now_ = now;
    const Count taken = receive();
    auto& products = links_.products->outgoing(now);
    Count sent = 0;
    for (std::size_t word = 0; word < made_.words().size(); ++word) sent += multiply(word, products);
    sent += pass_psums(products);
    if (clusters_.slide > 0) hand_on();
    links_.products->sent(sent);
    // A weight goes back behind those of the other folds; a partial sum goes through a queue as well.
    counters_.operand_pushes += taken + (clusters_.compares ? 0 : sent);
    counters_.operand_pops += (clusters_.compares ? sent : 2 * sent) - zeros_;
    zeros_ = 0;
    return sent > 0 || taken > 0;
  }

  bool has_flow() const override { return !clusters_.psum_multiplier; }

  void flow() override {
    std::vector<Stream>& products = links_.products->streams;
    std::swap(products, links_.words->streams);
    const int slide = clusters_.slide > 0 && (windows_ > 1 || params_.ripple) ? clusters_.slide : 1;
    const int used = clusters_.used();
    for (int n = 0; n < used && slide > 1; ++n) {  // a multiplier after the one that hands inputs on to it
      const int i = clusters_.rightward ? n : used - 1 - n;
      if (rank(i % clusters_.size, slide) == 0) continue;
      Stream& own = products[static_cast<std::size_t>(i)];
      const Stream& neighbour = products[static_cast<std::size_t>(clusters_.rightward ? i - 1 : i + 1)];
      own = handed_on(own, neighbour, clusters_.folds, windows_, ledger_.ready(static_cast<std::size_t>(i)));
      if (params_.ripple) own = join(own, neighbour.delayed(1));
    }
    ledger_.round(links_.round.begin, links_.round.drains, [&](std::size_t i) {
      if (products[i].empty()) return Ledger::Span{};
      const Ledger::Span worked{products[i].first(), products[i].last()};
      products[i].delay(params_.latency);
      return worked;
    });
    count_round();
  }

  void left_behind(std::vector<Cycle>& state) const override { ledger_.left_behind(links_.round.first_sum, state); }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  struct Switch {
    Count window = 0;           // in the row: the first of those that are alike
    Count alike = 0;            // so many of them
    Count left = 0;             // products to go before the weights are used up, but for those of these windows
    Count loaded = 0;           // of the weights of all folds
    Count ahead = 0;            // products that the neighbour has made and this one has not
    Count fold = 0;             // of a partial sum
    kernel::Fifo<float> early;  // weights of the next round, while these are in use
  };

  void set_up() {
    clocked_ = true;
    const auto lanes = static_cast<int>(switches_.size());
    std::ranges::generate(switches_, [] { return Switch{}; });
    inputs_ = handed_on_ = kernel::Fifos<float>(lanes);
    weights_.reset(clusters_.used(), clusters_.folds);
    for (kernel::LaneSet* set :
         {&passes_psums_, &receives_, &sends_, &loaded_, &from_neighbour_, &may_follow_, &last_window_})
      set->clear_all();
    for (int v = 0; v < clusters_.count; ++v) {
      for (int i = clusters_.begin(v); i < clusters_.end(v); ++i) set_up(i, i - clusters_.begin(v));
    }
  }

  // `slot`: which multiplier of its virtual neuron it is.
  void set_up(int i, int slot) {
    if (clusters_.psum_multiplier && slot == 0) passes_psums_.set(i);
    const int product = slot - (clusters_.psum_multiplier ? 1 : 0);
    if (clusters_.slide > 0 && rank(product, clusters_.slide) > 0) receives_.set(i);
    if (clusters_.slide > 0 && rank(product, clusters_.slide) < clusters_.slide - 1) sends_.set(i);
    if (clusters_.compares && product >= 0) begin_round(at(i), i);
  }

  // How many multipliers of a sliding run come before this one.
  int rank(int product, int slide) const { return clusters_.rightward ? product % slide : slide - 1 - product % slide; }

  Switch& at(int i) { return switches_[static_cast<std::size_t>(i)]; }

  // Takes what has arrived. Says how many words.
  Count receive() {
    auto& arrived = links_.words->incoming(now_);
    Count taken = 0;
    for (std::size_t word = 0; word < made_.words().size(); ++word) {
      const std::uint64_t there = arrived.valid.words()[word];
      if (there == 0) continue;
      taken += std::popcount(there);
      std::uint64_t inputs = there;
      kernel::for_each_bit(word, there, [&](std::size_t i) {
        arrived_[i % 64] = arrived.values[i].value;
        if (!arrived.values[i].weight) return;
        inputs &= ~(std::uint64_t{1} << i % 64);
        const int lane = static_cast<int>(i);
        loaded_.test(lane) ? at(lane).early.push(arrived_[i % 64]) : load(at(lane), lane, arrived_[i % 64]);
      });
      inputs_.push(word, inputs, arrived_.data());
      counters_.psum_forwards += std::popcount(inputs & passes_psums_.words()[word]);
    }
    if (taken > 0) links_.words->take_all(now_, taken);
    return taken;
  }

  void load(Switch& s, int i, float value) {
    if (s.loaded == clusters_.folds) {  // those of the last round are dropped
      counters_.operand_pops += clusters_.folds;
      s.loaded = 0;
    }
    weights_.store(i, s.loaded, value);
    if (++s.loaded < clusters_.folds) return;
    weights_.begin(static_cast<std::size_t>(i));
    begin_round(s, i);
  }

  void begin_round(Switch& s, int i) {
    s.left = products_;
    loaded_.set(i);
    begin_windows(s, i);
  }

  // The windows from here on in which it takes its inputs from where it takes them now and hands them on or not: where
  // inputs are handed on the first window and the last one differ from those between, else all of the round are alike.
  void begin_windows(Switch& s, int i) {
    const bool ends = s.window == 0 || s.window == windows_ - 1;
    s.alike = clusters_.slide == 0 ? products_ / clusters_.folds : ends ? 1 : windows_ - 1 - s.window;
    last_window_.set(i, s.window == windows_ - 1);
    from_neighbour_.set(i, s.window > 0 && receives_.test(i));
    const Count products = s.alike * clusters_.folds;
    s.left -= products;
    until_[static_cast<std::size_t>(i)] = products;
  }

  // Those of 64 multipliers that have a weight and an input. Says how many.
  Count multiply(std::size_t word, kernel::Wires<float>::Frame& products) {
    const std::uint64_t second = from_neighbour_.words()[word];
    std::uint64_t ready = (inputs_.there(word) & ~second) | (handed_on_.there(word) & second);
    ready &= loaded_.words()[word];
    if (params_.ripple) ready &= ~receives_.words()[word] | may_follow_.words()[word];
    made_.words()[word] = ready;
    to_hand_on_.words()[word] = ready & sends_.words()[word] & ~last_window_.words()[word];
    if (ready == 0) return 0;
    // Of all 64, since that needs no branches: nobody looks at products that are not sent.
    float* used = &used_[word * 64 + 1];
    std::copy_n(inputs_.fronts(word), 64, used);
    kernel::set_lanes(ready & second, handed_on_.fronts(word), used);
    if (clusters_.compares)
      std::copy_n(used, 64, &products.values[word * 64]);
    else
      weights_.multiply(word, used, &products.values[word * 64]);
    products.valid.words()[word] |= ready;
    inputs_.pop(word, ready & ~second);
    handed_on_.pop(word, ready & second);
    ledger_.work(word, ready, now_);
    const Count sent = std::popcount(ready);
    const Count hops = std::popcount(to_hand_on_.words()[word]);
    made_by_multipliers() += sent;
    counters_.hops += hops;
    counters_.operand_pushes += hops;
    advance(word, ready);
    return sent;
  }

  Count& made_by_multipliers() { return clusters_.compares ? counters_.input_forwards : counters_.multiplications; }

  // To the next fold, window and round.
  void advance(std::size_t word, std::uint64_t multipliers) {
    std::uint64_t through = 0;
    kernel::for_each_bit(word, multipliers, [&](std::size_t i) {
      weights_.advance(i);
      if (--until_[i] == 0) through |= std::uint64_t{1} << i % 64;
    });
    kernel::for_each_bit(word, through, [&](std::size_t i) { end_windows(static_cast<int>(i)); });
  }

  void end_windows(int i) {
    Switch& s = at(i);
    s.window = clusters_.slide == 0 ? 0 : (s.window + s.alike) % windows_;
    if (s.left > 0) {
      begin_windows(s, i);
      return;
    }
    ledger_.ended(i, now_);
    if (clusters_.compares) return begin_round(s, i);
    loaded_.clear(i);
    for (Count n = 0; n < clusters_.folds && !s.early.empty(); ++n) load(s, i, s.early.pop());
  }

  // What was used in this cycle is there for the neighbour in the next; of the last window of a row nothing is of use.
  void hand_on() {
    const std::vector<std::uint64_t>& from = to_hand_on_.words();
    for (std::size_t word = 0; word < from.size(); ++word) {
      std::uint64_t to = clusters_.rightward ? from[word] << 1 : from[word] >> 1;
      if (clusters_.rightward && word > 0) to |= from[word - 1] >> 63;
      if (!clusters_.rightward && word + 1 < from.size()) to |= from[word + 1] << 63;
      handed_on_.push(word, to, &used_[word * 64 + (clusters_.rightward ? 0 : 2)]);
    }
    if (!params_.ripple) return;
    const int next = clusters_.rightward ? 1 : -1;
    made_.for_each([&](int i) {
      if (receives_.test(i)) may_follow_.set(i, --at(i).ahead > 0);
    });
    made_.for_each([&](int i) {
      if (sends_.test(i)) may_follow_.set(i + next, ++at(i + next).ahead > 0);
    });
  }

  Count pass_psums(kernel::Wires<float>::Frame& products) {
    Count sent = 0;
    passes_psums_.for_each([&](int i) {
      Switch& s = at(i);
      if (s.fold > 0 && inputs_.empty(i)) return;
      float& psum = products.values[static_cast<std::size_t>(i)];
      psum = s.fold > 0 ? inputs_.pop(i) : clusters_.nothing();
      if (s.fold == 0)
        ++zeros_;
      else
        pass_on(s, i);
      s.fold = (s.fold + 1) % clusters_.folds;
      products.valid.set(i);
      ++sent;
    });
    return sent;
  }

  // A partial sum, of those of a round.
  void pass_on(Switch& s, int i) {
    const auto lane = static_cast<std::size_t>(i);
    ledger_.work(lane / 64, std::uint64_t{1} << lane % 64, now_);
    if (s.left == 0) s.left = products_ - products_ / clusters_.folds;
    if (--s.left == 0) ledger_.ended(i, now_);
  }

  void count_round() {
    const Count used = clusters_.used();
    const Count folds = clusters_.folds;
    Count senders = 0;
    if (clusters_.slide > 0) senders = used / clusters_.slide * (clusters_.slide - 1);
    const Count hops = senders * products_ / windows_ * (windows_ - 1);
    ledger_.worked(used * products_);
    made_by_multipliers() += used * products_;
    counters_.hops += hops;
    // Every input, delivered or handed on; every weight, and again after each use.
    counters_.operand_pushes += used * products_;
    counters_.operand_pops += used * products_;
    if (clusters_.compares) return;
    counters_.operand_pushes += used * (folds + products_);
    counters_.operand_pops += used * products_ + round_.dropped;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Clusters clusters_;
  Count windows_ = 1;   // in a row
  Count products_ = 0;  // of a multiplier in a round
  Round round_;
  // Clocked.
  Cycle now_ = 0;
  bool clocked_ = false;
  std::vector<Switch> switches_;
  FoldedWeights weights_;
  std::array<float, 64> arrived_{};
  kernel::Fifos<float> inputs_;     // from the distribution network
  kernel::Fifos<float> handed_on_;  // from the neighbour
  kernel::LaneSet passes_psums_;
  kernel::LaneSet receives_;        // take the inputs of later windows from a neighbour
  kernel::LaneSet sends_;           // hand inputs on to one
  kernel::LaneSet loaded_;          // have weights that are not used up
  kernel::LaneSet from_neighbour_;  // need an input of the neighbour next
  kernel::LaneSet may_follow_;      // are behind the neighbour
  kernel::LaneSet last_window_;     // are at the last of a row
  kernel::LaneSet made_;            // products of this cycle
  kernel::LaneSet to_hand_on_;      // and those whose inputs go on
  kernel::LaneSet in_use_;
  std::vector<float> used_;   // these inputs, with room for neighbours of the first and the last
  std::vector<Count> until_;  // products to go before anything else changes than the fold
  Count zeros_ = 0;           // that start sums in this cycle
};

}  // namespace

PartInfo multiplier_linear() {
  return declare<Linear>("multiplier", "linear",
                         "A row of multiplier switches; neighbours hand inputs of sliding windows on.", {"multipliers"},
                         "flexible");
}

}  // namespace cairn::fabric
