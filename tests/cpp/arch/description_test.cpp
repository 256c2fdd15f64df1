// Machine descriptions: what is understood, and how each kind of fault is told, with code, place and remedy.
#include <gtest/gtest.h>

#include <algorithm>

#include "arch/texts.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

void expect_fault_in(const std::string& text, const std::string& code, const std::string& place,
                     const std::string& message, const std::string& remedy) {
  SCOPED_TRACE(text);
  expect_fault([&] { parsed(text); }, code, place, message, remedy);
}

TEST(Description, is_read_and_completed_with_defaults) {
  const arch::Machine machine = parsed(kMachineText);
  EXPECT_EQ(machine.name, "m");
  EXPECT_EQ(machine.summary, "s");
  EXPECT_EQ(machine.follows, "f");
  EXPECT_EQ(machine.part("memory").integer("setup_cycles"), 2);
  EXPECT_FALSE(machine.part("memory").flag("overlap"));
  EXPECT_TRUE(machine.part("memory").flag("count_setup"));
  EXPECT_EQ(machine.part("distribution").integer("bandwidth"), 0);
  EXPECT_EQ(machine.part("multiplier").integer("rows"), 16);
  EXPECT_EQ(machine.part("multiplier").integer("columns"), 16);
  EXPECT_EQ(machine.part("collection").type, "bus");
  EXPECT_EQ(machine.part("collection").integer("lines"), 0);
  EXPECT_EQ(machine.part("writeback").word("drain"), "half");
}

TEST(Description, holds_every_declared_parameter_of_every_part) {
  for (const schema::ComponentInfo& component : fabric::catalog()) {
    arch::Overrides overrides{{component.slot + ".type", component.type}};
    // Which every controller of a flexible machine takes.
    if (component.slot == "memory" && component.family == "flexible")
      overrides.emplace_back("multiplier.type", "disabled");
    // An array that holds an operand is one in all of these.
    const arch::Overrides holds{
        {"memory.type", "systolic-stationary"}, {"multiplier.type", "stationary-mesh"}, {"reduction.type", "column"}};
    if (std::ranges::find(holds, overrides.front()) != holds.end()) overrides = holds;
    const arch::Machine machine = parsed(text_for(component.family), overrides);
    const arch::Part& part = machine.part(component.slot);
    ASSERT_EQ(part.values.size(), component.parameters.size());
    for (const schema::Parameter& p : component.parameters) {
      EXPECT_EQ(part.values.at(p.name).index(), p.initial.index()) << component.type << "." << p.name;
      EXPECT_FALSE(p.doc.empty()) << component.type << "." << p.name;
    }
  }
}

TEST(Description, tells_the_systolic_array_to_the_mapping) {
  const arch::SystolicArray array =
      arch::systolic_array(parsed(kMachineText, {{"multiplier.rows", "3"}, {"multiplier.columns", "5"}}));
  EXPECT_EQ(array.rows, 3);
  EXPECT_EQ(array.columns, 5);
  EXPECT_FALSE(array.overlapped);
  EXPECT_FALSE(array.whole);
  EXPECT_FALSE(array.holds);
}

TEST(Description, tells_the_operand_that_stays_to_the_mapping) {
  const arch::Overrides holds{{"memory.type", "systolic-stationary"},
                              {"memory.whole_array", "true"},
                              {"multiplier.type", "stationary-mesh"},
                              {"reduction.type", "column"}};
  const arch::SystolicArray weights = arch::systolic_array(parsed(kMachineText, holds));
  EXPECT_TRUE(weights.holds);
  EXPECT_TRUE(weights.whole);
  EXPECT_FALSE(weights.stationary_inputs);
  arch::Overrides other = holds;
  other.emplace_back("memory.stationary", "inputs");
  EXPECT_TRUE(arch::systolic_array(parsed(kMachineText, other)).stationary_inputs);
}

