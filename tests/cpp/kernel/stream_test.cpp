// The flow algebra against the same operations on plain lists of times.
#include "kernel/stream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/draws.h"
#include "harness/random.h"
#include "harness/runs.h"

namespace cairn::kernel {
namespace {

using testing::for_draws;
using testing::SplitMix64;
using Times = std::vector<Cycle>;

// A sorted list made of runs with steps of 0 to 5: bursts, regular stretches, changes of pace up and down.
Times random_times(SplitMix64& random, std::int64_t count) {
  Times times;
  Cycle now = random.between(0, 20);
  while (static_cast<std::int64_t>(times.size()) < count) {
    const Cycle step = random.between(0, 5);
    const std::int64_t run = random.one_in(3) ? 1 : random.between(1, 12);
    for (std::int64_t i = 0; i < run && static_cast<std::int64_t>(times.size()) < count; ++i, now += step)
      times.push_back(now);
    now += random.between(0, 9);
  }
  return times;
}

Times random_times(SplitMix64& random) { return random_times(random, random.between(0, 60)); }

TEST(Stream, of_a_list_holds_exactly_that_list) {
  for_draws(1, [](SplitMix64& random) {
    const Times times = random_times(random);
    const Stream stream = Stream::of(times);
    ASSERT_EQ(stream.times(), times);
    ASSERT_EQ(stream.count(), static_cast<Count>(times.size()));
    ASSERT_EQ(stream.empty(), times.empty());
    if (times.empty()) return;
    ASSERT_EQ(stream.first(), times.front());
    ASSERT_EQ(stream.last(), times.back());
  });
}

TEST(Stream, regular_places_items_a_step_apart) {
  EXPECT_EQ(Stream::regular(5, 3, 4).times(), (Times{5, 8, 11, 14}));
  EXPECT_EQ(Stream::regular(5, 0, 3).times(), (Times{5, 5, 5}));
  EXPECT_EQ(Stream::regular(5, 7, 1), Stream::regular(5, 0, 1));
  EXPECT_TRUE(Stream::regular(5, 3, 0).empty());
}

TEST(Stream, delayed_moves_every_item_by_the_same_time) {
  for_draws(10'001, [](SplitMix64& random) {
    Times times = random_times(random);
    const Cycle delay = random.between(0, 30);
    const Stream delayed = Stream::of(times).delayed(delay);
    for (Cycle& t : times) t += delay;
    ASSERT_EQ(delayed.times(), times);
  });
}

TEST(Stream, every_keeps_the_last_item_of_each_group) {
  for_draws(20'001, [](SplitMix64& random) {
    const std::int64_t group = random.between(1, 7);
    const Times times = random_times(random, group * random.between(0, 12));
    Times expected;
    for (std::size_t i = static_cast<std::size_t>(group) - 1; i < times.size(); i += static_cast<std::size_t>(group))
      expected.push_back(times[i]);
    ASSERT_EQ(Stream::of(times).every(group).times(), expected);
  });
}

TEST(Stream, every_refuses_a_group_that_is_not_whole) { EXPECT_THROW(Stream::regular(1, 1, 7).every(3), Error); }

TEST(Stream, served_starts_each_item_when_it_is_there_and_the_server_is_free) {
  for_draws(30'001, [](SplitMix64& random) {
    const Times times = random_times(random);
    const Cycle service = random.between(0, 6);
    Times expected;
    for (const Cycle t : times) expected.push_back(expected.empty() ? t : std::max(t, expected.back() + service));
    ASSERT_EQ(Stream::of(times).served(service).times(), expected) << "service " << service;
  });
}

TEST(Stream, served_by_a_server_that_is_busy_starts_when_it_is_free_again) {
  for_draws(70'001, [](SplitMix64& random) {
    const Times times = random_times(random);
    const Cycle service = random.between(0, 6);
    Cycle free_at = random.between(0, 80);
    Times expected;
    const Stream served = Stream::of(times).served(service, free_at);
    for (const Cycle t : times) {
      expected.push_back(std::max(t, free_at));
      free_at = expected.back() + service;
    }
    ASSERT_EQ(served.times(), expected) << "service " << service;
  });
}

TEST(Server, takes_items_in_the_order_given_and_lets_early_ones_wait_for_their_predecessors) {
  for_draws(80'001, [](SplitMix64& random) {
    const Cycle service = random.between(0, 4);
    Cycle free_at = random.between(0, 40);
    Server server(service, free_at);
    Times expected;
    for (std::int64_t n = random.between(0, 8); n > 0; --n) {
      const Piece piece{random.between(0, 60), random.between(0, 6), random.between(1, 20)};
      server.take(piece);
      for (Count k = 0; k < piece.count; ++k) {
        expected.push_back(std::max(piece.at(k), free_at));
        free_at = expected.back() + service;
      }
    }
    ASSERT_EQ(server.departures.times(), expected);
  });
}

