// The result document: versioned, complete, with totals that are the sums of the layers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cairn/session.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

using Json = nlohmann::json;

Session session_of_two_layers() {
  Session session(load_machine("tpu-16x16"));
  session.run("conv1", Conv({.channels = 3, .filters = 20, .input = {9, 9}, .kernel = {3, 3}}));
  session.run("fc", Gemm({.m = 1, .n = 10, .k = 100}));
  return session;
}

TEST(Document, names_its_schema_and_carries_its_context) {
  const Json document = Json::parse(session_of_two_layers().document());
  EXPECT_EQ(document.at("schema"), "cairn.result/1");
  EXPECT_EQ(document.at("context").at("version"), version());
  EXPECT_EQ(document.at("context").at("machine"), Json::parse(load_machine("tpu-16x16").to_json()));
}

TEST(Document, merges_the_callers_context) {
  const Json context =
      Json::parse(session_of_two_layers().document(R"({"seed": 7, "model": {"name": "m"}})")).at("context");
  EXPECT_EQ(context.at("seed"), 7);
  EXPECT_EQ(context.at("model").at("name"), "m");
  EXPECT_TRUE(context.contains("version"));
}

TEST(Document, keeps_its_version_and_machine_whatever_the_caller_says) {
  const Json context = Json::parse(session_of_two_layers().document(R"({"version": "9", "machine": 1})")).at("context");
  EXPECT_EQ(context.at("version"), version());
  EXPECT_EQ(context.at("machine").at("name"), "tpu-16x16");
}

TEST(Document, refuses_a_context_that_is_not_an_object) {
  for (const char* context : {"", "[1]", "7", "{", "{\"a\": }", "null"}) {
    EXPECT_EQ(names(faults([&] { session_of_two_layers().document(context); })), (std::vector<std::string>{"E104"}))
        << context;
  }
}

TEST(Document, has_totals_that_are_the_sums_of_its_layers) {
  const Json document = Json::parse(session_of_two_layers().document());
  ASSERT_EQ(document.at("layers").size(), 2U);
  for (const char* key : {"cycles", "multiplications", "buffer_reads", "buffer_writes"}) {
    std::int64_t sum = 0;
    for (const Json& layer : document.at("layers")) sum += layer.at(key).get<std::int64_t>();
    EXPECT_EQ(document.at("totals").at(key), sum) << key;
  }
  const double capacity = 256.0 * document.at("totals").at("cycles").get<double>();
  EXPECT_DOUBLE_EQ(document.at("totals").at("utilisation").get<double>(),
                   document.at("totals").at("multiplications").get<double>() / capacity);
}

TEST(Document, has_a_unit_for_every_total) {
  const Json document = Json::parse(session_of_two_layers().document());
  for (const auto& [key, value] : document.at("totals").items()) EXPECT_TRUE(document.at("units").contains(key)) << key;
}

TEST(Document, tells_sizes_mapping_evaluator_and_counters_of_each_layer) {
  const Json layers = Json::parse(session_of_two_layers().document()).at("layers");
  EXPECT_EQ(layers[0].at("name"), "conv1");
  EXPECT_EQ(layers[0].at("operation"), "conv");
  EXPECT_EQ(layers[0].at("sizes").at("output"), (std::vector<int>{7, 7}));
  EXPECT_EQ(layers[0].at("sizes").at("stride"), (std::vector<int>{1, 1}));
  EXPECT_EQ(layers[1].at("sizes"), (Json{{"M", 1}, {"N", 10}, {"K", 100}, {"batch", 1}}));
  EXPECT_EQ(layers[1].at("mapping"), (Json{{"tile", {{"M", 16}, {"N", 16}}},
                                           {"chosen", "the machine's own"},
                                           {"rounds", 1},
                                           {"distinct_rounds", 1},
                                           {"evaluated_rounds", 1}}));
  EXPECT_EQ(layers[1].at("evaluator"), "flow");
  EXPECT_EQ(layers[1].at("counters").at("multiplier").at("multiplications"), 1000);
}

