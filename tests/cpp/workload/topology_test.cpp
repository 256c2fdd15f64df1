// Layer tables: both forms, their liberties, and every malformed row, all told at once.
#include <gtest/gtest.h>

#include "cairn/operation.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

const std::string kConvHeader =
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n";
const std::string kGemmHeader = "Layer, M, N, K,\n";

std::vector<Layer> table(const std::string& text) { return parse_topology(text, "t.csv"); }
Conv::Sizes conv_of(const std::string& row) { return std::get<Conv>(table(kConvHeader + row).at(0).operation).sizes(); }
Gemm::Sizes gemm_of(const std::string& row) { return std::get<Gemm>(table(kGemmHeader + row).at(0).operation).sizes(); }
std::vector<std::string> refused(const std::string& text) {
  return places(faults([&] { table(text); }));
}

TEST(Topology, reads_the_convolution_form) {
  const std::vector<Layer> layers = table(kConvHeader + "Conv1, 224, 230, 7, 5, 3, 64, 2,\n");
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].name, "Conv1");
  const Conv::Sizes& s = std::get<Conv>(layers[0].operation).sizes();
  EXPECT_EQ(s.input, (std::vector<std::int64_t>{224, 230}));
  EXPECT_EQ(s.kernel, (std::vector<std::int64_t>{7, 5}));
  EXPECT_EQ(s.channels, 3);
  EXPECT_EQ(s.filters, 64);
  EXPECT_EQ(s.groups, 1);
  EXPECT_EQ(s.stride, (std::vector<std::int64_t>{2, 2}));
}