TEST(Description, with_a_syntax_error_is_refused_at_line_and_column) {
  const std::vector<Diagnostic> found = faults([] { parsed(with_line(7, "setup_cycles = = 2")); });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code, Code::syntax);
  EXPECT_EQ(found[0].place.find("m.toml:7:1"), 0U) << found[0].place;
  EXPECT_FALSE(found[0].message.empty());
  EXPECT_EQ(found[0].remedy, "key = value under [slot] tables; see presets/ for examples");
}

TEST(Description, with_a_key_twice_is_a_syntax_error) {
  EXPECT_EQ(names(faults([] { parsed(with_line(8, "setup_cycles = 3\n[distribution]")); })),
            (std::vector<std::string>{"E102"}));
}

TEST(Description, with_an_unknown_key_at_the_top_is_refused) {
  expect_fault_in(with_line(4, "sumary = \"x\""), "E103", "m.toml:4:1", "unknown key 'sumary'",
                  "did you mean 'summary'?");
}

TEST(Description, with_an_unknown_table_is_refused) {
  expect_fault_in(kMachineText + "[multiplexer]\n", "E103", "m.toml:18:2", "unknown table 'multiplexer'",
                  "did you mean 'multiplier'?");
}

TEST(Description, with_an_unknown_key_in_a_part_is_refused) {
  expect_fault_in(with_line(12, "  rowz = 4\n[reduction]"), "E103", "m.toml:12:3",
                  "unknown key 'rowz' in [multiplier] of type mesh", "did you mean 'rows'?");
  expect_fault_in(with_line(12, "elephants = 4\n[reduction]"), "E103", "m.toml:12:1",
                  "unknown key 'elephants' in [multiplier] of type mesh",
                  "one of: type, rows, columns, latency, queue_depth");
}

TEST(Description, with_a_value_of_the_wrong_type_is_refused) {
  for (const char* value : {"\"2\"", "true", "2.0", "[2]", "1979-05-27", "{ a = 1 }"}) {
    expect_fault_in(with_line(7, std::string("setup_cycles = ") + value), "E104", "m.toml:7:1",
                    "'setup_cycles' must be of type integer", "for instance setup_cycles = 1");
  }
  for (const char* value : {"\"true\"", "1", "1.5"}) {
    expect_fault_in(with_line(7, std::string("overlap = ") + value), "E104", "m.toml:7:1",
                    "'overlap' must be of type boolean", "for instance overlap = false");
  }
  for (const char* value : {"true", "1"}) {
    expect_fault_in(kMachineText + "drain = " + value, "E104", "m.toml:18:1", "'drain' must be of type choice",
                    "for instance drain = \"half\"");
  }
}

TEST(Description, with_a_name_that_is_not_text_is_refused) {
  expect_fault_in(with_line(1, "name = 7"), "E104", "m.toml:1:8", "'name' must be text", "name = \"...\"");
}

TEST(Description, with_a_part_that_is_not_a_table_is_refused) {
  const std::string text = with_line(4, "writeback = 3", with_line(16, "", with_line(17, "")));
  expect_fault_in(text, "E104", "m.toml:4:13", "'writeback' must be a table", "[writeback]");
}

TEST(Description, with_a_type_that_is_not_text_is_refused) {
  expect_fault_in(with_line(15, "type = 1"), "E104", "m.toml:15:8", "the type of [collection] must be text",
                  "type = one of: bus, direct, shift");
}

TEST(Description, with_a_value_out_of_range_is_refused) {
  expect_fault_in(with_line(7, "setup_cycles = -1"), "E105", "m.toml:7:1", "setup_cycles = -1 is out of range",
                  "0 to 1048576 cycles");
  expect_fault_in(with_line(12, "rows = 0\n[reduction]"), "E105", "m.toml:12:1", "rows = 0 is out of range",
                  "1 to 1024 elements");
  expect_fault_in(with_line(12, "rows = 1025\n[reduction]"), "E105", "m.toml:12:1", "rows = 1025 is out of range",
                  "1 to 1024 elements");
  expect_fault_in(with_line(12, "rows = 9223372036854775807\n[reduction]"), "E105", "m.toml:12:1",
                  "rows = 9223372036854775807 is out of range", "1 to 1024 elements");
}

