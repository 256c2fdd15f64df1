// The recorder: what it makes of a machine that is clocked, which cycles it takes, and when it ends the run.
#include "trace/recorder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fabric/part.h"
#include "trace/script.h"

namespace cairn::testing {
namespace {

using Lines = std::vector<std::string>;

class Notes final : public trace::Sink {
 public:
  explicit Notes(std::size_t room = 1000) : room_(room) {}
  void layer_begins(const std::string& name, const trace::Layout&) override { lines.push_back("layer " + name); }
  void round_begins(Cycle cycle, std::span<const kernel::Fact> facts) override {
    lines.push_back(fmt::format("{} {} at {}", facts[0].first, facts[0].second, cycle));
  }
  bool take(const trace::Sample& sample) override {
    const trace::Sample::Part& part = sample.parts.at(0);
    const char* states[] = {"idle", "waits for ", "busy"};
    lines.push_back(fmt::format("{}: {}{} {} {} {}", sample.cycle, states[static_cast<int>(part.state)], part.reason,
                                part.counted.at(0), part.counted.at(1), part.work));
    return lines.size() < room_;
  }
  void layer_ends(Cycle) override {}
  Lines lines;

 private:
  std::size_t room_;
};

TEST(Recorder, tells_what_a_part_did_counted_and_waits_for_in_every_cycle) {
  Notes notes;
  trace::Recorder recorder("l", script_parts(), 1, 100, {&notes});
  play("3.0 2", recorder);
  EXPECT_EQ(notes.lines, (Lines{"layer l", "round 1 at 1", "1: busy 3 6 3", "2: waits for words, of lines 0 0 0",
                                "3: busy 0 0 0", "4: idle 0 0 0", "5: busy 2 4 2"}));
  EXPECT_EQ(recorder.first(), 1);
  EXPECT_EQ(recorder.last(), 5);
}

TEST(Recorder, takes_a_window_and_ends_the_run_after_it) {
  Notes notes;
  trace::Recorder recorder("l", script_parts(), 3, 4, {&notes});
  EXPECT_THROW(play("12345", recorder, {1, 2, 4}), trace::Ended);
  EXPECT_EQ(notes.lines, (Lines{"layer l", "round 2 at 3", "3: busy 3 6 3", "round 3 at 4", "4: busy 4 8 4"}));
  EXPECT_EQ(recorder.first(), 3);
  EXPECT_EQ(recorder.last(), 4);
}

TEST(Recorder, takes_nothing_of_a_run_that_ends_before_the_window) {
  Notes notes;
  trace::Recorder recorder("l", script_parts(), 6, 9, {&notes});
  play("12345", recorder);
  EXPECT_EQ(notes.lines, Lines{"layer l"});
  EXPECT_EQ(recorder.last(), 0);
}

// What is counted in cycles that are not is told with the first that is.
TEST(Recorder, numbers_cycles_from_the_first_that_the_measurement_counts) {
  Notes notes;
  trace::Recorder recorder("l", script_parts(), 1, 2, {&notes});
  EXPECT_THROW(play("12345", recorder, {1}, 2), trace::Ended);
  EXPECT_EQ(notes.lines, (Lines{"layer l", "round 1 at 1", "1: busy 6 12 6", "2: busy 4 8 4"}));
}

TEST(Recorder, ends_the_run_when_one_of_its_sinks_is_full) {
  Notes endless;
  Notes small(4);
  trace::Recorder recorder("l", script_parts(), 1, 100, {&small, &endless});
  EXPECT_THROW(play("12345", recorder), trace::Ended);
  EXPECT_EQ(endless.lines, small.lines);
  EXPECT_EQ(recorder.last(), 2);
}

TEST(Recorder, finds_a_counter_that_tells_the_work_of_every_part) {
  for (const fabric::PartInfo& part : fabric::parts()) {
    EXPECT_TRUE(std::ranges::any_of(part.info.counters,
                                    [&](const auto& each) { return trace::tells_work(part.info.slot, each.name); }))
        << part.info.slot << " " << part.info.type;
  }
}

}  // namespace
}  // namespace cairn::testing