// (224 - 7) / 2 and (230 - 5) / 2 are no whole numbers.
TEST(Topology, lets_a_last_window_hang_over_the_far_edge) {
  EXPECT_EQ(conv_of("c, 224, 230, 7, 5, 3, 64, 2,\n").pad_end, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(conv_of("c, 224, 229, 11, 5, 3, 64, 4,\n").pad_end, (std::vector<std::int64_t>{3, 0}));
  EXPECT_EQ(conv_of("c, 6, 6, 1, 6, 3, 64, 4,\n").pad_end, (std::vector<std::int64_t>{3, 0}));
  const Conv conv(conv_of("c, 224, 224, 7, 7, 3, 64, 2,\n"));
  EXPECT_EQ(conv.output(), (std::vector<std::int64_t>{110, 110})) << "as many as SCALE-Sim has";
}

TEST(Topology, ignores_a_remark_after_the_last_comma) {
  EXPECT_EQ(conv_of("c, 6, 6, 1, 1, 3, 64, 1, NPU\n").filters, 64);
  EXPECT_EQ(conv_of("c, 6, 6, 1, 1, 3, 64, 1,#dw 2\n").filters, 64);
  EXPECT_EQ(gemm_of("g, 2, 3, 4, 1:1, remark\n").k, 4);
}

TEST(Topology, reads_the_matrix_form) {
  EXPECT_EQ(gemm_of("g0, 31999, 84, 1024,\n"), (Gemm::Sizes{.m = 31999, .n = 84, .k = 1024}));
}

TEST(Topology, takes_rows_with_and_without_a_trailing_comma_blanks_and_carriage_returns) {
  const Gemm::Sizes expected{.m = 2, .n = 3, .k = 4};
  for (const char* row : {"g,2,3,4", "g,2,3,4,", "  g ,\t2 , 3,4 ,,\r\n", "\n\n  \r\n,,,\ng,2,3,4\n\n"})
    EXPECT_EQ(gemm_of(row), expected) << row;
  EXPECT_EQ(table("Layer,M,N,K\r\na,1,1,1\r\nb,2,2,2\r\n").size(), 2U);
}

TEST(Topology, keeps_the_order_and_the_names_of_its_rows) {
  const std::vector<Layer> layers = table(kGemmHeader + "b,1,1,1\na,2,2,2\nb,3,3,3\n");
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_EQ(layers[0].name + layers[1].name + layers[2].name, "bab");
}

TEST(Topology, reads_a_convolution_named_dp_as_depth_wise) {
  const Conv::Sizes s = conv_of("Conv2_DP, 14, 14, 3, 3, 32, 1, 1,\n");
  EXPECT_EQ(s.groups, 32);
  EXPECT_EQ(s.channels, 32);
  EXPECT_EQ(s.filters, 32);
  EXPECT_EQ(conv_of("DP2, 14, 14, 3, 3, 8, 3, 1,\n").filters, 24);
}

TEST(Topology, takes_a_dense_sparsity_and_refuses_any_other) {
  EXPECT_EQ(gemm_of("g, 2, 3, 4, 1:1,\n"), (Gemm::Sizes{.m = 2, .n = 3, .k = 4}));
  EXPECT_EQ(gemm_of("g, 2, 3, 4, 4:4\n").k, 4);
  expect_fault([] { table(kGemmHeader + "g, 2, 3, 4, 2:4\n"); }, "U201", "t.csv:2",
               "sparsity 2:4 asks for a sparse machine", "1:1, or leave the column out");
  for (const char* ratio : {":", "1:", ":1", "1:1:1", "x:y"})
    EXPECT_EQ(refused(kGemmHeader + "g,2,3,4," + ratio), (std::vector<std::string>{"U201 t.csv:2"})) << ratio;
}

TEST(Topology, that_is_empty_is_refused) {
  EXPECT_EQ(refused("").size(), 1U);
  EXPECT_EQ(refused("\n \r\n,,\n").size(), 1U);
  EXPECT_EQ(names(faults([] { table(""); })), (std::vector<std::string>{"E303"}));
}

TEST(Topology, without_layers_is_refused) {
  const std::vector<Diagnostic> found = faults([] { table(kGemmHeader); });
  ASSERT_EQ(names(found), (std::vector<std::string>{"E303"}));
  EXPECT_EQ(found[0].message, "the table has a header but no layers");
}

TEST(Topology, with_an_unknown_header_is_refused_and_told_the_two_that_are_known) {
  const std::vector<Diagnostic> found = faults([] { table("Layer, X, Y, Z\ng,1,1,1\n"); });
  ASSERT_EQ(places(found), (std::vector<std::string>{"E303 t.csv:1"}));
  EXPECT_EQ(found[0].message, "the header's second column is 'X'");
  EXPECT_NE(found[0].remedy.find("IFMAP Height"), std::string::npos);
  EXPECT_EQ(refused("Layer\n"), (std::vector<std::string>{"E303 t.csv:1"}));
  EXPECT_EQ(refused("g, 2, 3, 4\n"), (std::vector<std::string>{"E303 t.csv:1"})) << "a table without a header";
}

TEST(Topology, with_a_row_of_the_wrong_length_is_refused) {
  expect_fault([] { table(kGemmHeader + "g,1,2\n"); }, "E303", "t.csv:2", "3 cells where 4 are expected",
               "a name and 3 numbers");
  expect_fault([] { table(kGemmHeader + "g,1,2,3,4\n"); }, "E303", "t.csv:2", "5 cells where 4 are expected",
               "a name and 3 numbers");
  expect_fault([] { table(kConvHeader + "c,1,2,3\n"); }, "E303", "t.csv:2", "4 cells where 8 are expected",
               "a name and 7 numbers");
}

TEST(Topology, with_a_cell_that_is_not_a_whole_number_is_refused) {
  for (const char* cell : {"x", "1.5", "", "1e3", "0x10", "+1", "1 2", "99999999999999999999"}) {
    expect_fault([&] { table(kGemmHeader + "g,1," + cell + ",3\n"); }, "E303", "t.csv:2",
                 std::string("N '") + cell + "' is not a whole number", "digits only");
  }
}

TEST(Topology, with_sizes_that_no_operation_takes_is_refused_at_its_row) {
  EXPECT_EQ(refused(kGemmHeader + "g,0,-2,3\n"), std::vector<std::string>(2, "E301 t.csv:2"));
  EXPECT_EQ(refused(kGemmHeader + "g,1099511627777,1,1\n"), (std::vector<std::string>{"U203 t.csv:2"}));
  EXPECT_EQ(refused(kConvHeader + "c,4,4,5,5,1,1,1\n"), std::vector<std::string>(2, "E301 t.csv:2"));
  EXPECT_EQ(refused(kConvHeader + "c,4,4,3,3,1,1,0\n"), std::vector<std::string>(2, "E301 t.csv:2"));
  EXPECT_FALSE(refused(kConvHeader + "DP,4,4,3,3,1099511627776,9223372036854775807,1\n").empty());
  EXPECT_FALSE(refused(kConvHeader + "DP,4,4,3,3,0,1,1\n").empty());
}

TEST(Topology, tells_the_faults_of_all_rows_at_once) {
  const std::string text = kGemmHeader + "a,1,2,3\nb,1,2\n\nc,x,y,3\nd,0,1,1\ne,1,1,1,2:4\nf,1,1,1\n";
  EXPECT_EQ(refused(text),
            (std::vector<std::string>{"E303 t.csv:3", "E303 t.csv:5", "E303 t.csv:5", "E301 t.csv:6", "U201 t.csv:7"}));
}

}  // namespace
}  // namespace cairn::testing
