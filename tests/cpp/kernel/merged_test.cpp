// Many sources at one server, against the same on plain lists: order, patterns that repeat, and what skipping them
// leaves out.
#include "kernel/merged.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/draws.h"
#include "harness/random.h"
#include "harness/runs.h"

namespace cairn::kernel {
namespace {

using testing::for_draws;
using testing::SplitMix64;

struct Item {
  Cycle time;
  int source;
  auto operator<=>(const Item&) const = default;
};

// Sources that go on in the same pace for long, so that patterns arise, with now and then a burst, a pause, a change.
// `steps` are the paces to choose from.
Stream random_source(SplitMix64& random, const std::vector<Cycle>& steps) {
  Stream stream;
  Cycle now = random.between(0, 30);
  for (std::int64_t n = random.between(0, 4); n > 0; --n) {
    const Cycle step = steps[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(steps.size()) - 1))];
    const Piece piece{now, random.one_in(8) ? 0 : step,
                      random.one_in(4) ? random.between(1, 4) : random.between(5, 150)};
    stream.append(piece);
    now = piece.last() + random.between(0, 2 * step);
  }
  return stream;
}

// Paces of all sources alike, of a few, or any: with up to 6 sources the server is idle now and then, just keeps up, or
// falls behind and catches up later.
std::vector<Stream> random_sources(SplitMix64& random) {
  std::vector<Cycle> steps;
  for (std::int64_t n = random.between(1, 3); n > 0; --n) steps.push_back(random.between(1, 8));
  std::vector<Stream> sources;
  for (std::int64_t n = random.between(1, 6); n > 0; --n) sources.push_back(random_source(random, steps));
  return sources;
}

std::vector<Item> in_order(const std::vector<Stream>& sources) {
  std::vector<Item> items;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (const Cycle time : sources[i].times()) items.push_back({time, static_cast<int>(i)});
  }
  std::ranges::stable_sort(items);
  return items;
}

TEST(Merged, gives_the_items_of_all_sources_in_order_of_arrival) {
  for_draws(1, [](SplitMix64& random) {
    const std::vector<Stream> sources = random_sources(random);
    Merged merged(sources);
    for (const Item& expected : in_order(sources)) {
      ASSERT_FALSE(merged.empty());
      ASSERT_EQ((Item{merged.next(), merged.source()}), expected);
      merged.pop();
    }
    ASSERT_TRUE(merged.empty());
  });
}

TEST(Merged, finds_only_patterns_that_hold_and_skips_exactly_their_items) {
  for_draws(10'001, [](SplitMix64& random) {
    const std::vector<Stream> sources = random_sources(random);
    const std::vector<Item> items = in_order(sources);
    Merged merged(sources);
    std::size_t at = 0;
    while (at < items.size()) {
      ASSERT_EQ((Item{merged.next(), merged.source()}), items[at]);
      const Merged::Pattern pattern = merged.pattern();
      if (pattern.times == 0 || random.one_in(3)) {
        merged.pop();
        ++at;
        continue;
      }
      ASSERT_GE(pattern.times, 2);
      const auto repeats = static_cast<std::size_t>(pattern.items);
      for (std::size_t i = at; i < at + repeats * static_cast<std::size_t>(pattern.times - 1); ++i)
        ASSERT_EQ(items.at(i + repeats), (Item{items[i].time + pattern.period, items[i].source})) << "item " << i;
      const Count periods = random.between(0, pattern.times);
      merged.skip(pattern, periods);
      at += repeats * static_cast<std::size_t>(periods);
      ASSERT_EQ(merged.empty(), at == items.size());
    }
  });
}

TEST(Merged, finds_the_pattern_of_sources_of_different_pace) {
  const Stream sources[] = {Stream::regular(10, 2, 300), Stream::regular(11, 3, 200), Stream::regular(5000, 1, 9)};
  const Merged::Pattern pattern = Merged(sources).pattern();
  EXPECT_EQ(pattern.period, 6);
  EXPECT_EQ(pattern.items, 3 + 2);
  EXPECT_EQ(pattern.times, (10 + 2 * 299 - 10) / 6) << "until one of them ends";
}

TEST(Merged, finds_no_pattern_in_bursts_or_where_a_source_is_about_to_end) {
  const Stream burst[] = {Stream::regular(10, 0, 300), Stream::regular(10, 3, 200)};
  EXPECT_EQ(Merged(burst).pattern().times, 0);
  const Stream ending[] = {Stream::regular(10, 2, 1), Stream::regular(10, 3, 200)};
  EXPECT_EQ(Merged(ending).pattern().times, 0);
}

TEST(Arbitrate, serves_one_item_a_cycle_in_order_of_arrival) {
  for_draws(20'001, [](SplitMix64& random) {
    const std::vector<Stream> sources = random_sources(random);
    Cycle free_at = random.one_in(2) ? 0 : random.between(0, 200);
    const std::vector<Stream> sent = arbitrate(sources, free_at);
    std::vector<std::vector<Cycle>> expected(sources.size());
    for (const Item& item : in_order(sources)) {
      const Cycle leaves = std::max(item.time, free_at);
      free_at = leaves + 1;
      expected[static_cast<std::size_t>(item.source)].push_back(leaves);
    }
    ASSERT_EQ(sent.size(), sources.size());
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(sent[i].times(), expected[i]) << "source " << i;
  });
}

TEST(Arbitrate, takes_turns_where_all_come_at_once) {
  const Stream sources[] = {Stream::regular(1, 4, 3), Stream::regular(1, 4, 3), Stream::regular(1, 4, 3)};
  const std::vector<Stream> sent = arbitrate(sources, 0);
  EXPECT_EQ(sent[0].times(), (std::vector<Cycle>{1, 5, 9}));
  EXPECT_EQ(sent[2].times(), (std::vector<Cycle>{3, 7, 11}));
}

TEST(Arbitrate, counts_long_patterns_whether_the_server_keeps_up_or_not) {
  constexpr Count kItems = 1'000'000'000;
  const Stream idle[] = {Stream::regular(1, 4, kItems), Stream::regular(1, 4, kItems)};
  EXPECT_EQ(arbitrate(idle, 0)[1].last(), 2 + 4 * (kItems - 1));
  const Stream overload[] = {Stream::regular(1, 1, kItems), Stream::regular(1, 1, kItems)};
  const std::vector<Stream> sent = arbitrate(overload, 0);
  EXPECT_EQ(std::max(sent[0].last(), sent[1].last()), 2 * kItems);
  const Stream catching_up[] = {Stream::regular(1, 0, 1000), Stream::regular(1, 2, kItems)};
  EXPECT_EQ(arbitrate(catching_up, 0)[1].last(), 1 + 2 * (kItems - 1));
}

}  // namespace
}  // namespace cairn::kernel
