// Channels: the only place where components meet. A channel belongs to one producer and one consumer, has `lanes`
// parallel lanes and a latency. Pushing at cycle t makes an item visible at t + latency, never earlier, so for latency
// >= 1 the order in which producer and consumer tick cannot matter. Latency 0 is a combinational path: the kernel then
// ticks the producer first (see Machine). No commit phase is needed: time stamps do its work.
//
// Each channel also carries the streams of the flow evaluator, so both evaluators share one wiring.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "kernel/ring.h"
#include "kernel/stream.h"
#include "util/diagnostics.h"
#include "util/units.h"

namespace cairn::kernel {

class Channel {
 public:
  Channel(std::string name, int lanes, Cycle latency)
      : streams(static_cast<std::size_t>(lanes)), name_(std::move(name)), lanes_(lanes), latency_(latency) {}
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  const std::string& name() const { return name_; }
  int lanes() const { return lanes_; }
  Cycle latency() const { return latency_; }
  virtual Count in_flight() const = 0;  // items pushed and not yet taken
  // A feedback channel starts the next round: within one round it carries nothing, so it does not order the flow
  // evaluator.
  virtual bool feedback() const { return false; }

  // What the flow evaluator sends: one stream a lane, in cycles at which items become visible to the consumer.
  std::vector<Stream> streams;