TEST(Stream, slice_is_a_part_of_the_list) {
  for_draws(90'001, [](SplitMix64& random) {
    const Times times = random_times(random);
    const auto size = static_cast<std::int64_t>(times.size());
    const std::int64_t first = random.between(0, size);
    const std::int64_t count = random.between(0, size + 3);
    Stream part;
    for (const Piece& piece : Stream::of(times).slice(first, count)) part.append(piece);
    ASSERT_EQ(part.times(), Times(times.begin() + first, times.begin() + std::min(size, first + count)));
  });
}

TEST(Reader, reads_a_stream_in_parts_from_the_front) {
  for_draws(100'001, [](SplitMix64& random) {
    const Times times = random_times(random);
    const Stream stream = Stream::of(times);
    Reader reader(stream);
    Times read;
    const auto keep = [&](const Piece& piece) {
      for (Count k = 0; k < piece.count; ++k) read.push_back(piece.at(k));
    };
    while (!reader.at_end()) {
      const auto before = static_cast<Count>(read.size());
      const Count wanted = random.between(1, 20);
      reader.take(wanted, keep);
      ASSERT_EQ(static_cast<Count>(read.size()), std::min(before + wanted, stream.count()));
    }
    ASSERT_EQ(read, times);
  });
}

TEST(Stream, count_before_counts_the_items_of_earlier_cycles) {
  for_draws(110'001, [](SplitMix64& random) {
    const Times times = random_times(random);
    const Stream stream = Stream::of(times);
    for (Cycle time = 0; time < 120; ++time)
      ASSERT_EQ(stream.count_before(time), std::ranges::lower_bound(times, time) - times.begin()) << "before " << time;
  });
}

TEST(Stream, appended_to_another_comes_after_it) {
  for_draws(120'001, [](SplitMix64& random) {
    Times times = random_times(random);
    const auto split = times.begin() + random.between(0, static_cast<std::int64_t>(times.size()));
    Stream stream = Stream::of(Times(times.begin(), split));
    stream.append(Stream::of(Times(split, times.end())));
    ASSERT_EQ(stream.times(), times);
  });
}

TEST(Stream, join_has_each_item_when_both_are_there) {
  for_draws(40'001, [](SplitMix64& random) {
    const std::int64_t count = random.between(0, 60);
    const Times a = random_times(random, count);
    const Times b = random_times(random, count);
    Times expected(a.size());
    std::ranges::transform(a, b, expected.begin(), [](Cycle x, Cycle y) { return std::max(x, y); });
    ASSERT_EQ(join(Stream::of(a), Stream::of(b)).times(), expected);
  });
}

TEST(Stream, join_refuses_streams_of_unequal_length) {
  EXPECT_THROW(join(Stream::regular(1, 1, 3), Stream::regular(1, 1, 4)), Error);
}

TEST(Stream, merge_has_all_items_in_order_of_arrival) {
  for_draws(50'001, [](SplitMix64& random) {
    std::vector<Stream> streams;
    Times expected;
    for (std::int64_t n = random.between(0, 5); n > 0; --n) {
      const Times times = random_times(random);
      streams.push_back(Stream::of(times));
      expected.insert(expected.end(), times.begin(), times.end());
    }
    std::ranges::sort(expected);
    ASSERT_EQ(merge(streams).times(), expected);
  });
}

TEST(Stream, operations_in_a_chain_equal_the_same_chain_on_lists) {
  for_draws(60'001, [](SplitMix64& random) {
    const std::int64_t count = 4 * random.between(1, 12);
    Stream stream = Stream::of(random_times(random, count));
    for (int i = 0; i < 4; ++i) {
      const Times other = random_times(random, count);
      const Cycle service = random.between(0, 3);
      const Stream compressed = join(stream, Stream::of(other)).served(service).delayed(1);
      const Stream recompressed = join(Stream::of(stream.times()), Stream::of(other)).served(service).delayed(1);
      ASSERT_EQ(compressed.times(), recompressed.times());
      ASSERT_TRUE(std::ranges::is_sorted(compressed.times()));
      stream = compressed;
    }
  });
}

TEST(Stream, of_a_regular_list_is_one_piece_however_long) {
  Times times(100'000);
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = static_cast<Cycle>(3 * i);
  EXPECT_EQ(Stream::of(times).pieces().size(), 1U);
}

TEST(Stream, operations_on_regular_streams_stay_short) {
  const Stream billion = Stream::regular(1, 1, 1'000'000'000);
  EXPECT_EQ(billion.delayed(7).pieces().size(), 1U);
  EXPECT_EQ(billion.every(1000).pieces().size(), 1U);
  EXPECT_EQ(billion.served(5).pieces().size(), 1U);
  EXPECT_LE(join(billion.served(5), Stream::regular(500, 1, 1'000'000'000)).pieces().size(), 2U);
  EXPECT_EQ(billion.served(5).last(), 1 + 5 * std::int64_t{999'999'999});
}

TEST(Stream, pieces_of_equal_pace_become_one) {
  const Stream interleaved[] = {Stream::regular(1, 2, 50), Stream::regular(2, 2, 50)};
  EXPECT_EQ(merge(interleaved), Stream::regular(1, 1, 100));
}

}  // namespace
}  // namespace cairn::kernel
