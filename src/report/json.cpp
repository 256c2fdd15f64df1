#include "report/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "report/bound.h"
#include "report/energy.h"
#include "util/diagnostics.h"

namespace cairn::report {
namespace {

Json value(const schema::Value& v) {
  return std::visit([](const auto& held) { return Json(held); }, v);
}

Json sizes(const Operation& operation) {
  if (const Gemm* gemm = std::get_if<Gemm>(&operation)) {
    const Gemm::Sizes& s = gemm->sizes();
    return {{"M", s.m}, {"N", s.n}, {"K", s.k}, {"batch", s.batch}};
  }
  if (const auto* pool = std::get_if<MaxPool>(&operation)) {
    const MaxPool::Sizes& s = pool->sizes();
    return {{"batch", s.batch},         {"channels", s.channels},   {"input", s.input},     {"kernel", s.kernel},
            {"stride", s.stride},       {"pad_begin", s.pad_begin}, {"pad_end", s.pad_end}, {"dilation", s.dilation},
            {"ceil_mode", s.ceil_mode}, {"output", pool->output()}};
  }
  const Conv& conv = std::get<Conv>(operation);
  const Conv::Sizes& s = conv.sizes();
  return {{"batch", s.batch},     {"channels", s.channels}, {"filters", s.filters},   {"groups", s.groups},
          {"input", s.input},     {"kernel", s.kernel},     {"stride", s.stride},     {"pad_begin", s.pad_begin},
          {"pad_end", s.pad_end}, {"dilation", s.dilation}, {"output", conv.output()}};
}

double utilisation(std::int64_t useful, std::int64_t multipliers, std::int64_t cycles) {
  const double capacity = static_cast<double>(multipliers) * static_cast<double>(cycles);
  return capacity > 0 ? static_cast<double>(useful) / capacity : 0.0;
}

void add(std::int64_t& sum, std::int64_t amount, const std::string& name) {
  if (__builtin_add_overflow(sum, amount, &sum))
    throw Error(Code::too_large, "totals", name + " do not fit in 63 bits");
}

Json activity(const std::vector<SlotActivity>& slots) {
  Json json = Json::object();
  for (const SlotActivity& slot : slots) {
    Json& of = json[std::string(slot.slot)] = {{"units", slot.units}, {"unit", slot.unit}};
    for (std::size_t state = 0; state < kUnitStates; ++state)
      of[unit_states().at(state).name] = slot.cycles.of.at(state);
  }
  return json;
}

Json bound_json(const Bound& bound) {
  Json cycles = Json::object();
  for (std::size_t i = 0; i < bound.size(); ++i) cycles[kBounds.at(i)] = bound.at(i);
  return {{"by", bound_by(bound)}, {"cycles", cycles}};
}

Json roofline_json(const Roofline& roofline) {
  return {{"intensity", roofline.intensity},
          {"performance", roofline.performance},
          {"peak", roofline.peak},
          {"bandwidth", roofline.bandwidth}};
}

Json early_stop(const LayerResult::EarlyStop& stop) {
  Json json{{"checked", stop.checked},
            {"outputs_stopped", stop.outputs_stopped},
            {"products_skipped", stop.products_skipped},
            {"products_wasted", stop.products_wasted}};
  if (stop.loss) {
    json["wrong_zeros"] = stop.loss->wrong_zeros;
    json["largest_error"] = stop.loss->largest_error;
    json["mean_error"] = stop.loss->mean_error;
  }
  return json;
}

// Where the cycles of all layers went, and what bounds them.
void add_activity(Json& total, const std::vector<LayerResult>& layers) {
  if (layers.empty() || layers.front().activity.empty()) return;
  std::vector<SlotActivity> slots = layers.front().activity;
  for (SlotActivity& slot : slots) slot.cycles = {};
  Bound bounds{};
  Work all;
  for (const LayerResult& layer : layers) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      for (std::size_t state = 0; state < kUnitStates; ++state)
        add(slots[i].cycles.of.at(state), layer.activity[i].cycles.of.at(state), "unit-cycles");
    }
    const Bound of_layer = bound(layer);
    for (std::size_t i = 0; i < bounds.size(); ++i) add(bounds.at(i), of_layer.at(i), "bounds");
    const Work done = work(layer);
    add(all.products, done.products, "products");
    add(all.words, done.words, "words");
    add(all.cycles, done.cycles, "cycles");
  }
  total["activity"] = activity(slots);
  total["bound"] = bound_json(bounds);
  total["roofline"] = roofline_json(roofline(all, layers.front()));
}