TEST(Description, takes_both_ends_of_every_range_by_themselves) {
  for (const schema::ComponentInfo& component : fabric::catalog()) {
    for (const schema::Parameter& p : component.parameters) {
      if (!p.range) continue;
      for (const std::int64_t value : {p.range->minimum, p.range->maximum}) {
        const arch::Overrides overrides{{component.slot + ".type", component.type},
                                        {component.slot + "." + p.name, std::to_string(value)}};
        for (const Diagnostic& d : faults([&] { parsed(text_for(component.family), overrides); }))
          EXPECT_EQ(d.code, Code::inconsistent_machine) << to_string(d);
      }
    }
  }
}

TEST(Description, without_a_name_is_refused) {
  expect_fault_in(with_line(1, ""), "E106", "m.toml", "the machine has no 'name'", "name = \"...\" at the top");
}

TEST(Description, without_a_part_is_refused) {
  expect_fault_in(with_line(14, "", with_line(15, "")), "E106", "m.toml", "the machine has no [collection]",
                  "[collection] with type = one of: bus, direct, shift");
}

TEST(Description, of_a_part_without_a_type_is_refused) {
  const std::vector<Diagnostic> found = faults([] { parsed(with_line(15, "lines = 4")); });
  EXPECT_EQ(places(found), (std::vector<std::string>{"E106 m.toml:14:1"}));
  EXPECT_EQ(found.at(0).remedy, "type = one of: bus, direct, shift");
}

TEST(Description, with_an_unknown_type_is_refused) {
  expect_fault_in(with_line(15, "type = \"buss\""), "E107", "m.toml:15:8", "unknown type 'buss' for [collection]",
                  "did you mean 'bus'?");
  expect_fault_in(with_line(13, "type = \"tree\""), "E107", "m.toml:13:8", "unknown type 'tree' for [reduction]",
                  "one of: art, column, fan, sign-check, synchronous-fan, temporal");
}

TEST(Description, with_an_unknown_choice_is_refused) {
  expect_fault_in(kMachineText + "drain = \"al\"\n", "E107", "m.toml:18:1", "unknown drain 'al'",
                  "did you mean 'all'?");
}

TEST(Description, that_is_empty_tells_everything_it_lacks) {
  const std::vector<Diagnostic> found = faults([] { parsed(""); });
  EXPECT_EQ(names(found), std::vector<std::string>(9, "E106"));
}

TEST(Description, with_five_faults_tells_all_five) {
  std::string text = with_line(1, "name = 1");
  text = with_line(4, "colour = \"red\"", text);
  text = with_line(7, "setup_cycles = -2", text);
  text = with_line(11, "type = \"mash\"", text);
  text += "drain = 1\n";
  EXPECT_EQ(places(faults([&] { parsed(text); })),
            (std::vector<std::string>{"E103 m.toml:4:1", "E104 m.toml:1:8", "E105 m.toml:7:1", "E107 m.toml:11:8",
                                      "E104 m.toml:18:1"}));
}

TEST(Description, with_faults_reads_as_one_text_a_fault_a_line) {
  try {
    parsed(with_line(7, "setup_cycle = 2", with_line(15, "type = \"buss\"")));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "error[E103] m.toml:7:1: unknown key 'setup_cycle' in [memory] of type systolic-os\n  help: did you "
                 "mean 'setup_cycles'?\n"
                 "error[E107] m.toml:15:8: unknown type 'buss' for [collection]\n  help: did you mean 'bus'?");
  }
}

}  // namespace
}  // namespace cairn::testing
