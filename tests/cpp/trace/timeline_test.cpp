// The timeline in text: its signs, its ruler, and what happens to runs that are too long for a column a cycle.
#include "trace/timeline.h"

#include <gtest/gtest.h>

#include "trace/script.h"

namespace cairn::testing {
namespace {

// The timeline of a script, less the legend.
std::string drawn(const std::string& signs, const std::vector<Cycle>& rounds, Cycle from = 1) {
  trace::Timeline timeline;
  trace::Recorder recorder("l", script_parts(), from, 1 << 30, {&timeline});
  play(signs, recorder, rounds);
  timeline.layer_ends(std::ssize(signs));
  const std::string text = timeline.text();
  return text.substr(0, text.find("\n1-9, a-z"));
}

TEST(Timeline, draws_work_waiting_and_rounds_in_their_cycles) {
  EXPECT_EQ(drawn("3.0 9..  1 2", {1, 5, 7}),
            "l: cycles 1 to 12 of 12, a column a cycle\n\n"
            "cycle            1         11\n"
            "round            |1  |2|3\n"
            "distribution     3.- 9..  1 2\n");
}

TEST(Timeline, numbers_only_rounds_that_have_room_for_it) {
  EXPECT_EQ(drawn("1111", {1, 2, 3}),
            "l: cycles 1 to 4 of 4, a column a cycle\n\n"
            "cycle            1\n"
            "round            |||3\n"
            "distribution     1111\n");
}

TEST(Timeline, begins_its_ruler_at_the_first_cycle_that_is_recorded) {
  EXPECT_EQ(drawn("123456789123456", {1}, 4),
            "l: cycles 4 to 15 of 15, a column a cycle\n\n"
            "cycle            4         14\n"
            "round            |1\n"
            "distribution     456789123456\n");
}

// Four lines of 80 columns hold 320 cycles; one more, and neighbours become one column: their mean, rounded up.
TEST(Timeline, puts_neighbours_in_one_column_where_a_run_is_long) {
  const std::string text = drawn("14" + std::string(317, '.') + "0" + "5", {1, 321});
  EXPECT_EQ(text.substr(0, text.find("\n")), "l: cycles 1 to 321 of 321, a column for 2 cycles");
  const auto row = [](int columns) {
    return "distribution     " + std::string(static_cast<std::size_t>(columns), '.');
  };
  EXPECT_EQ(text.substr(text.find("\n")),
            "\n\ncycle            1         21        41        61        81        101       121       141\n"
            "round            |1\n"
            "distribution     3" +
                row(79).substr(17) +
                "\n"
                "\ncycle            161       181       201       221       241       261       281       301\n"
                "round\n" +
                row(79) +
                "-\n"
                "\ncycle            321\n"
                "round            |2\n"
                "distribution     3\n");
}

}  // namespace
}  // namespace cairn::testing
