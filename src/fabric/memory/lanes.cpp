// The controller of independent lanes, output stationary (paper, use case 2; SnaPEA, ISCA 2018, in its exact mode).
//
// A lane is a multiplier with an accumulator, and beside it a buffer with the weights of a few filters. It makes one
// output at a time: each cycle it takes the next weight out of its buffer, and the input that belongs to it out of the
// global buffer. Where an index table gives the order of the weights, the table is read beside them and addresses the
// input. A lane that is through with an output, or is told that its sum can be left, takes the next output in the
// following cycle and waits for no other lane. Outputs are handed out filter by filter, to the lowest lane that is
// free.
//
// The weights of a filter, with its index table, are loaded once, to all lanes together, over a path of their own. The
// buffers hold `filters_held` filters; the next one is loaded when the last output of the oldest is done with.
#include <algorithm>
#include <deque>

#include "fabric/part.h"
#include "stats/activity.h"

namespace cairn::fabric {
namespace {

enum class Order { sign, magnitude };

class Lanes final : public Part {
 public:
  struct Params {
    std::int64_t filters_held = 4;
    std::int64_t weights_per_cycle = 64;
    Order order = Order::sign;
    std::int64_t prefix = 0;
    std::int64_t threshold = 0;
    static auto fields() {
      return std::tuple{
          schema::integer("filters_held", &Params::filters_held, "filters", {1, 1 << 10},
                          "filters whose weights are beside the lanes at once"),
          schema::integer("weights_per_cycle", &Params::weights_per_cycle, "words/cycle", {1, 1 << 14},
                          "weights, each with its index, that are loaded in a cycle, to all lanes"),
          schema::choice("order", &Params::order, {"sign", "magnitude"},
                         "of the weights of a filter whose sum is checked: positive ones first, then negative ones as "
                         "they lie there, or from the largest on"),
          schema::integer("prefix", &Params::prefix, "weights", {0, 1 << 24},
                          "predictive mode: the largest weights of a filter come first, so many, and their sum decides "
                          "whether the output is taken as 0; 0 = exact mode"),
          schema::integer("threshold", &Params::threshold, "thousandths", {-(1 << 30), 1 << 30},
                          "predictive mode: the output, as it is before the rectifier, is taken as 0 if it is below "
                          "this after the prefix")};
    }
  };
  struct Counters {
    Count weight_reads = 0;
    Count index_reads = 0;
    Count input_reads = 0;
    Count padding_words = 0;
    Count loads = 0;
    Count filter_writes = 0;
    Count filter_reads = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("weight_reads", &Counters::weight_reads, "words", "weights read from the global buffer"),
          stats::counter("index_reads", &Counters::index_reads, "words",
                         "entries of index tables read from the global buffer"),
          stats::counter("input_reads", &Counters::input_reads, "words", "inputs read from the global buffer"),
          stats::counter("padding_words", &Counters::padding_words, "words",
                         "zeros of padding sent to a lane without a buffer read"),
          stats::counter("loads", &Counters::loads, "filters", "filters loaded to the lanes"),
          stats::counter("filter_writes", &Counters::filter_writes, "words",
                         "weights and indices written to the buffers beside the lanes"),
          stats::counter("filter_reads", &Counters::filter_reads, "words",
                         "weights and indices read from the buffers beside the lanes")};
    }
  };