// Of all layers, where the machine checks signs.
void add_early_stop(Json& total, const std::vector<LayerResult>& layers) {
  LayerResult::EarlyStop all;
  LayerResult::EarlyStop::Loss loss;
  bool predicts = false;
  for (const LayerResult& layer : layers) {
    if (!layer.early_stop) return;
    const LayerResult::EarlyStop& stop = *layer.early_stop;
    all.checked = all.checked || stop.checked;
    add(all.outputs_stopped, stop.outputs_stopped, "outputs_stopped");
    add(all.products_skipped, stop.products_skipped, "products_skipped");
    add(all.products_wasted, stop.products_wasted, "products_wasted");
    predicts = predicts || stop.loss;
    if (stop.loss) add(loss.wrong_zeros, stop.loss->wrong_zeros, "wrong_zeros");
  }
  if (layers.empty()) return;
  total["early_stop"] = early_stop(all);
  if (predicts) total["early_stop"]["wrong_zeros"] = loss.wrong_zeros;
}

Json totals(const std::vector<LayerResult>& layers) {
  std::int64_t multipliers = 0;
  std::int64_t useful = 0;
  std::int64_t comparisons = 0;
  std::map<std::string, std::int64_t> sum{
      {"cycles", 0}, {"multiplications", 0}, {"buffer_reads", 0}, {"buffer_writes", 0}};
  const auto add = [&](const char* name, std::int64_t amount) { report::add(sum[name], amount, name); };
  for (const LayerResult& layer : layers) {
    add("cycles", layer.cycles);
    add("multiplications", layer.multiplications);
    add("buffer_reads", layer.buffer_reads);
    add("buffer_writes", layer.buffer_writes);
    report::add(useful, report::useful(layer), "products");
    report::add(comparisons, layer.comparisons, "comparisons");
    multipliers = layer.multipliers;
  }
  std::int64_t effective = 0;
  bool all_sparse = !layers.empty();
  for (const LayerResult& layer : layers) {
    all_sparse = all_sparse && layer.sparse.has_value();
    if (layer.sparse) effective += layer.sparse->effective_multiplications;
  }
  Json total = sum;
  total["utilisation"] = utilisation(useful, multipliers, sum["cycles"]);
  if (comparisons > 0) total["comparisons"] = comparisons;
  if (all_sparse) total["effective_multiplications"] = effective;
  add_early_stop(total, layers);
  add_activity(total, layers);
  return total;
}

