// Items that hop from lane to lane of an array one way, a hop a cycle: operands to the right or down, sums down. What
// comes before its partner waits in a queue at its lane. A cycle is a few passes over whole arrays; only the items that
// cannot be used in the cycle in which they arrive are handled one by one.
#pragma once

#include <algorithm>
#include <vector>

#include "kernel/channel.h"
#include "kernel/ring.h"

namespace cairn::fabric {

struct LaneFlow {
  LaneFlow(int lanes, int lanes_to_neighbour)
      : hop(lanes_to_neighbour),
        arriving(lanes),
        leaving(lanes),
        forwards(lanes),
        waiting(lanes),
        in(static_cast<std::size_t>(lanes)),
        out(static_cast<std::size_t>(lanes)),
        queues(static_cast<std::size_t>(lanes)) {}

  int hop;                   // lanes from an element to its neighbour
  kernel::LaneSet arriving;  // wires that carry an item in this cycle
  kernel::LaneSet leaving;   // and in the next
  kernel::LaneSet forwards;  // elements that have a neighbour in use
  kernel::LaneSet waiting;   // elements with items in the queue
  std::vector<float> in;
  std::vector<float> out;
  std::vector<kernel::Ring<float>> queues;

  void next_cycle() {
    std::swap(arriving, leaving);
    std::swap(in, out);
    leaving.clear_all();
  }

  // Of 64 lanes, those that have an item.
  std::uint64_t present(std::size_t word) const { return arriving.words()[word] | waiting.words()[word]; }

  // Items that cannot be used on arrival join their queue; elements that fire from a queue find its head in `in`. All
  // other lanes pass straight through. Returns how many items arrived.
  Count settle(const kernel::LaneSet& fires) {
    Count arrived = 0;
    for (std::size_t w = 0; w < fires.words().size(); ++w)
      arrived += settle(w, arriving.words()[w], fires.words()[w], waiting.words()[w]);
    return arrived;
  }

  // What is in the first `lanes` of `in` goes to the neighbours of those that fire. Returns how many have one.
  Count pass_on(const kernel::LaneSet& fires, std::size_t lanes) {
    const auto distance = static_cast<std::size_t>(hop);
    if (lanes > distance) std::copy_n(in.begin(), lanes - distance, out.begin() + hop);
    leaving.or_shifted(fires, forwards, hop);
    Count passed = 0;
    for (std::size_t w = 0; w < fires.words().size(); ++w)
      passed += std::popcount(fires.words()[w] & forwards.words()[w]);
    return passed;
  }

  std::size_t items_waiting() const {
    std::size_t items = 0;
    for (const auto& queue : queues) items += queue.size();
    return items;
  }

 private:
  Count settle(std::size_t word, std::uint64_t arrives, std::uint64_t fires, std::uint64_t waits) {
    // The steady state of an element next to the edge: one item joins its queue as another leaves.
    kernel::for_each_bit(word, waits & arrives & fires, [&](std::size_t i) { in[i] = queues[i].exchange(in[i]); });
    const std::uint64_t joins = arrives & ~fires;
    kernel::for_each_bit(word, joins, [&](std::size_t i) { queues[i].push(in[i]); });
    waiting.words()[word] |= joins;
    kernel::for_each_bit(word, waits & fires & ~arrives, [&](std::size_t i) {
      in[i] = queues[i].pop();
      if (queues[i].empty()) waiting.clear(static_cast<int>(i));
    });
    return std::popcount(arrives);
  }
};

}  // namespace cairn::fabric
