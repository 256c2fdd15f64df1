// The cross-field rules: each broken once by parameters that are valid by themselves.
#include <gtest/gtest.h>

#include "harness/faults.h"
#include "harness/machines.h"

namespace cairn::testing {
namespace {

std::vector<Diagnostic> broken(const std::string& preset, const arch::Overrides& overrides) {
  return faults([&] { machine(preset, overrides); });
}

void expect_rule(const std::string& preset, const arch::Overrides& overrides, const std::string& where,
                 const std::string& message, const std::string& remedy) {
  SCOPED_TRACE(text(overrides));
  expect_fault([&] { machine(preset, overrides); }, "E201", "preset " + preset + ": " + where, message, remedy);
}

TEST(Rules, hold_for_as_many_ports_as_endpoints_and_refuse_one_more) {
  EXPECT_TRUE(broken("tpu-16x16", {{"distribution.bandwidth", "32"}}).empty());
  expect_rule("tpu-16x16", {{"distribution.bandwidth", "33"}}, "distribution.bandwidth",
              "bandwidth 33 exceeds the 32 edge endpoints (rows + columns)",
              "bandwidth = 32 or less, or 0 for one port an endpoint");
}

TEST(Rules, hold_for_as_many_lines_as_accumulators_and_refuse_one_more) {
  EXPECT_TRUE(broken("tpu-16x16", {{"collection.lines", "256"}}).empty());
  expect_rule("tpu-16x16", {{"collection.lines", "257"}}, "collection.lines",
              "257 lines for 256 accumulators (rows x columns)", "lines = 256 or less, or 0 for one an accumulator");
}

TEST(Rules, hold_for_as_many_lines_as_lanes_and_refuse_one_more) {
  EXPECT_TRUE(broken("snapea-64", {{"collection.lines", "63"}}).empty());
  expect_rule("snapea-64", {{"collection.lines", "65"}}, "collection.lines", "65 lines for 64 multipliers",
              "lines = 64 or less, or 0 for one an accumulator");
}

TEST(Rules, let_only_accumulators_that_check_signs_predict) {
  EXPECT_TRUE(broken("snapea-64", {{"memory.prefix", "8"}}).empty());
  expect_rule("snapea-baseline-64", {{"memory.prefix", "8"}}, "memory.prefix",
              "a sum that is predicted is left by accumulators that check it, which these do not",
              "reduction.type = \"sign-check\", or prefix = 0");
}

TEST(Rules, keep_lanes_and_the_parts_of_other_machines_apart) {
  expect_rule("maeri-64", {{"reduction.type", "sign-check"}}, "reduction.type",
              "'sign-check' is for lanes machines, the memory controller 'dense' for flexible ones",
              "type = one of: art, fan, synchronous-fan, temporal");
}

TEST(Rules, of_overlapped_tiles_want_one_port_an_endpoint) {
  EXPECT_TRUE(broken("axis-sa-rtl", {{"distribution.bandwidth", "32"}}).empty());
  expect_rule("axis-sa-rtl", {{"distribution.bandwidth", "16"}}, "distribution.bandwidth",
              "overlapped tiles (memory.overlap) need one port an endpoint", "bandwidth = 0");
}

TEST(Rules, of_overlapped_tiles_refuse_shared_result_lines) {
  EXPECT_TRUE(broken("axis-sa-rtl", {{"collection.type", "direct"}}).empty());
  expect_rule("axis-sa-rtl", {{"collection.type", "bus"}}, "collection.type",
              "overlapped tiles (memory.overlap) need a read-out without shared lines",
              "type = \"shift\" or \"direct\"");
}

TEST(Rules, of_an_operand_that_stays_want_elements_that_hold_it) {
  expect_rule("tpu-ws-16x16", {{"multiplier.type", "mesh"}}, "multiplier.type",
              "an operand that stays in the array (systolic-stationary) needs elements that hold it",
              "type = \"stationary-mesh\"");
  expect_rule("tpu-16x16", {{"multiplier.type", "stationary-mesh"}}, "multiplier.type",
              "elements that hold an operand need a controller that loads it",
              "type = \"mesh\", or memory.type = \"systolic-stationary\"");
}

TEST(Rules, of_an_operand_that_stays_want_sums_that_move_down_the_columns) {
  expect_rule("tpu-ws-16x16", {{"reduction.type", "temporal"}}, "reduction.type",
              "an operand that stays in the array (systolic-stationary) needs sums that move down the columns",
              "type = \"column\"");
  expect_rule("tpu-16x16", {{"reduction.type", "column"}}, "reduction.type",
              "outputs that stay in the array are added up where they are", "type = \"temporal\"");
}

TEST(Rules, of_an_operand_that_stays_refuse_a_read_out_of_the_whole_array) {
  EXPECT_TRUE(broken("tpu-ws-16x16", {{"collection.type", "direct"}}).empty());
  expect_rule("tpu-ws-16x16", {{"collection.type", "shift"}}, "collection.type",
              "sums that leave a column at its foot are not shifted out", "type = \"direct\" or \"bus\"");
}

TEST(Rules, of_an_operand_that_stays_hold_for_as_many_lines_as_columns_and_refuse_one_more) {
  EXPECT_TRUE(broken("tpu-ws-16x16", {{"collection.lines", "16"}}).empty());
  expect_rule("tpu-ws-16x16", {{"collection.lines", "17"}}, "collection.lines", "17 lines for 16 columns",
              "lines = 16 or less, or 0 for one a column");
}

TEST(Rules, bound_the_registers_that_latency_costs) {
  const arch::Overrides large{{"multiplier.rows", "1024"}, {"multiplier.columns", "1024"}};
  for (const char* path : {"multiplier.latency", "collection.latency"}) {
    arch::Overrides deep = large;
    deep.emplace_back(path, "1024");
    expect_rule("tpu-16x16", deep, path, "latency 1024 on 1048576 elements is 1073741824 registers",
                "latency = 16 or less");
  }
}

TEST(Rules, of_overlapped_tiles_want_a_write_back_that_keeps_up) {
  expect_rule("axis-sa-rtl", {{"writeback.drain", "half"}}, "writeback.drain",
              "overlapped tiles (memory.overlap) need a write-back that keeps up", "drain = \"all\"");
}

TEST(Rules, of_overlapped_tiles_refuse_bounded_operand_queues) {
  expect_rule("axis-sa-rtl", {{"multiplier.queue_depth", "2"}}, "multiplier.queue_depth",
              "overlapped tiles (memory.overlap) need operands that never wait", "queue_depth = 0");
}

TEST(Rules, of_overlapped_tiles_refuse_bounded_port_queues) {
  expect_rule("axis-sa-rtl", {{"distribution.queue_depth", "2"}}, "distribution.queue_depth",
              "overlapped tiles (memory.overlap) need steps that never wait", "queue_depth = 0");
}

TEST(Rules, of_flexible_machines_want_powers_of_two) {
  for (const char* path : {"multiplier.multipliers", "distribution.bandwidth", "collection.lines"}) {
    EXPECT_TRUE(
        broken("maeri-128", {{path, "64"}, {"distribution.bandwidth", "1"}, {"collection.lines", "1"}}).empty());
    expect_rule("maeri-64", {{"distribution.bandwidth", "1"}, {"collection.lines", "1"}, {path, "48"}}, path,
                "48 is not a power of two, which its trees need", "32 or 64");
  }
}

TEST(Rules, hold_for_as_many_ports_as_multipliers_and_refuse_more) {
  EXPECT_TRUE(broken("maeri-128", {{"distribution.bandwidth", "128"}}).empty());
  expect_rule("maeri-128", {{"distribution.bandwidth", "256"}}, "distribution.bandwidth",
              "256 read ports for 128 multipliers", "bandwidth = 128 or less");
}

TEST(Rules, hold_for_as_many_lines_as_multipliers_and_refuse_more) {
  EXPECT_TRUE(broken("maeri-128", {{"collection.lines", "128"}}).empty());
  expect_rule("maeri-128", {{"collection.lines", "256"}}, "collection.lines", "256 lines for 128 multipliers",
              "lines = 128 or less");
}

TEST(Rules, of_folds_that_the_global_buffer_adds_up_want_a_network_that_adds_up_none) {
  EXPECT_TRUE(broken("maeri-64", {{"memory.folds", "outer"}, {"reduction.accumulators", "false"}}).empty());
  const std::string message =
      "folds that the global buffer adds up (outer) leave nothing to add up over time for the reduction network";
  const std::string remedy = R"(reduction.type = "art" with accumulators = false, or folds = "inner")";
  for (const char* network : {"art", "fan", "temporal"})
    expect_rule("maeri-64", {{"memory.folds", "outer"}, {"reduction.type", network}}, "memory.folds", message, remedy);
}

// sigma-tree-256 with bitmaps, magma-128 with rows.
TEST(Rules, of_sparse_machines_refuse_links_between_multipliers) {
  for (const char* preset : {"sigma-tree-256", "sigma-256", "magma-128"})
    expect_rule(preset, {{"multiplier.type", "linear"}}, "multiplier.type",
                "a sparse machine hands no inputs on between multipliers", "type = \"disabled\"");
}

TEST(Rules, of_bitmaps_want_a_network_for_virtual_neurons_of_unequal_sizes) {
  EXPECT_TRUE(broken("sigma-tree-256", {{"reduction.type", "synchronous-fan"}}).empty());
  for (const std::string network : {"fan", "temporal"})
    expect_rule("sigma-tree-256", {{"reduction.type", network}}, "reduction.type",
                "virtual neurons of unequal sizes cannot be added up by '" + network + "'",
                "type = \"art\" or \"synchronous-fan\"");
}

TEST(Rules, of_bitmaps_want_three_multipliers_for_each_virtual_neuron_of_an_art) {
  EXPECT_TRUE(broken("sigma-tree-256", {{"memory.minimum_ones", "3"}}).empty());
  EXPECT_TRUE(broken("sigma-tree-256", {{"memory.minimum_ones", "4"}}).empty());
  for (const char* ones : {"1", "2"}) {
    EXPECT_TRUE(broken("sigma-256", {{"memory.minimum_ones", ones}}).empty()) << "a synchronous FAN";
    expect_rule("sigma-tree-256", {{"memory.minimum_ones", ones}}, "memory.minimum_ones",
                "virtual neurons of one or two multipliers beside larger ones meet these in the adders of an ART",
                "minimum_ones = 3, or reduction.type = \"synchronous-fan\"");
  }
}

TEST(Rules, of_folds_without_a_barrier_want_a_network_in_which_no_word_waits) {
  const std::string message =
      "folds without a barrier (memory.fold_barrier = false) need a distribution network in which no word waits";
  const std::string remedy = "type = \"benes\" with bandwidth = 128";
  EXPECT_TRUE(broken("sigma-128", {}).empty());
  expect_rule("sigma-128", {{"distribution.type", "tree"}}, "distribution", message, remedy);
  expect_rule("sigma-128", {{"distribution.bandwidth", "64"}}, "distribution", message, remedy);
  EXPECT_TRUE(broken("sigma-128", {{"distribution.bandwidth", "64"}, {"memory.fold_barrier", "true"}}).empty());
}

TEST(Rules, of_folds_without_a_barrier_want_adders_whose_setting_travels_with_the_products) {
  expect_rule("sigma-128", {{"reduction.type", "art"}}, "reduction.type",
              "folds without a barrier (memory.fold_barrier = false) need adders whose setting travels with the "
              "products",
              "type = \"synchronous-fan\"");
  EXPECT_TRUE(broken("sigma-128", {{"reduction.type", "art"}, {"memory.fold_barrier", "true"}}).empty());
}

TEST(Rules, of_folds_without_a_barrier_want_partial_sums_that_no_fold_waits_for) {
  expect_rule("sigma-128", {{"memory.psums", "streamed"}}, "memory.psums",
              "folds without a barrier (memory.fold_barrier = false) need partial sums that no fold waits for",
              "psums = \"buffer\"");
  EXPECT_TRUE(broken("sigma-128", {{"memory.psums", "streamed"}, {"memory.fold_barrier", "true"}}).empty());
}

TEST(Rules, of_rows_refuse_a_network_that_adds_up_nothing_over_time) {
  for (const char* network : {"art", "fan", "temporal"})
    EXPECT_TRUE(broken("magma-128", {{"reduction.type", network}}).empty()) << network;
  expect_rule("magma-128", {{"reduction.type", "synchronous-fan"}}, "reduction.type",
              "rows of a sparse matrix are added up over time as well, which a synchronous FAN does not",
              "type = \"art\", \"fan\" or \"temporal\"");
}

TEST(Rules, of_dense_machines_want_someone_to_add_up_folds) {
  const std::string message =
      "multipliers without links pass no partial sums on, and the reduction network adds up no folds";
  const std::string remedy = "type = \"linear\", memory.folds = \"outer\", or a reduction network with accumulators";
  EXPECT_TRUE(broken("maeri-64", {{"multiplier.type", "disabled"}}).empty()) << "its ART has accumulators";
  const arch::Overrides none{{"multiplier.type", "disabled"}, {"reduction.accumulators", "false"}};
  expect_rule("maeri-64", none, "multiplier.type", message, remedy);
  const arch::Overrides fan{{"multiplier.type", "disabled"}, {"reduction.type", "synchronous-fan"}};
  expect_rule("maeri-64", fan, "multiplier.type", message, remedy);
  for (arch::Overrides outside : {none, fan}) {
    outside.emplace_back("memory.folds", "outer");
    EXPECT_TRUE(broken("maeri-64", outside).empty()) << text(outside);
  }
}

TEST(Rules, of_sparse_machines_want_powers_of_two) {
  for (const char* preset : {"sigma-tree-256", "magma-128"}) {
    for (const char* path : {"multiplier.multipliers", "distribution.bandwidth", "collection.lines"})
      expect_rule(preset, {{"distribution.bandwidth", "1"}, {"collection.lines", "1"}, {path, "48"}}, path,
                  "48 is not a power of two, which its trees need", "32 or 64");
  }
}

TEST(Rules, of_flexible_machines_that_are_broken_together_are_told_together) {
  EXPECT_EQ(
      places(broken("maeri-64",
                    {{"multiplier.multipliers", "6"}, {"distribution.bandwidth", "12"}, {"collection.lines", "8"}})),
      (std::vector<std::string>{
          "E201 preset maeri-64: multiplier.multipliers", "E201 preset maeri-64: distribution.bandwidth",
          "E201 preset maeri-64: distribution.bandwidth", "E201 preset maeri-64: collection.lines"}));
}

TEST(Rules, refuse_parts_of_the_other_family) {
  expect_rule("maeri-64", {{"multiplier.type", "mesh"}}, "multiplier.type",
              "'mesh' is for systolic machines, the memory controller 'dense' for flexible ones",
              "type = one of: disabled, linear");
  expect_rule("maeri-64", {{"collection.type", "shift"}}, "collection.type",
              "'shift' is for systolic machines, the memory controller 'dense' for flexible ones",
              "type = one of: bus");
  expect_rule("tpu-16x16", {{"reduction.type", "art"}}, "reduction.type",
              "'art' is for flexible machines, the memory controller 'systolic-os' for systolic ones",
              "type = one of: column, temporal");
  EXPECT_EQ(
      places(broken("tpu-16x16", {{"memory.type", "dense"}})),
      (std::vector<std::string>{"E201 preset tpu-16x16: distribution.type", "E201 preset tpu-16x16: multiplier.type"}))
      << "the memory controller decides, and the other parts serve both";
}

TEST(Rules, that_are_broken_together_are_told_together) {
  const std::vector<Diagnostic> found = broken("tpu-16x16", {{"memory.overlap", "true"},
                                                             {"distribution.bandwidth", "40"},
                                                             {"collection.lines", "999"},
                                                             {"multiplier.queue_depth", "1"},
                                                             {"distribution.queue_depth", "1"}});
  EXPECT_EQ(names(found), std::vector<std::string>(7, "E201"));
}

TEST(Rules, are_not_asked_of_a_machine_whose_values_are_faulty) {
  EXPECT_EQ(names(broken("tpu-16x16", {{"distribution.bandwidth", "33"}, {"multiplier.rows", "0"}})),
            (std::vector<std::string>{"E105"}));
}

}  // namespace
}  // namespace cairn::testing
