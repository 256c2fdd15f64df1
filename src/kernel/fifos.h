// First-in-first-out queues side by side that mostly hold one item at most: the first items lie in one array, and which
// queues hold any is told by bits, so many are looked at and emptied at once.
#pragma once

#include <vector>

#include "kernel/channel.h"
#include "kernel/ring.h"

namespace cairn::kernel {

template <class T>
class Fifos {
 public:
  explicit Fifos(int queues) : there_(queues), more_(queues), first_(whole_words(queues)), rest_(first_.size()) {}

  bool empty(int queue) const { return !there_.test(queue); }
  // The first items of 64 queues and those behind; of no meaning where a queue is empty.
  const T* fronts(std::size_t word) const { return &first_[word * 64]; }
  std::uint64_t there(std::size_t word) const { return there_.words()[word]; }  // which of 64 queues hold anything

  void push(int queue, const T& item) {
    const auto at = static_cast<std::size_t>(queue);
    if (!there_.test(queue)) {
      there_.set(queue);
      first_[at] = item;
    } else {
      more_.set(queue);
      rest_[at].push(item);
    }
  }

  T pop(int queue) {
    const auto at = static_cast<std::size_t>(queue);
    const T item = first_[at];
    if (more_.test(queue)) {
      move_up(at);
    } else {
      there_.clear(queue);
    }
    return item;
  }

  // The same for those of 64 queues that the bits tell; of 64 items theirs are pushed.
  void push(std::size_t word, std::uint64_t queues, const T* items) {
    const std::uint64_t behind = queues & there(word);
    set_lanes(queues & ~behind, items, &first_[word * 64]);
    for_each_bit(word, behind, [&](std::size_t at) { rest_[at].push(items[at % 64]); });
    there_.words()[word] |= queues;
    more_.words()[word] |= behind;
  }
  void pop(std::size_t word, std::uint64_t queues) {
    const std::uint64_t left = queues & more_.words()[word];
    there_.words()[word] &= ~(queues & ~left);
    for_each_bit(word, left, [&](std::size_t at) { move_up(at); });
  }

 private:
  void move_up(std::size_t at) {
    first_[at] = rest_[at].pop();
    if (rest_[at].empty()) more_.clear(static_cast<int>(at));
  }

  LaneSet there_;
  LaneSet more_;  // queues with items behind the first
  std::vector<T> first_;
  std::vector<Ring<T>> rest_;
};

}  // namespace cairn::kernel