TEST(Document, tells_where_the_cycles_of_each_layer_and_of_all_went) {
  const Json document = Json::parse(session_of_two_layers().document());
  const Json& totals = document.at("totals");
  for (const auto& [slot, total] : totals.at("activity").items()) {
    std::int64_t all = 0;
    for (const UnitStateInfo& state : unit_states()) {
      std::int64_t sum = 0;
      for (const Json& layer : document.at("layers"))
        sum += layer.at("activity").at(slot).at(state.name).get<std::int64_t>();
      EXPECT_EQ(total.at(state.name), sum) << slot << " " << state.name;
      EXPECT_TRUE(document.at("units").contains(state.name));
      all += sum;
    }
    EXPECT_EQ(all, total.at("units").get<std::int64_t>() * totals.at("cycles").get<std::int64_t>()) << slot;
    EXPECT_FALSE(total.at("unit").get<std::string>().empty());
  }
  EXPECT_EQ(totals.at("activity").at("multiplier").at("units"), 256);
}

// The fc layer: 10 columns of a row of the array for 100 steps, words from a port each.
TEST(Document, tells_what_bounds_a_layer_and_its_place_under_the_roof) {
  const Json document = Json::parse(session_of_two_layers().document());
  const Json& layer = document.at("layers")[1];
  EXPECT_EQ(layer.at("bound").at("by"), "compute");
  EXPECT_EQ(layer.at("bound").at("cycles").at("compute"), 100);
  EXPECT_EQ(layer.at("bound").at("cycles").at("distribution"), 100);
  EXPECT_EQ(layer.at("bound").at("cycles").at("collection"), 1);
  const Json& roofline = layer.at("roofline");
  EXPECT_DOUBLE_EQ(roofline.at("intensity").get<double>(), 1000.0 / (100 + 1000 + 10));
  EXPECT_DOUBLE_EQ(roofline.at("performance").get<double>(), 1000.0 / layer.at("cycles").get<double>());
  EXPECT_EQ(roofline.at("peak"), 256);
  EXPECT_EQ(roofline.at("bandwidth"), 32 + 256);
  const Json& all = document.at("totals").at("bound").at("cycles");
  EXPECT_EQ(all.at("compute").get<std::int64_t>(),
            100 + document.at("layers")[0].at("bound").at("cycles").at("compute").get<std::int64_t>());
}

TEST(Document, has_every_counter_that_the_catalog_declares) {
  const Json document = Json::parse(session_of_two_layers().document());
  for (const Json& part : Json::parse(catalog_json())) {
    const std::string slot = part.at("slot");
    if (document.at("context").at("machine").at("parts").at(slot).at("type") != part.at("type")) continue;
    EXPECT_EQ(document.at("layers")[0].at("counters").at(slot).size(), part.at("counters").size()) << slot;
    for (const Json& counter : part.at("counters"))
      EXPECT_TRUE(document.at("layers")[0].at("counters").at(slot).contains(counter.at("name"))) << counter;
  }
}

TEST(Document, of_a_session_without_layers_has_totals_of_zero) {
  const Json document = Json::parse(Session(load_machine("tpu-16x16")).document());
  EXPECT_TRUE(document.at("layers").empty());
  EXPECT_EQ(document.at("totals").at("cycles"), 0);
  EXPECT_EQ(document.at("totals").at("utilisation"), 0.0);
}

TEST(Document, refuses_totals_that_do_not_fit_in_63_bits) {
  LayerResult layer{.name = "l", .operation = Gemm({}), .tile = {}};
  layer.cycles = INT64_MAX;
  const Machine machine = load_machine("tpu-16x16");
  EXPECT_TRUE(faults([&] { document(machine, {layer}, "{}"); }).empty());
  EXPECT_EQ(names(faults([&] { document(machine, {layer, layer}, "{}"); })), (std::vector<std::string>{"U203"}));
}

TEST(Document, is_made_of_layers_whatever_bytes_their_names_hold) {
  Session session(load_machine("tpu-16x16"));
  session.run("caf\xE9 \"1\"\n", Gemm({}));
  EXPECT_NO_THROW(Json::parse(session.document()));
  EXPECT_NO_THROW(Json::parse(to_json(session.layers()[0])));
}

TEST(LayerJson, is_the_layer_of_the_document_less_its_energy_which_is_a_tables) {
  const Session session = session_of_two_layers();
  Json document = Json::parse(session.document());
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(document.at("layers")[i].erase("energy"), 1u);
    EXPECT_EQ(Json::parse(to_json(session.layers()[i])), document.at("layers")[i]);
  }
}

}  // namespace
}  // namespace cairn::testing