 private:
  std::string name_;
  int lanes_;
  Cycle latency_;
};

// Calls f for each bit of the `word`-th 64, ascending.
template <class F>
void for_each_bit(std::size_t word, std::uint64_t bits, F f) {
  for (; bits != 0; bits &= bits - 1) f(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
}

// Sets those of 64 values that the bits tell. Where they are many all 64 are written, in plain loops that the compiler
// turns into vector instructions.
template <class T>
void set_lanes(std::uint64_t bits, const T* from, T* to) {
  constexpr int kFew = 20;
  constexpr auto kBits = [] {
    std::array<std::uint32_t, 32> all{};
    for (unsigned i = 0; i < 32; ++i) all[i] = 1U << i;
    return all;
  }();
  if (std::popcount(bits) <= kFew) {
    for_each_bit(0, bits, [&](std::size_t i) { to[i] = from[i]; });
    return;
  }
  for (std::size_t half = 0; half < 64; half += 32) {
    const auto chosen = static_cast<std::uint32_t>(bits >> half);
    for (std::size_t i = 0; i < 32; ++i) {
      const T set = from[half + i];
      const T kept = to[half + i];
      to[half + i] = (chosen & kBits[i]) != 0 ? set : kept;
    }
  }
}

// So many lanes and those that fill the last 64: the room for values that are set 64 at a time.
constexpr std::size_t whole_words(int lanes) { return (static_cast<std::size_t>(lanes) + 63) / 64 * 64; }

// A set of lane numbers, one bit each.
class LaneSet {
 public:
  explicit LaneSet(int lanes) : words_(whole_words(lanes) / 64) {}
  void set(int lane) { words_[word(lane)] |= bit(lane); }
  void set(int lane, bool to) { to ? set(lane) : clear(lane); }
  void clear(int lane) { words_[word(lane)] &= ~bit(lane); }
  bool test(int lane) const { return (words_[word(lane)] & bit(lane)) != 0; }
  LaneSet& operator|=(const LaneSet& other) {
    for (std::size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
    return *this;
  }
  // Adds what is in both `from` and `mask`, so many lanes further on.
  void or_shifted(const LaneSet& from, const LaneSet& mask, int shift) {
    const std::size_t words = static_cast<std::size_t>(shift) / 64;
    const unsigned bits = static_cast<unsigned>(shift) % 64;
    for (std::size_t w = 0; w + words < words_.size(); ++w) {
      const std::uint64_t moved = from.words_[w] & mask.words_[w];
      words_[w + words] |= moved << bits;
      if (bits != 0 && w + words + 1 < words_.size()) words_[w + words + 1] |= moved >> (64 - bits);
    }
  }
  void clear_all() { std::fill(words_.begin(), words_.end(), 0); }
  int count() const {
    return std::accumulate(words_.begin(), words_.end(), 0,
                           [](int sum, std::uint64_t word) { return sum + std::popcount(word); });
  }
  std::vector<std::uint64_t>& words() { return words_; }
  const std::vector<std::uint64_t>& words() const { return words_; }

  // Calls f(lane) for each lane in the set, ascending.
  template <class F>
  void for_each(F f) const {
    for (std::size_t w = 0; w < words_.size(); ++w)
      for_each_bit(w, words_[w], [&](std::size_t lane) { f(static_cast<int>(lane)); });
  }

 private:
  static std::size_t word(int lane) { return static_cast<std::size_t>(lane) / 64; }
  static std::uint64_t bit(int lane) { return std::uint64_t{1} << (static_cast<unsigned>(lane) % 64); }
  std::vector<std::uint64_t> words_;
};

// Wires: one register a lane. What arrives in a cycle must be taken in that cycle; writing onto an item that was not
// taken is an error of the components, told as one. Values of all lanes lie side by side, so a component can work on
// all at once.
//
// With `credits` > 0 the consumer owns a queue of that depth behind each lane: a push spends a credit, `release` gives
// it back, usable in the following cycle. A full queue then holds the producer back: can_push() is false.
template <class T>
class Wires final : public Channel {
 public:
  struct Frame {
    LaneSet valid;
    std::vector<T> values;  // of whole words of lanes
  };

  Wires(std::string name, int lanes, Cycle latency, std::int64_t credits = 0)
      : Channel(std::move(name), lanes, latency),
        frames_(std::bit_ceil(static_cast<std::size_t>(latency) + 1),
                Frame{LaneSet(lanes), std::vector<T>(whole_words(lanes))}) {
    if (credits > 0) credits_.resize(static_cast<std::size_t>(lanes), {credits, 0, -1});
  }

  bool bounded() const { return !credits_.empty(); }

  bool can_push(int lane, Cycle now) {
    if (credits_.empty()) return true;
    Credit& c = credits_[static_cast<std::size_t>(lane)];
    settle(c, now);
    return c.free > 0;
  }

  void push(int lane, const T& value, Cycle now) {
    Frame& frame = outgoing(now);
    if (frame.valid.test(lane)) util::require(false, name(), "a wire was written before its last value was taken");
    if (bounded()) {
      util::require(can_push(lane, now), name(), "a word was sent without a credit");
      --credits_[static_cast<std::size_t>(lane)].free;
    }
    frame.valid.set(lane);
    frame.values[static_cast<std::size_t>(lane)] = value;
    ++in_flight_;
  }

  // The consumer has freed one place behind `lane`.
  void release(int lane, Cycle now) {
    if (credits_.empty()) return;
    Credit& c = credits_[static_cast<std::size_t>(lane)];
    settle(c, now);
    c.returned_at = now;
    ++c.returned;
  }

  // For components that drive or read all lanes at once; they count with `sent` and `taken`.
  Frame& outgoing(Cycle now) { return frames_[static_cast<std::size_t>(now + latency()) & (frames_.size() - 1)]; }
  Frame& incoming(Cycle now) { return frames_[static_cast<std::size_t>(now) & (frames_.size() - 1)]; }
  void sent(Count items) { in_flight_ += items; }
  // Empties this cycle's frame: everything in it was taken.
  void take_all(Cycle now, Count items) {
    incoming(now).valid.clear_all();
    in_flight_ -= items;
  }

  Count in_flight() const override { return in_flight_; }

 private:
  struct Credit {
    std::int64_t free;
    std::int64_t returned;  // in cycle `returned_at`, not yet usable
    Cycle returned_at;
  };
  static void settle(Credit& credit, Cycle now) {
    if (credit.returned_at >= now) return;
    credit.free += credit.returned;
    credit.returned = 0;
  }
  std::vector<Frame> frames_;
  std::vector<Credit> credits_;
  Count in_flight_ = 0;
};

// Queues: one first-in-first-out queue a lane, emptied at the consumer's pace; capacity 0 means unbounded. Whether
// there is room is judged by the occupancy at the start of the cycle: a place freed in a cycle is usable in the next.
// One item a cycle therefore needs capacity >= latency + 1.
template <class T>
class Queues final : public Channel {
 public:
  Queues(std::string name, int lanes, Cycle latency, std::int64_t capacity = 0, bool feedback = false)
      : Channel(std::move(name), lanes, latency),
        feedback_(feedback),
        capacity_(capacity),
        occupied_(lanes),
        lanes_(static_cast<std::size_t>(lanes)) {}

  bool can_push(int lane, Cycle now) const {
    if (capacity_ == 0) return true;
    const Lane& l = lanes_[static_cast<std::size_t>(lane)];
    const std::int64_t popped_now = l.popped_at == now ? l.popped : 0;
    return static_cast<std::int64_t>(l.items.size()) + popped_now < capacity_;
  }

  void push(int lane, const T& value, Cycle now) {
    if (capacity_ != 0) util::require(can_push(lane, now), name(), "a queue was written past its capacity");
    lanes_[static_cast<std::size_t>(lane)].items.push({value, now + latency()});
    occupied_.set(lane);
    ++in_flight_;
  }

  bool can_pop(int lane, Cycle now) const {
    const Lane& l = lanes_[static_cast<std::size_t>(lane)];
    return !l.items.empty() && l.items.front().ready <= now;
  }

  // The i-th item of a lane, or null if it is not there yet: for a consumer that works on several at once.
  const T* peek(int lane, std::size_t i, Cycle now) const {
    const Lane& l = lanes_[static_cast<std::size_t>(lane)];
    return i < l.items.size() && l.items[i].ready <= now ? &l.items[i].value : nullptr;
  }

  T pop(int lane, Cycle now) {
    Lane& l = lanes_[static_cast<std::size_t>(lane)];
    const T value = l.items.pop().value;
    if (l.items.empty()) occupied_.clear(lane);
    l.popped = (l.popped_at == now ? l.popped : 0) + 1;
    l.popped_at = now;
    --in_flight_;
    return value;
  }

  const LaneSet& occupied() const { return occupied_; }  // lanes that hold anything, visible yet or not
  Count in_flight() const override { return in_flight_; }
  bool feedback() const override { return feedback_; }

 private:
  struct Item {
    T value;
    Cycle ready;
  };
  struct Lane {
    Ring<Item> items;
    Cycle popped_at = -1;
    std::int64_t popped = 0;
  };

  bool feedback_;
  std::int64_t capacity_;
  LaneSet occupied_;
  std::vector<Lane> lanes_;
  Count in_flight_ = 0;
};

// Counts events: the producer adds some in a cycle, the consumer takes what has arrived by now. A tally that runs
// against the data path (`feedback`) carries nothing within a round, so it does not order the flow evaluator.
class Tally final : public Channel {
 public:
  Tally(std::string name, Cycle latency, bool feedback)
      : Channel(std::move(name), 1, latency), feedback_(feedback), counts_("counts", 1, latency) {}
  void add(Count events, Cycle now) { counts_.push(0, events, now); }
  Count take(Cycle now) {
    Count events = 0;
    while (counts_.can_pop(0, now)) events += counts_.pop(0, now);
    return events;
  }
  Count in_flight() const override { return counts_.in_flight(); }
  bool feedback() const override { return feedback_; }

 private:
  bool feedback_;
  Queues<Count> counts_;
};

}  // namespace cairn::kernel
