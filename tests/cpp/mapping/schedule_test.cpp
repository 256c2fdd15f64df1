// The schedules of a sparse machine: permutations all, the reference's algorithm to the letter, and a better one.
#include "mapping/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "harness/draws.h"

namespace cairn::mapping {
namespace {

using testing::SplitMix64;
using Vectors = std::vector<std::int64_t>;

struct Drawn {
  std::int64_t multipliers;
  Vectors sizes;
};

// Few or many sizes, some of nothing and some larger than the machine.
Drawn draw(SplitMix64& random, std::int64_t most) {
  Drawn drawn{random.between(2, 40), {}};
  const std::int64_t largest = random.one_in(4) ? 2 * drawn.multipliers : random.between(1, drawn.multipliers);
  const std::int64_t smallest = random.between(0, largest);
  drawn.sizes.resize(static_cast<std::size_t>(random.between(0, most)));
  for (std::int64_t& size : drawn.sizes) size = random.between(smallest, largest);
  return drawn;
}

Packing packed(Schedule policy, const Drawn& drawn) {
  return pack(schedule(policy, drawn.sizes, drawn.multipliers, 1), drawn.sizes, drawn.multipliers);
}

// The algorithm of the reference as its behaviour is described: n searches of n vectors.
Vectors literal(Vectors size, std::int64_t multipliers) {
  const std::size_t n = size.size();
  Vectors id(n);
  std::iota(id.begin(), id.end(), 0);
  std::size_t front = 0;
  const auto bring = [&](std::size_t i) {
    std::swap(size[i], size[front]);
    std::swap(id[i], id[front++]);
  };
  for (std::size_t i = 0; i < n; ++i) {
    if (size[i] > multipliers) bring(i);
  }
  for (std::int64_t used = 0; front < n;) {
    std::size_t found = n;
    for (std::size_t i = front; i < n; ++i) {
      if (size[i] + used <= multipliers && (found == n || size[i] > size[found])) found = i;
    }
    used = found == n ? 0 : used + size[found];
    if (found < n) bring(found);
  }
  return id;
}

TEST(Schedule, of_every_policy_holds_every_vector_once) {
  testing::for_draws(1, [](SplitMix64& random) {
    const Drawn drawn = draw(random, 60);
    Vectors all(drawn.sizes.size());
    std::iota(all.begin(), all.end(), 0);
    for (const Schedule policy : {Schedule::none, Schedule::random, Schedule::largest, Schedule::fullest}) {
      Vectors order = schedule(policy, drawn.sizes, drawn.multipliers, random.next());
      if (policy == Schedule::none) {
        ASSERT_EQ(order, all) << "as the model has them";
      }
      std::sort(order.begin(), order.end());
      ASSERT_EQ(order, all) << "policy " << static_cast<int>(policy);
    }
  });
}

TEST(Schedule, largest_is_the_order_of_the_reference) {
  testing::for_draws(10'001, [](SplitMix64& random) {
    const Drawn drawn = draw(random, 60);
    ASSERT_EQ(schedule(Schedule::largest, drawn.sizes, drawn.multipliers, 1), literal(drawn.sizes, drawn.multipliers));
  });
}

TEST(Schedule, largest_takes_no_more_folds_than_first_fit_decreasing_may) {
  testing::for_draws(20'001, [](SplitMix64& random) {
    const Drawn drawn = draw(random, 60);
    // Any order takes at least as many folds as the best, and first fit decreasing 11/9 of those and 6/9.
    for (const Schedule policy : {Schedule::none, Schedule::random}) {
      ASSERT_LE(9 * packed(Schedule::largest, drawn).folds, 11 * packed(policy, drawn).folds + 6);
    }
  });
}

TEST(Schedule, fullest_takes_no_more_folds_than_largest) {
  testing::for_draws(30'001, [](SplitMix64& random) {
    const Drawn drawn = draw(random, 60);
    const Packing largest = packed(Schedule::largest, drawn);
    const Packing fullest = packed(Schedule::fullest, drawn);
    ASSERT_LE(fullest.folds, largest.folds);
    ASSERT_EQ(fullest.occupied, largest.occupied);
    ASSERT_GE(fullest.filled(drawn.multipliers), largest.filled(drawn.multipliers));
    ASSERT_LE(fullest.filled(drawn.multipliers), 1.0);
  });
}

