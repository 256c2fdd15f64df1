// Queues side by side, one by one and 64 at a time, against a std::deque each.
#include "kernel/fifos.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "harness/random.h"

namespace cairn::kernel {
namespace {

TEST(Fifos, keep_the_order_of_each_queue_however_many_are_moved_at_once) {
  constexpr int kQueues = 128;
  testing::SplitMix64 random(1);
  Fifos<int> fifos(kQueues);
  std::array<std::deque<int>, kQueues> expected;
  for (int item = 0; item < 4000; ++item) {
    const auto word = static_cast<std::size_t>(random.between(0, 1));
    const std::uint64_t some = random.next() & random.next();
    const bool pushes = random.between(0, 1) == 1;
    if (pushes) {
      std::array<int, 64> items{};
      for (std::size_t i = 0; i < items.size(); ++i) items.at(i) = item + static_cast<int>(word * 64 + i);
      fifos.push(word, some, items.data());
      for_each_bit(word, some,
                   [&](std::size_t queue) { expected.at(queue).push_back(item + static_cast<int>(queue)); });
    } else {
      const std::uint64_t there = some & fifos.there(word);
      for_each_bit(word, there, [&](std::size_t queue) {
        ASSERT_EQ(fifos.fronts(word)[queue % 64], expected.at(queue).front());
        expected.at(queue).pop_front();
      });
      fifos.pop(word, there);
    }
    const auto one = static_cast<int>(random.between(0, kQueues - 1));
    std::deque<int>& queue = expected.at(static_cast<std::size_t>(one));
    ASSERT_EQ(fifos.empty(one), queue.empty());
    if (queue.empty()) {
      fifos.push(one, item);
      queue.push_back(item);
    } else {
      ASSERT_EQ(fifos.pop(one), queue.front());
      queue.pop_front();
    }
  }
}

}  // namespace
}  // namespace cairn::kernel
