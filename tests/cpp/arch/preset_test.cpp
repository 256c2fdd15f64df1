// The machines that ship with Cairn, and files.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "arch/texts.h"
#include "cairn/machine.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

TEST(Presets, all_load_and_say_what_they_follow) {
  EXPECT_GE(presets().size(), 6U);
  for (const Machine& machine : presets()) {
    EXPECT_FALSE(machine.summary().empty()) << machine.name();
    EXPECT_FALSE(machine.follows().empty()) << machine.name();
  }
}

TEST(Presets, are_sorted_and_named_as_their_files) {
  std::vector<std::string> names;
  for (const Machine& machine : presets()) names.push_back(machine.name());
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const arch::Preset& preset : arch::presets())
    EXPECT_EQ(load_machine(std::string(preset.name)).name(), preset.name);
}

TEST(Presets, of_flexible_machines_have_the_multipliers_of_their_name_and_at_most_128_ports_and_lines) {
  for (const std::int64_t multipliers : {64, 128, 256}) {
    const Machine machine = load_machine("maeri-" + std::to_string(multipliers));
    const arch::Machine& description = machine.description();
    EXPECT_EQ(description.family, "flexible");
    EXPECT_EQ(description.part("multiplier").integer("multipliers"), multipliers);
    EXPECT_EQ(description.part("distribution").integer("bandwidth"), std::min<std::int64_t>(multipliers, 128));
    EXPECT_EQ(description.part("collection").integer("lines"), std::min<std::int64_t>(multipliers, 128));
  }
}

// The multipliers, ports and lines in their names and in what they follow.
TEST(Presets, of_sparse_machines_have_the_sizes_that_they_follow) {
  struct Expected {
    const char* name;
    const char* memory;
    const char* distribution;
    const char* reduction;
    std::int64_t multipliers;
    std::int64_t ports;
    std::int64_t lines;
  };
  for (const Expected& e : {Expected{"sigma-64", "bitmap", "benes", "synchronous-fan", 64, 64, 64},
                            Expected{"sigma-128", "bitmap", "benes", "synchronous-fan", 128, 128, 128},
                            Expected{"sigma-256", "bitmap", "benes", "synchronous-fan", 256, 128, 128},
                            Expected{"sigma-rtl", "bitmap", "benes", "synchronous-fan", 128, 128, 0},
                            Expected{"sigma-tree-256", "bitmap", "tree", "art", 256, 128, 128},
                            Expected{"magma-128", "csr", "tree", "art", 128, 64, 64}}) {
    SCOPED_TRACE(e.name);
    const Machine machine = load_machine(e.name);
    const arch::Machine& description = machine.description();
    EXPECT_EQ(description.family, "flexible");
    EXPECT_EQ(description.part("memory").type, e.memory);
    EXPECT_EQ(description.part("distribution").type, e.distribution);
    EXPECT_EQ(description.part("multiplier").type, "disabled");
    EXPECT_EQ(description.part("reduction").type, e.reduction);
    EXPECT_EQ(description.part("multiplier").integer("multipliers"), e.multipliers);
    EXPECT_EQ(description.part("distribution").integer("bandwidth"), e.ports);
    EXPECT_EQ(description.part("collection").integer("lines"), e.lines);
  }
}

// log2 of the multipliers.
TEST(Presets, without_a_barrier_rest_as_long_as_there_are_levels_of_adders) {
  for (const auto& [name, levels] : std::map<std::string, std::int64_t>{{"sigma-64", 6}, {"sigma-128", 7}}) {
    const Machine machine = load_machine(name);
    EXPECT_FALSE(machine.description().part("memory").flag("fold_barrier"));
    EXPECT_EQ(machine.description().part("memory").integer("drain_cycles"), levels) << name;
  }
}

TEST(Presets, that_do_not_exist_are_refused_with_the_nearest_name) {
  expect_fault([] { load_machine("tpu-16x61"); }, "E107", "--arch", "unknown preset 'tpu-16x61'",
               "did you mean 'tpu-16x16'? Or give a .toml file.");
}

TEST(MachineFile, loads_as_the_same_text_does) {
  const auto path = std::filesystem::temp_directory_path() / "cairn-preset-test.toml";
  std::ofstream(path) << kMachineText;
  EXPECT_EQ(load_machine(path.string()).to_json(), parse_machine(kMachineText, "m.toml").to_json());
  std::filesystem::remove(path);
}

TEST(MachineFile, that_does_not_exist_is_refused) {
  expect_fault([] { load_machine("no/such/machine.toml"); }, "E101", "no/such/machine.toml",
               "the machine description cannot be read", "check the path");
}

TEST(MachineFile, that_is_a_folder_is_refused) {
  const auto path = std::filesystem::temp_directory_path() / "cairn-folder.toml";
  std::filesystem::create_directory(path);
  EXPECT_EQ(names(faults([&] { load_machine(path.string()); })), (std::vector<std::string>{"E101"}));
  std::filesystem::remove(path);
}

TEST(MachineJson, is_the_resolved_description) {
  const auto json = nlohmann::json::parse(load_machine("tpu-16x16", {{"multiplier.rows", "4"}}).to_json());
  EXPECT_EQ(json.at("name"), "tpu-16x16");
  EXPECT_EQ(json.at("parts").at("multiplier").at("type"), "mesh");
  EXPECT_EQ(json.at("parts").at("multiplier").at("rows"), 4);
  EXPECT_EQ(json.at("parts").at("memory").at("overlap"), false);
  EXPECT_EQ(json.at("parts").at("writeback").at("drain"), "half");
  EXPECT_EQ(json.at("parts").size(), 6U);
}

TEST(CatalogJson, lists_every_part_with_parameters_and_counters) {
  const auto json = nlohmann::json::parse(catalog_json());
  ASSERT_EQ(json.size(), fabric::parts().size());
  for (const auto& part : json) {
    EXPECT_FALSE(part.at("doc").get<std::string>().empty());
    for (const auto& parameter : part.at("parameters")) {
      EXPECT_FALSE(parameter.at("doc").get<std::string>().empty());
      EXPECT_EQ(parameter.at("type") == "choice", !parameter.at("choices").empty());
      EXPECT_EQ(parameter.at("type") == "integer", parameter.at("minimum").is_number());
    }
    EXPECT_FALSE(part.at("counters").empty());
    for (const auto& counter : part.at("counters")) EXPECT_FALSE(counter.at("unit").get<std::string>().empty());
  }
}

}  // namespace
}  // namespace cairn::testing
