// Counter trees: sums that refuse to wrap, and conservation laws.
#include "stats/counters.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "harness/faults.h"

namespace cairn::stats {
namespace {

using testing::faults;
using testing::names;

TEST(Counters, accumulate_as_often_as_asked) {
  CounterTree total{{"mesh", {{"hops", 5}}}};
  accumulate(total, {{"mesh", {{"hops", 7}, {"pops", 1}}}, {"bus", {{"results", 2}}}}, 3);
  EXPECT_EQ(total, (CounterTree{{"mesh", {{"hops", 26}, {"pops", 3}}}, {"bus", {{"results", 6}}}}));
  accumulate(total, total, -1);
  EXPECT_EQ(total, (CounterTree{{"mesh", {{"hops", 0}, {"pops", 0}}}, {"bus", {{"results", 0}}}}));
}

TEST(Counters, that_would_wrap_are_refused_by_name) {
  CounterTree total{{"mesh", {{"hops", INT64_MAX}}}};
  const auto add = [&](Count value, Count times) {
    return faults([&] { accumulate(total, {{"mesh", {{"hops", value}}}}, times); });
  };
  EXPECT_TRUE(add(0, INT64_MAX).empty());
  const std::vector<Diagnostic> found = add(1, 1);
  ASSERT_EQ(names(found), (std::vector<std::string>{"U203"}));
  EXPECT_EQ(found[0].place, "mesh.hops");
  total["mesh"]["hops"] = 0;
  EXPECT_EQ(names(add(std::int64_t{1} << 32, std::int64_t{1} << 32)), (std::vector<std::string>{"U203"}));
}

TEST(Conservation, holds_where_the_sums_of_both_sides_are_equal) {
  const CounterTree counters{{"a", {{"out", 5}, {"lost", 1}}}, {"b", {{"in", 3}, {"back", 3}}}};
  EXPECT_NO_THROW(check_conservation(counters, {{"words", {"a.out", "a.lost"}, {"b.in", "b.back"}}}));
  EXPECT_NO_THROW(check_conservation(counters, {}));
}

TEST(Conservation, that_is_broken_is_an_internal_error_that_names_the_law) {
  const CounterTree counters{{"a", {{"out", 5}}}, {"b", {{"in", 4}}}};
  testing::expect_fault(
      [&] {
        check_conservation(counters, {{"every word arrives", {"a.out"}, {"b.in"}}});
      },
      "I001", "conservation", "every word arrives: 5 on one side, 4 on the other",
      "please report this, with the command that led here");
}

}  // namespace
}  // namespace cairn::stats