TEST(Schedule, fullest_is_nearly_always_the_best_order_of_few_vectors) {
  std::int64_t folds = 0;
  std::int64_t least = 0;
  testing::for_draws(40'001, [&](SplitMix64& random) {
    const Drawn drawn = draw(random, 7);
    Vectors order(drawn.sizes.size());
    std::iota(order.begin(), order.end(), 0);
    std::int64_t best = pack(order, drawn.sizes, drawn.multipliers).folds;
    while (std::next_permutation(order.begin(), order.end())) {
      best = std::min(best, pack(order, drawn.sizes, drawn.multipliers).folds);
    }
    const std::int64_t found = packed(Schedule::fullest, drawn).folds;
    ASSERT_GE(found, best);
    ASSERT_LE(found, best + 1);
    folds += found;
    least += best;
  });
  EXPECT_LT(1000 * (folds - least), least) << folds << " folds where " << least << " do";
}

TEST(Schedule, fullest_fills_what_largest_leaves_empty) {
  // Beside 5 goes 4 as the largest that fits, then nothing fits the last place; 3 and 2 fill it.
  const Drawn drawn{10, {4, 3, 2, 5, 2, 4}};
  EXPECT_EQ(packed(Schedule::largest, drawn), (Packing{3, 20}));
  EXPECT_EQ(packed(Schedule::fullest, drawn), (Packing{2, 20}));
  EXPECT_EQ(schedule(Schedule::fullest, drawn.sizes, 10, 1), (Vectors{3, 2, 1, 0, 4, 5}));
}

TEST(Schedule, random_depends_on_the_seed_alone) {
  Vectors sizes(50, 3);
  const Vectors first = schedule(Schedule::random, sizes, 8, 1);
  EXPECT_EQ(first, schedule(Schedule::random, sizes, 8, 1));
  EXPECT_NE(first, schedule(Schedule::random, sizes, 8, 2));
  sizes.assign(50, 5);
  EXPECT_EQ(first, schedule(Schedule::random, sizes, 16, 1)) << "not on the vectors";
}

TEST(Schedule, random_puts_every_vector_everywhere) {
  constexpr std::size_t kCount = 5;
  std::vector<Vectors> seen(kCount, Vectors(kCount, 0));
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    const Vectors order = schedule(Schedule::random, Vectors(kCount, 1), 8, seed);
    for (std::size_t at = 0; at < kCount; ++at) ++seen[at][static_cast<std::size_t>(order[at])];
  }
  for (const Vectors& counts : seen) {
    for (const std::int64_t count : counts) EXPECT_NEAR(static_cast<double>(count), 1000, 150);
  }
}

TEST(Pack, puts_a_vector_into_the_fold_before_if_it_fits) {
  EXPECT_EQ(pack({}, {}, 8), (Packing{0, 0}));
  EXPECT_EQ(pack({0, 1, 2}, {3, 5, 1}, 8), (Packing{2, 9}));
  EXPECT_EQ(pack({0, 2, 1}, {3, 5, 1}, 8), (Packing{2, 9})) << "3 + 1, then 5";
  EXPECT_EQ(pack({1, 0, 2, 3}, {3, 5, 0, 0}, 8), (Packing{1, 8})) << "what has no non-zeros takes no room";
}

TEST(Pack, folds_a_vector_larger_than_the_machine_alone) {
  EXPECT_EQ(pack({0}, {8}, 8).folds, 1);
  EXPECT_EQ(pack({0}, {9}, 8).folds, 2);
  EXPECT_EQ(pack({0}, {15}, 8).folds, 2) << "8 and 7, with a partial sum beside them";
  EXPECT_EQ(pack({0}, {16}, 8).folds, 3);
  EXPECT_EQ(pack({0, 1, 2}, {1, 9, 1}, 8).folds, 4);
  EXPECT_EQ(pack({0}, {3}, 1).folds, 3);
}

TEST(Pack, tells_how_full_the_folds_are) {
  EXPECT_DOUBLE_EQ(pack({0, 1, 2}, {3, 5, 4}, 8).filled(8), 0.75);
  EXPECT_DOUBLE_EQ(Packing{}.filled(8), 0);
}

// Layers far larger than there are.
TEST(Schedule, of_a_hundred_thousand_vectors_takes_no_time) {
  SplitMix64 random(1);
  for (const std::int64_t multipliers : {256, 65'535}) {
    for (const std::int64_t step : {1, 2}) {
      Drawn drawn{multipliers, Vectors(100'000)};
      // Sums of even numbers never fill an odd room: the search for the best goes on until it is stopped.
      for (std::int64_t& size : drawn.sizes) size = step * random.between(1, multipliers / step / 2);
      EXPECT_LE(packed(Schedule::fullest, drawn).folds, packed(Schedule::largest, drawn).folds);
    }
  }
}

}  // namespace
}  // namespace cairn::mapping
