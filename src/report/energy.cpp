#include "report/energy.h"

#include <fmt/format.h>

#include <algorithm>

#include "cost/declared.h"
#include "util/diagnostics.h"

namespace cairn::report {
namespace {

constexpr const char* kUnstated = "unit of the table";

std::string unit(const cost::Prices& prices) { return prices.in_joules() ? prices.table.unit : kUnstated; }

template <class T>
Json known(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json split(const cost::Energy& energy) { return {{"dynamic", energy.dynamic}, {"static", energy.constant}}; }

Json energy(const cost::Energies& energies, Cycle cycles, const cost::Prices& prices) {
  Json parts = Json::object();
  for (const std::string& slot : arch::slots()) {
    cost::Energy sum;
    const auto found = energies.find(slot);
    if (found != energies.end()) {
      for (const auto& [component, each] : found->second) sum += each;
    }
    parts[slot] = split(sum);
  }
  const cost::Energy all = cost::total(energies);
  const double seconds = prices.seconds(static_cast<double>(cycles));
  const bool watts = prices.in_joules() && cycles > 0;
  return {{"dynamic", all.dynamic},
          {"static", all.constant},
          {"total", all.total()},
          {"parts", parts},
          {"power", watts ? Json(all.total() * 1e-12 / seconds) : Json()},
          {"edp", all.total() * seconds}};
}

Json area(const cost::Meter& meter) {
  Json parts = Json::object();
  for (const std::string& slot : arch::slots()) parts[slot] = 0.0;
  Json components = Json::object();
  double total = 0;
  for (const cost::Units& each : meter.units()) {
    const double area = static_cast<double>(each.count) * meter.prices().area(each.component, each.width);
    parts[each.part] = parts[each.part].get<double>() + area;
    Json& component = components[each.part + "." + each.component];
    if (component.is_null()) component = {{"units", Count{0}}, {"area", 0.0}};
    component["units"] = component["units"].get<Count>() + each.count;
    component["area"] = component["area"].get<double>() + area;
    total += area;
  }
  return {{"unit", "um2"}, {"total", total}, {"parts", parts}, {"components", components}};
}

Json context(const cost::Prices& prices) {
  const cost::Table& table = prices.table;
  return {{"table", table.name},         {"unit", unit(prices)},
          {"clock", prices.clock_mhz},   {"node", text_or_null(table.node)},
          {"datatype", prices.datatype}, {"buffer", known(prices.buffer_kib)},
          {"source", table.source},      {"note", text_or_null(table.note)}};
}

// What a document says that it is, or what it should say.
[[noreturn]] void refuse(const std::string& place, const std::string& wanted) {
  throw Error(Code::wrong_type, place, fmt::format("this is not {}", wanted), "a result that `cairn run --json` wrote");
}

stats::CounterTree counters(const Json& layer, const std::string& place) {
  const auto found = layer.find("counters");
  if (found == layer.end() || !found->is_object()) refuse(place + ".counters", "a table of counters");
  stats::CounterTree tree;
  for (const auto& [slot, values] : found->items()) {
    if (!values.is_object()) refuse(place + ".counters", "a table of counters");
    for (const auto& [name, value] : values.items()) {
      if (!value.is_number_integer() || value < 0)
        refuse(fmt::format("{}.counters.{}.{}", place, slot, name), "a count");
      tree[slot][name] = value.get<Count>();
    }
  }
  return tree;
}

const char* word(cost::Width width) { return width == cost::Width::sum ? "sum" : "operand"; }

std::string law(const cost::Figure& figure) {
  std::string text;
  if (const auto* one = std::get_if<double>(&figure.value)) text = fmt::format("{}", *one);
  if (const auto* types = std::get_if<cost::Figure::ByDatatype>(&figure.value)) {
    for (const auto& [name, value] : *types) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  if (const auto* points = std::get_if<cost::Figure::ByCapacity>(&figure.value)) {
    for (const auto& [kib, value] : *points)
      text += fmt::format("{}{} at {} KiB", text.empty() ? "" : ", ", value, kib);
  }
  if (figure.bits) text += *figure.bits == 1 ? " a bit" : fmt::format(", for {} bits", *figure.bits);
  if (figure.kib) text += *figure.kib == 1 ? " a KiB" : fmt::format(", for {} KiB", *figure.kib);
  return text;
}

}  // namespace

void price(Json& document, const cost::Meter& meter) {
  const auto layers = document.find("layers");
  if (layers == document.end() || !layers->is_array()) refuse("layers", "a list of layers");
  cost::Energies sum;
  Cycle cycles = 0;
  for (std::size_t i = 0; i < layers->size(); ++i) {
    Json& layer = (*layers)[i];
    const std::string place = fmt::format("layers[{}]", i);
    if (!layer.is_object() || !layer.contains("cycles") || !layer["cycles"].is_number_integer() || layer["cycles"] < 0)
      refuse(place, "a layer with its cycles");
    const auto taken = layer["cycles"].get<Cycle>();
    const cost::Energies energies = meter.energies(counters(layer, place), taken);
    layer["energy"] = energy(energies, taken, meter.prices());
    for (const auto& [slot, parts] : energies) {
      for (const auto& [component, each] : parts) sum[slot][component] += each;
    }
    if (__builtin_add_overflow(cycles, taken, &cycles))
      throw Error(Code::too_large, "totals", "cycles do not fit in 63 bits");
  }
  Json total = energy(sum, cycles, meter.prices());
  Json components = Json::object();
  for (const auto& [slot, parts] : sum) {
    for (const auto& [component, each] : parts) components[fmt::format("{}.{}", slot, component)] = split(each);
  }
  total["components"] = components;
  document["totals"]["energy"] = total;
  document["area"] = area(meter);
  document["context"]["energy"] = context(meter.prices());
  document["units"]["energy"] =
      "dynamic: of what was counted; static: of being there; edp: total x seconds at context.energy.clock (MHz); all "
      "in context.energy.unit, power in watts";
}

Json table(const cost::Prices& prices) {
  const cost::Table& table = prices.table;
  Json json{{"name", table.name}, {"summary", table.summary}};
  const Json about = context(prices);
  for (const auto& [key, value] : about.items()) {
    if (key != "table") json[key] = value;
  }
  json["voltage"] = known(table.voltage);
  json["figures"] = Json::array();
  for (const cost::Component& component : cost::components()) {
    const auto add = [&](const std::string& of, double value) {
      const cost::Figure& figure = table.figure(component.name, of);
      json["figures"].push_back({{"component", component.name},
                                 {"of", of},
                                 {"value", value},
                                 {"unit", of == "static" ? unit(prices) + "/cycle"
                                          : of == "area" ? "um2"
                                                         : unit(prices)},
                                 {"law", fmt::format("{} ({})", law(figure), figure.unit)},
                                 {"source", figure.source},
                                 {"estimated", figure.estimated}});
    };
    add("area", prices.area(component.name, cost::Width::operand));
    add("static", prices.leakage(component.name, cost::Width::operand));
    for (const std::string& action : component.actions)
      add(action, prices.energy(component.name, action, cost::Width::operand));
  }
  return json;
}

Json built_of(const cost::Meter& meter) {
  const cost::Prices& prices = meter.prices();
  Json rows = Json::array();
  for (const cost::Units& each : meter.units()) {
    const bool both_widths = std::ranges::count_if(meter.units(), [&](const cost::Units& other) {
                               return other.part == each.part && other.component == each.component;
                             }) > 1;
    Json actions = Json::object();
    for (const cost::Charge& charge : meter.charges()) {
      if (charge.part != each.part || charge.component != each.component) continue;
      if (both_widths && charge.width != each.width) continue;
      const double energy = prices.energy(charge.component, charge.action, charge.width);
      // One unit that takes words of both widths: its action on sums may cost something else.
      const bool other = actions.contains(charge.action) && actions[charge.action] != energy;
      actions[other ? charge.action + "_sum" : charge.action] = energy;
    }
    rows.push_back({{"part", each.part},
                    {"component", each.component},
                    {"word", word(each.width)},
                    {"units", each.count},
                    {"area", prices.area(each.component, each.width)},
                    {"static", prices.leakage(each.component, each.width)},
                    {"actions", actions}});
  }
  return rows;
}

Json charges(const schema::Catalog& catalog) {
  std::vector<cost::Charge> charged = cost::charges();
  std::vector<cost::Exemption> exempt = cost::exemptions();
  for (const schema::ComponentInfo& part : catalog) {
    if (!part.costs) continue;
    std::ranges::move(cost::declared_charges(part.slot, part.type, *part.costs), std::back_inserter(charged));
    std::ranges::move(cost::declared_exemptions(part.slot, part.type, *part.costs), std::back_inserter(exempt));
  }
  Json all{{"charges", Json::array()}, {"exemptions", Json::array()}};
  for (const cost::Charge& each : charged)
    all["charges"].push_back({{"slot", each.slot},
                              {"types", each.types},
                              {"counter", each.counter},
                              {"part", each.part},
                              {"component", each.component},
                              {"action", each.action},
                              {"word", word(each.width)}});
  for (const cost::Exemption& each : exempt)
    all["exemptions"].push_back(
        {{"slot", each.slot}, {"types", each.types}, {"counter", each.counter}, {"reason", each.reason}});
  return all;
}

}  // namespace cairn::report
