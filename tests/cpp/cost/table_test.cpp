// Tables of energy as text: what ships is right, what is wrong is told at once, each with its place.
#include "cost/table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/faults.h"

namespace cairn::testing {
namespace {

std::string shipped(const std::string& name) {
  for (const cost::Text& each : cost::texts()) {
    if (each.name == name) return std::string(each.text);
  }
  return "";
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
  const auto at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return text.replace(at, old.size(), by);
}

std::vector<Diagnostic> faults_of(const std::string& text) {
  return faults([&] { cost::parse_table(text, "mine.toml"); });
}

TEST(EnergyTable, ships_by_the_name_of_its_file_with_a_source_or_an_estimate_for_each_figure) {
  for (const cost::Text& each : cost::texts()) {
    const cost::Table table = cost::load_table(std::string(each.name));
    EXPECT_EQ(table.name, each.name);
    for (const auto& [name, figure] : table.figures) EXPECT_FALSE((figure.source + figure.estimated).empty()) << name;
  }
}

TEST(EnergyTable, has_the_figures_of_the_reference_as_they_are_printed) {
  const cost::Table table = cost::load_table("stonne");
  EXPECT_EQ(table.unit, "unstated");
  const auto value = [&](const char* component, const char* of) {
    return std::get<double>(table.figure(component, of).value);
  };
  EXPECT_EQ(value("adder", "area"), 1059.156);
  EXPECT_EQ(value("adder", "static"), 0.001505);
  EXPECT_EQ(value("adder", "add3"), 0.111);
  EXPECT_EQ(value("multiplier", "multiply"), 0.00741);
  EXPECT_EQ(value("switch", "route"), 0.036);
  EXPECT_EQ(value("distribution_wire", "transfer"), 0.00223226);
  EXPECT_EQ(value("collection_wire", "transfer"), 0.001839831);
  EXPECT_EQ(value("buffer", "area"), 115029);
}

TEST(EnergyTable, with_faults_tells_all_of_them_each_with_its_place) {
  std::string text = shipped("stonne");
  text = replaced(text, "clock_mhz = 1000.0", "clock_mhz = 0.0\nclok_mhz = 1");
  text = replaced(text, "value = 1001.0, unit = \"um2\"", "value = \"1001\", unit = \"um\"");
  text = replaced(text, "[switch]", "[swich]");
  const std::vector<Diagnostic> found = faults_of(text);
  ASSERT_EQ(found.size(), 6u);
  const auto has = [&](Code code, const std::string& message, const std::string& remedy) {
    return std::ranges::any_of(found, [&](const Diagnostic& d) {
      return d.code == code && d.place.starts_with("mine.toml") && d.message.find(message) != std::string::npos &&
             d.remedy.find(remedy) != std::string::npos;
    });
  };
  EXPECT_TRUE(has(Code::out_of_range, "clock_mhz = 0", ""));
  EXPECT_TRUE(has(Code::unknown_key, "clok_mhz", "clock_mhz"));
  EXPECT_TRUE(has(Code::wrong_type, "multiplier.area", ""));
  EXPECT_TRUE(has(Code::unknown_name, "unknown unit 'um'", "um2"));
  EXPECT_TRUE(has(Code::unknown_key, "swich", "switch"));
  EXPECT_TRUE(has(Code::missing_key, "[switch]", ""));
}

struct Broken {
  const char* table;
  const char* old;
  const char* by;
  Code code;
  const char* message;
};

TEST(EnergyTable, refuses_what_does_not_make_sense) {
  const std::vector<Broken> all{
      {"stonne", "name = \"stonne\"\n", "", Code::missing_key, "has no 'name'"},
      {"stonne", "name = \"stonne\"", "name = 1", Code::wrong_type, "must be text"},
      {"stonne", "datatype = \"unstated\"", "datatype = \"fp32\"", Code::unknown_name, "fp32"},
      {"stonne", "unstated = { bits = 16, sums = 16 }", "unstated = { bits = 0, sums = 16 }", Code::out_of_range,
       "bits"},
      {"stonne", "unstated = { bits = 16, sums = 16 }", "unstated = 16", Code::wrong_type, "unstated"},
      {"stonne", "value = 0.111", "value = -0.111", Code::out_of_range, "-0.111"},
      {"stonne", "value = 0.111", "value = nan", Code::out_of_range, "nan"},
      {"stonne", ", source = \"ADDER ADD_2_1\"", "", Code::missing_key, "neither 'source' nor 'estimated'"},
      {"stonne", "unit = \"unstated\"", "unit = \"pJ\"", Code::bad_table, "unstated"},
      {"stonne", "[adder]", "[adder", Code::syntax, ""},
      {"cmos-45nm", "buffer_kib = 1024.0", "", Code::bad_table, "depends on the capacity"},
      {"cmos-45nm", "value = { fp32 = 3.7, fp16 = 1.1, int8 = 0.2 }", "value = { fp32 = 3.7 }", Code::bad_table,
       "not complete"},
      {"cmos-45nm", "value = { fp32 = 3.7, fp16 = 1.1, int8 = 0.2 }", "value = { fp32 = 3.7, fp16 = 1.1, int9 = 0.2 }",
       Code::unknown_key, "int9"},
      {"cmos-45nm", "value = { fp32 = 3.7, fp16 = 1.1, int8 = 0.2 }", "value = { 8 = 1.0, 32 = 2.0 }", Code::bad_table,
       "cannot depend"},
      {"cmos-45nm", "[datatypes]", "[types]", Code::missing_key, "[datatypes]"},
  };
  for (const Broken& each : all) {
    const std::vector<Diagnostic> found = faults_of(replaced(shipped(each.table), each.old, each.by));
    EXPECT_TRUE(std::ranges::any_of(
        found,
        [&](const Diagnostic& d) { return d.code == each.code && d.message.find(each.message) != std::string::npos; }))
        << each.old << " -> " << each.by;
  }
  EXPECT_EQ(faults([] { cost::load_table("stone"); }).front().remedy, "did you mean 'stonne'? Or give a .toml file.");
}

}  // namespace
}  // namespace cairn::testing
