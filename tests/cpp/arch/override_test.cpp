// Overrides: "--set slot.parameter=value", read by the rules of the description itself.
#include <gtest/gtest.h>

#include "arch/texts.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

void expect_refused(const std::string& path, const std::string& value, const std::string& code,
                    const std::string& message, const std::string& remedy) {
  SCOPED_TRACE(path + "=" + value);
  expect_fault([&] { parsed(kMachineText, {{path, value}}); }, code, "--set " + path + "=" + value, message, remedy);
}

TEST(Override, replaces_integers_booleans_and_choices) {
  const arch::Machine machine =
      parsed(kMachineText, {{"multiplier.rows", "8"}, {"memory.count_setup", "false"}, {"writeback.drain", "all"}});
  EXPECT_EQ(machine.part("multiplier").integer("rows"), 8);
  EXPECT_FALSE(machine.part("memory").flag("count_setup"));
  EXPECT_EQ(machine.part("writeback").word("drain"), "all");
}

TEST(Override, that_comes_last_wins) {
  EXPECT_EQ(
      parsed(kMachineText, {{"multiplier.rows", "8"}, {"multiplier.rows", "9"}}).part("multiplier").integer("rows"), 9);
}

TEST(Override, of_a_type_starts_from_the_defaults_of_the_new_part) {
  const arch::Machine machine = parsed(with_line(15, "type = \"bus\"\nlatency = 7"), {{"collection.type", "shift"}});
  EXPECT_EQ(machine.part("collection").type, "shift");
  EXPECT_EQ(machine.part("collection").integer("latency"), 0);
  EXPECT_FALSE(machine.part("collection").values.contains("lines"));
}

TEST(Override, of_a_type_comes_first_wherever_it_is_given) {
  const arch::Machine machine = parsed(kMachineText, {{"collection.latency", "7"}, {"collection.type", "shift"}});
  EXPECT_EQ(machine.part("collection").type, "shift");
  EXPECT_EQ(machine.part("collection").integer("latency"), 7);
}

TEST(Override, knows_the_parameters_of_the_type_that_is_there_by_then) {
  EXPECT_EQ(parsed(kMachineText, {{"collection.type", "direct"}, {"collection.latency", "2"}})
                .part("collection")
                .integer("latency"),
            2);
  expect_fault(
      [] {
        parsed(kMachineText, {{"collection.type", "direct"}, {"collection.lines", "2"}});
      },
      "E103", "--set collection.lines=2", "unknown key 'lines' in [collection] of type direct",
      "one of: type, latency");
}

TEST(Override, without_slot_and_parameter_is_refused) {
  expect_refused("rows", "8", "E103", "'rows' is not slot.parameter",
                 "one of: memory, distribution, multiplier, reduction, collection, writeback");
  expect_refused("multiplyer.rows", "8", "E103", "'multiplyer.rows' is not slot.parameter",
                 "did you mean 'multiplier'?");
  EXPECT_EQ(names(faults([] { parsed(kMachineText, {{"", ""}}); })), (std::vector<std::string>{"E103"}));
  EXPECT_EQ(names(faults([] { parsed(kMachineText, {{"multiplier.", "1"}}); })), (std::vector<std::string>{"E103"}));
}

TEST(Override, of_an_unknown_parameter_is_refused) {
  expect_refused("multiplier.rowz", "8", "E103", "unknown key 'rowz' in [multiplier] of type mesh",
                 "did you mean 'rows'?");
}

TEST(Override, of_the_wrong_type_is_refused) {
  for (const char* value : {"eight", "8.5", "", "8 ", "true", "99999999999999999999"}) {
    expect_refused("multiplier.rows", value, "E104", "'rows' must be of type integer", "for instance rows = 16");
  }
  expect_refused("memory.overlap", "1", "E104", "'overlap' must be of type boolean", "for instance overlap = false");
}

TEST(Override, out_of_range_is_refused) {
  expect_refused("multiplier.rows", "0", "E105", "rows = 0 is out of range", "1 to 1024 elements");
}

TEST(Override, to_an_unknown_name_is_refused) {
  expect_refused("writeback.drain", "haf", "E107", "unknown drain 'haf'", "did you mean 'half'?");
  expect_refused("collection.type", "drect", "E107", "unknown type 'drect' for [collection]", "did you mean 'direct'?");
}

TEST(Override, faults_are_told_together_with_those_of_the_text) {
  EXPECT_EQ(places(faults([] {
              parsed(with_line(7, "setup_cycles = -1"), {{"multiplier.rows", "0"}, {"x", "1"}});
            })),
            (std::vector<std::string>{"E105 m.toml:7:1", "E105 --set multiplier.rows=0", "E103 --set x=1"}));
}

TEST(Override, of_a_part_whose_table_is_faulty_adds_no_second_fault) {
  EXPECT_EQ(names(faults([] {
              parsed(with_line(15, "type = \"x\""), {{"collection.lines", "0"}});
            })),
            (std::vector<std::string>{"E107"}));
}

}  // namespace
}  // namespace cairn::testing