Json make_units() {
  Json units{{"cycles", "clock cycles"},
             {"multiplications", "multiplications that the operation needs"},
             {"comparisons", "comparisons of two values that max-pooling needs"},
             {"utilisation",
              "multiplications, or values that max-pooling passes on, / (multipliers x cycles): 0 to 1, above 1 where "
              "a sparse machine leaves zeros out"},
             {"buffer_reads", "words read from the global buffer"},
             {"buffer_writes", "words written to the global buffer"},
             {"rounds", "configurations of the array, one a tile"},
             {"distinct_rounds", "rounds that differ in what they cost by themselves"},
             {"evaluated_rounds", "rounds that were evaluated, the others repeat them"},
             {"effective_multiplications", "operations of two non-zeros, on a sparse machine"},
             {"sparsity", "share of zeros in each operand as a matrix, on a sparse machine, 0 to 1"},
             {"early_stop", "outputs and multiplications"},
             {"checked", "true or false"},
             {"outputs_stopped", "outputs whose sums were left before their end"},
             {"products_skipped", "multiplications that were not done"},
             {"products_wasted", "multiplications whose sum had been left while they were on their way"},
             {"wrong_zeros", "outputs that are 0 and would be positive"},
             {"largest_error", "that of one output behind the rectifier, absolute"},
             {"mean_error", "the mean over all outputs behind the rectifier, absolute"},
             {"tile", "outputs in the array at once, by dimension"},
             {"activity", "unit-cycles (one unit for one cycle) by state, which sum to units x cycles"},
             {"bound",
              "cycles that each alone costs: busy unit-cycles over the units that take part; "
              "drain: those in which multipliers wait for a round to begin or to end"},
             {"roofline",
              "intensity: useful products a word of buffer traffic; performance: "
              "useful products a cycle; peak: multipliers; bandwidth: words a cycle"}};
  for (const UnitStateInfo& state : unit_states()) units[state.name] = fmt::format("unit-cycles: {}", state.doc);
  return units;
}

const Json& units() {
  static const Json kUnits = make_units();
  return kUnits;
}

}  // namespace

Json machine(const arch::Machine& machine) {
  Json parts = Json::object();
  for (const std::string& slot : arch::slots()) {
    Json part{{"type", machine.part(slot).type}};
    for (const auto& [name, v] : machine.part(slot).values) part[name] = value(v);
    parts[slot] = part;
  }
  return {{"name", machine.name}, {"summary", machine.summary}, {"follows", machine.follows}, {"parts", parts}};
}

Json catalog(const schema::Catalog& catalog) {
  Json rows = Json::array();
  for (const schema::ComponentInfo& component : catalog) {
    Json row{{"slot", component.slot},   {"type", component.type}, {"family", component.family},
             {"doc", component.doc},     {"unit", component.unit}, {"parameters", Json::array()},
             {"counters", Json::array()}};
    for (const schema::Parameter& p : component.parameters) {
      row["parameters"].push_back({{"name", p.name},
                                   {"type", schema::type_name(p)},
                                   {"unit", p.unit},
                                   {"default", value(p.initial)},
                                   {"minimum", p.range ? Json(p.range->minimum) : Json()},
                                   {"maximum", p.range ? Json(p.range->maximum) : Json()},
                                   {"choices", p.choices},
                                   {"doc", p.doc}});
    }
    for (const schema::CounterInfo& c : component.counters)
      row["counters"].push_back({{"name", c.name}, {"unit", c.unit}, {"doc", c.doc}});
    if (component.origin) row["plugin"] = component.origin->plugin;
    rows.push_back(row);
  }
  return rows;
}

Json plugins(const arch::Machine& machine) {
  std::map<std::string, Json> rows;
  for (const std::string& slot : arch::slots()) {
    const arch::Part& part = machine.part(slot);
    if (!part.origin) continue;
    Json& row = rows[part.origin->file];
    row["name"] = part.origin->plugin;
    row["version"] = part.origin->version;
    row["file"] = part.origin->file;
    row["parts"].push_back(slot + "." + part.type);
  }
  Json all = Json::array();
  for (const auto& [file, row] : rows) all.push_back(row);
  return all;
}

