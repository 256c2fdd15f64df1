// A test bench: one part between hand-driven channels. What goes in is a list of cycles for each lane, what comes out
// too, so that the clocked and the stream form of a part can be fed the same and compared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fabric/part.h"
#include "harness/random.h"

namespace cairn::testing {

using Times = std::vector<Cycle>;

// Cycles from 1 on, no two the same, with pauses.
Times random_times(SplitMix64& random, std::int64_t count);

class Bench {
 public:
  // The part with its defaults but for `changed`, in a systolic array. `credits`: depth of the queues behind the
  // operand wires.
  Bench(const std::string& slot, const std::string& type, fabric::Extent extent, const schema::Values& changed = {},
        std::int64_t credits = 0);
  // The same in a flexible machine; `points` hand sums over to the collection.
  struct Flexible {
    int multipliers;
    int ports = 1;
    int points = 0;
    int output_pairs = 0;
    bool ports_tell = false;  // the ports tell the memory what they have sent
  };
  Bench(const Flexible& machine, const std::string& slot, const std::string& type, const schema::Values& changed = {});

  // Sends one item on `lane` of `in` in each of its cycles, ticks until `last`, and tells when items become visible on
  // each lane of `out`.
  template <class In, class Out>
  std::vector<Times> step(In& in, Out& out, const std::vector<Times>& sent, Cycle last) {
    std::vector<Times> seen(static_cast<std::size_t>(out.lanes()));
    for (Cycle now = 1; now <= last; ++now) {
      for (std::size_t lane = 0; lane < sent.size(); ++lane) {
        for (const Cycle t : sent[lane]) {
          if (t == now) send(in, static_cast<int>(lane), now);
        }
      }
      part->tick(now);
      receive(out, now, seen);
    }
    return seen;
  }

  // The same through the part's streams.
  template <class In, class Out>
  std::vector<Times> flow(In& in, Out& out, const std::vector<Times>& sent) {
    for (std::size_t lane = 0; lane < sent.size(); ++lane) in.streams[lane] = kernel::Stream::of(sent[lane]);
    part->flow();
    std::vector<Times> seen;
    for (const kernel::Stream& stream : out.streams) seen.push_back(stream.times());
    return seen;
  }

  fabric::Array array;
  fabric::Links links;
  std::unique_ptr<fabric::Part> part;
  std::vector<float> received;  // values, in order of arrival

 private:
  static Cycle latency_of(const std::string& slot, const std::string& driver, const schema::Values& values);
  void read_out(const std::string& slot, const fabric::PartInfo& info, const schema::Values& values);

  template <class C, class... Args>
  C* add(Args&&... args) {
    auto made = std::make_unique<C>(std::forward<Args>(args)...);
    C* raw = made.get();
    channels_.push_back(std::move(made));
    return raw;
  }

  void send(kernel::Wires<float>& wires, int lane, Cycle now) { wires.push(lane, static_cast<float>(lane + 1), now); }
  void send(kernel::Queues<fabric::Result>& queues, int lane, Cycle now) {
    queues.push(lane, {static_cast<float>(lane + 1), lane}, now);
  }
  void send(kernel::Queues<fabric::Step>& posts, int lane, Cycle now) { posts.push(lane, panel_.data(), now); }
  void send(kernel::Wires<fabric::Result>& wires, int lane, Cycle now) {
    wires.push(lane, {static_cast<float>(lane + 1), results_sent_++ % array.lanes()}, now);
  }

  static float value(float word) { return word; }
  static float value(const fabric::Result& result) { return result.value; }
  static float value(const fabric::Word& word) { return word.value; }

  template <class T>
  void receive(kernel::Wires<T>& wires, Cycle now, std::vector<Times>& seen) {
    auto& frame = wires.incoming(now);
    Count taken = 0;
    frame.valid.for_each([&](int lane) {
      seen[static_cast<std::size_t>(lane)].push_back(now);
      received.push_back(value(frame.values[static_cast<std::size_t>(lane)]));
      ++taken;
    });
    wires.take_all(now, taken);
  }
  void receive(kernel::Queues<fabric::Result>& queues, Cycle now, std::vector<Times>& seen) {
    for (int lane = 0; lane < queues.lanes(); ++lane) {
      for (; queues.can_pop(lane, now); received.push_back(queues.pop(lane, now).value))
        seen[static_cast<std::size_t>(lane)].push_back(now);
    }
  }

  std::vector<std::unique_ptr<kernel::Channel>> channels_;
  std::vector<float> panel_;  // the operands of every step
  int results_sent_ = 0;
};

// A program that remembers what is stored. `columns`: of the array, where a round has padding around its valid outputs.
class Ledger final : public fabric::Rounds, public fabric::Panels {
 public:
  struct Entry {
    Count index;
    int lane;
    float value;
    bool operator==(const Entry&) const = default;
  };

  explicit Ledger(std::vector<fabric::Round> rounds, int columns = 1 << 10)
      : rounds_(std::move(rounds)), columns_(columns) {}
  Count size() const override { return static_cast<Count>(rounds_.size()); }
  fabric::Round at(Count index) const override { return rounds_.at(static_cast<std::size_t>(index)); }
  void load(Count index, float* panel) const override {
    const fabric::Round round = at(index);
    for (Count i = 0; i < (round.loads + round.steps) * (round.used.rows + round.used.columns); ++i)
      panel[i] = static_cast<float>(100 * index + i);
  }
  fabric::Stored store(Count index, int lane, float value) override {
    const fabric::Extent valid = rounds_.front().valid;
    if (lane / columns_ >= valid.rows || lane % columns_ >= valid.columns) return fabric::Stored::dropped;
    entries.push_back({index, lane, value});
    return fabric::Stored::written;
  }

  std::vector<Entry> entries;

 private:
  std::vector<fabric::Round> rounds_;
  int columns_;
};

// A round of a systolic array; all of `used` makes outputs unless told otherwise.
fabric::Round systolic_round(Count steps, fabric::Extent used, fabric::Extent valid = {});

}  // namespace cairn::testing