  Lanes(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)), params_(params), links_(links), lanes_(static_cast<std::size_t>(array.lanes())) {}

  kernel::Wiring wiring() const override {
    if (links_.tags == nullptr) return {{links_.stored}, {links_.fetches}};
    return {{links_.stored, links_.stops}, {links_.fetches, links_.tags}};
  }

  void start(const Program& program) override { program_ = program; }
  void configure(const Round& round) override { round_ = round; }
  bool finished() const override { return taken_ == outputs() && busy_ == 0; }
  bool has_flow() const override { return true; }

  bool tick(Cycle now) override {
    if (now == 1) program_.configure(program_.rounds->at(0));
    links_.stored->take(now);
    if (links_.stops != nullptr) take_stops(now);
    const bool loads = load(now);
    hand_out(now);
    const bool fetches = busy_ > 0;
    if (fetches) {
      fetch(now);
      ++spent_[UnitState::busy];
    } else if (taken_ < outputs()) {
      ++spent_[UnitState::reconfiguring];
    }
    return loads || fetches;
  }

  void flow() override;

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

  Count units() const override { return 1; }
  Count taking_part() const override { return 1; }
  void rest() override { spent_ = {}; }
  // What it does not spend otherwise it waits for results.
  UnitCycles activity(Cycle end) const override {
    UnitCycles cycles = spent_;
    cycles[UnitState::draining] = end - stats::sum(cycles);
    return cycles;
  }
  UnitCycles settled() const override { return spent_; }

 private:
  struct Lane {
    Count sum = 0;     // how many it has begun
    Count filter = 0;  // of the present one
    Count next = 0;    // term
    bool busy = false;
  };
  struct Held {
    Cycle ready;  // all its weights are there
    Count left;   // outputs that are not done with
  };

  Count outputs() const { return program_.sums->filters() * program_.sums->windows(); }
  Cycle load_cycles() const { return util::ceil_div(round_.steps, params_.weights_per_cycle); }

  void take_stops(Cycle now) {
    links_.stops->occupied().for_each([&](int i) {
      Lane& lane = lanes_[static_cast<std::size_t>(i)];
      while (links_.stops->can_pop(i, now)) {
        if (links_.stops->pop(i, now) == lane.sum && lane.busy) release(lane);
      }
    });
  }

  void release(Lane& lane) {
    lane.busy = false;
    --busy_;
    --held_[static_cast<std::size_t>(lane.filter - oldest_)].left;
  }

  // One load at a time. Returns whether one goes on.
  bool load(Cycle now) {
    const auto full = [&] { return std::ssize(held_) == params_.filters_held; };
    if (now >= loaded_at_ && full() && held_.front().left == 0) {
      held_.pop_front();
      ++oldest_;
    }
    if (now >= loaded_at_ && !full() && oldest_ + std::ssize(held_) < program_.sums->filters()) {
      program_.sums->load(oldest_ + std::ssize(held_));
      loaded_at_ = now + load_cycles();
      held_.push_back({loaded_at_, program_.sums->windows()});
      count_loads(1);
    }
    return now < loaded_at_;
  }

  void hand_out(Cycle now) {
    for (std::size_t i = 0; i < lanes_.size() && taken_ < outputs(); ++i) {
      Lane& lane = lanes_[i];
      if (lane.busy) continue;
      const Count filter = taken_ / program_.sums->windows();
      const Count ahead = filter - oldest_;
      if (ahead >= std::ssize(held_) || held_[static_cast<std::size_t>(ahead)].ready > now) return;
      program_.sums->take(taken_++, static_cast<int>(i));
      lane = {lane.sum + 1, filter, 0, true};
      ++busy_;
    }
  }

  void fetch(Cycle now) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      Lane& lane = lanes_[i];
      if (!lane.busy) continue;
      const int number = static_cast<int>(i);
      const Sums::Term term = program_.sums->term(number, lane.next++);
      links_.fetches->push(number, term.pair, now);
      if (links_.tags != nullptr) links_.tags->push(number, term.tag, now);
      count_terms(1, term.padding ? 1 : 0);
      if (lane.next == round_.steps) release(lane);
    }
  }

  Count words() const { return program_.sums->sorted() ? 2 : 1; }  // of a weight

  void count_loads(Count filters) {
    counters_.loads += filters;
    counters_.weight_reads += filters * round_.steps;
    counters_.index_reads += filters * round_.steps * (words() - 1);
    counters_.filter_writes += filters * round_.steps * words() * std::ssize(lanes_);
  }

  void count_terms(Count terms, Count padding) {
    counters_.input_reads += terms - padding;
    counters_.padding_words += padding;
    counters_.filter_reads += terms * words();
  }

  Params params_;
  Links& links_;
  Counters counters_;
  UnitCycles spent_;  // cycles in which it does not drain
  Program program_;
  Round round_;
  std::vector<Lane> lanes_;
  std::deque<Held> held_;  // the filters beside the lanes
  Count oldest_ = 0;       // number of the first of them
  Count taken_ = 0;        // outputs handed out
  Count busy_ = 0;         // lanes
  Cycle loaded_at_ = 0;    // the last filter
};