Json layer(const LayerResult& layer) {
  Json json{{"name", layer.name},
            {"operation", kind(layer.operation)},
            {"sizes", sizes(layer.operation)},
            {"mapping",
             {{"tile", layer.tile},
              {"chosen", layer.chosen},
              {"rounds", layer.rounds},
              {"distinct_rounds", layer.distinct_rounds},
              {"evaluated_rounds", layer.evaluated_rounds}}},
            {"evaluator", layer.evaluator},
            {"cycles", layer.cycles},
            {"multiplications", layer.multiplications},
            {"utilisation", layer.utilisation()},
            {"buffer_reads", layer.buffer_reads},
            {"buffer_writes", layer.buffer_writes},
            {"counters", layer.counters}};
  if (!layer.activity.empty()) {
    json["activity"] = activity(layer.activity);
    json["bound"] = bound_json(bound(layer));
    json["roofline"] = roofline_json(roofline(work(layer), layer));
  }
  if (std::holds_alternative<MaxPool>(layer.operation)) json["comparisons"] = layer.comparisons;
  if (layer.sparse) {
    json["effective_multiplications"] = layer.sparse->effective_multiplications;
    json["sparsity"] = {{"weights", layer.sparse->weight_zeros}, {"inputs", layer.sparse->input_zeros}};
  }
  if (layer.early_stop) json["early_stop"] = early_stop(*layer.early_stop);
  return json;
}

const char* objective(Objective objective) {
  static constexpr std::array<const char*, 3> kNames{"cycles", "energy", "edp"};
  return kNames.at(static_cast<std::size_t>(objective));
}

Json mapping(const MappingResult& mapping) {
  const TileCost& best = mapping.best;
  Json alternatives = Json::array();
  for (const TileCost& other : mapping.alternatives) {
    const auto ratio = [](double mine, double theirs) { return mine / theirs; };
    alternatives.push_back(
        {{"tile", other.tile},
         {"cycles", other.cycles},
         {"energy", other.energy},
         {"multipliers_used", other.multipliers_used},
         {"bound_by", other.bound_by},
         {"why", fmt::format("{:.3f} x the cycles, {:.3f} x the energy; its {} alone needs {} cycles",
                             ratio(static_cast<double>(other.cycles), static_cast<double>(best.cycles)),
                             ratio(other.energy, best.energy), other.bound_by, other.bound)}});
  }
  return {{"objective", objective(mapping.objective)},
          {"tile", best.tile},
          {"cycles", best.cycles},
          {"energy", best.energy},
          {"edp", best.energy * static_cast<double>(best.cycles)},
          {"multipliers_used", best.multipliers_used},
          {"candidates",
           {{"legal", mapping.legal},
            {"pruned", mapping.legal - mapping.evaluated - mapping.untried},
            {"evaluated", mapping.evaluated},
            {"untried", mapping.untried},
            {"complete", mapping.untried == 0}}},
          {"bound",
           {{"by", best.bound_by},
            {"cycles", best.bound},
            {"text", fmt::format("its {} alone needs {} of the {} cycles", best.bound_by, best.bound, best.cycles)}}},
          {"alternatives", alternatives}};
}

std::string text(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

}  // namespace cairn::report

namespace cairn {

double LayerResult::utilisation() const { return report::utilisation(report::useful(*this), multipliers, cycles); }

std::string to_json(const LayerResult& layer) { return report::text(report::layer(layer)); }
std::string to_json(const MappingResult& mapping) { return report::text(report::mapping(mapping)); }

std::string document(const Machine& machine, const std::vector<LayerResult>& layers, const std::string& context_json,
                     const EnergyTable& energy) {
  report::Json context = report::Json::parse(context_json, nullptr, false);
  if (!context.is_object())
    throw Error(Code::wrong_type, "context", "the context must be a JSON object", "{\"seed\": 1}");
  context["version"] = version();
  context["machine"] = report::machine(machine.description());
  if (const report::Json plugins = report::plugins(machine.description()); !plugins.empty())
    context["plugins"] = plugins;
  report::Json all = report::Json::array();
  for (const LayerResult& one : layers) all.push_back(report::layer(one));
  report::Json made{{"schema", "cairn.result/1"},
                    {"context", context},
                    {"units", report::units()},
                    {"layers", all},
                    {"totals", report::totals(layers)}};
  report::price(made, cost::Meter(machine.description(), energy.prices()));
  return report::text(made, 2);
}

const char* version() { return CAIRN_VERSION; }

}  // namespace cairn