// When lanes are free, told by the earliest first, and of those that are free in the same cycle by the lowest.
class FreeLanes {
 public:
  explicit FreeLanes(std::size_t lanes) {
    for (std::size_t i = 0; i < lanes; ++i) heap_.push_back({1, i});
  }
  struct Free {
    Cycle at;
    std::size_t lane;
    auto operator<=>(const Free&) const = default;
  };
  const Free& first() const { return heap_.front(); }
  // Nobody can begin before that.
  void wait(Cycle until) {
    if (first().at >= until) return;
    for (Free& free : heap_) free.at = std::max(free.at, until);
    std::ranges::make_heap(heap_, std::greater{});
  }
  void first_is_free_again(Cycle at) {
    std::ranges::pop_heap(heap_, std::greater{});
    heap_.back().at = at;
    std::ranges::push_heap(heap_, std::greater{});
  }

 private:
  std::vector<Free> heap_;
};

// The outputs in their order: each begins when a lane is free and its filter is there. A sum that is left after n terms
// frees its lane when the controller hears of it; what it fetches until then is wasted.
void Lanes::flow() {
  const Sums& sums = *program_.sums;
  const Count windows = sums.windows();
  const bool checks = links_.tags != nullptr;
  const Cycle to_accumulator = links_.pairs->latency() + links_.products->latency();
  const Count more = checks ? to_accumulator + links_.stops->latency() - 1 : 0;
  RoundInTime& told = links_.round;
  told.summed = told.left = told.through = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    links_.fetches->streams[i].clear();
    if (checks) links_.tags->streams[i].clear();
  }
  FreeLanes lanes(lanes_.size());
  std::vector<Cycle> done(static_cast<std::size_t>(params_.filters_held), 1);  // with the filter in each place
  Cycle loaded = 1;
  Cycle last = 0;  // the last fetch so far
  Count terms = 0;
  for (Count filter = 0; filter < sums.filters(); ++filter) {
    Cycle& free = done[static_cast<std::size_t>(filter % params_.filters_held)];
    loaded = std::max(loaded, free) + load_cycles();
    free = 0;
    lanes.wait(loaded);
    for (Count output = filter * windows; output < (filter + 1) * windows; ++output) {
      const auto [begin, lane] = lanes.first();
      const Count length = sums.length(output);
      const Count fetched = std::min(length + more, round_.steps);
      const Cycle end = begin + fetched;
      links_.fetches->streams[lane].append({begin, 1, fetched});
      if (checks) links_.tags->streams[lane].append({begin + length - 1 + to_accumulator, 0, 1});
      told.summed += length;
      told.left += length < round_.steps ? 1 : 0;
      terms += fetched;
      spent_[UnitState::busy] += std::max<Cycle>(0, end - std::max(begin, last + 1));
      last = std::max(last, end - 1);
      if (fetched < round_.steps) told.through = std::max(told.through, end);
      free = std::max(free, end);
      lanes.first_is_free_again(end);
    }
  }
  told.through = std::max(told.through, last + to_accumulator);
  spent_[UnitState::reconfiguring] += last - spent_[UnitState::busy];
  count_loads(sums.filters());
  count_terms(terms, sums.padding(more));
}

}  // namespace

PartInfo memory_lanes() {
  return declare<Lanes>("memory", "lanes",
                        "Controller of independent lanes (SnaPEA): each makes an output and takes the next at once.",
                        {"controllers"}, "lanes");
}

}  // namespace cairn::fabric
