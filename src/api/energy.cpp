#include "cairn/energy.h"

#include <fmt/format.h>

#include "api/files.h"
#include "cost/energy.h"
#include "fabric/part.h"
#include "report/energy.h"
#include "util/diagnostics.h"

namespace cairn {
namespace {

constexpr const char* kDefault = "cmos-45nm";

EnergyTable wrap(cost::Table table, const EnergyOptions& options) {
  return EnergyTable(std::make_shared<const cost::Prices>(
      cost::prices(std::move(table), options.clock_mhz, options.datatype, options.buffer_kib)));
}

report::Json result_document(const std::string& text) {
  report::Json json = report::Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("schema", report::Json()) != "cairn.result/1")
    throw Error(Code::wrong_type, "document", "this is not a result document",
                "a result that `cairn run --json` wrote");
  return json;
}

// The machine of a document, whose parts are as a machine file has them.
arch::Machine recorded(const report::Json& document) {
  const auto at = [](const report::Json& json, const char* key, const std::string& place) -> const report::Json& {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_object())
      throw Error(Code::missing_key, place, fmt::format("the document has no '{}'", key),
                  "a result that `cairn run --json` wrote");
    return *found;
  };
  const report::Json& machine = at(at(document, "context", "document"), "machine", "context");
  const auto text_of = [&](const char* key) { return machine.value(key, report::Json("")).dump(); };
  std::string text;
  for (const char* key : {"name", "summary", "follows"}) text += fmt::format("{} = {}\n", key, text_of(key));
  for (const auto& [slot, part] : at(machine, "parts", "context.machine").items()) {
    text += fmt::format("[{}]\n", report::Json(slot).dump());
    if (!part.is_object()) continue;  // a table without its type, which is told
    for (const auto& [key, value] : part.items())
      text += fmt::format("{} = {}\n", report::Json(key).dump(), value.dump());
  }
  return arch::parse_machine(text, "context.machine", {}, fabric::catalog());
}

}  // namespace

EnergyTable::EnergyTable() {
  static const EnergyTable kRead = load_energy_table(kDefault);
  prices_ = kRead.prices_;
}

const std::string& EnergyTable::name() const { return prices_->table.name; }
std::string EnergyTable::to_json() const { return report::text(report::table(*prices_)); }
std::string EnergyTable::of(const Machine& machine) const {
  return report::text(report::built_of(cost::Meter(machine.description(), *prices_)));
}

EnergyTable load_energy_table(const std::string& name_or_path, const EnergyOptions& options) {
  if (name_or_path.ends_with(".toml"))
    return parse_energy_table(api::read_file(name_or_path, "the energy table"), name_or_path, options);
  return wrap(cost::load_table(name_or_path), options);
}

EnergyTable parse_energy_table(const std::string& text, const std::string& source, const EnergyOptions& options) {
  return wrap(cost::parse_table(text, source), options);
}

std::vector<EnergyTable> energy_tables() {
  std::vector<EnergyTable> tables;
  for (const cost::Text& each : cost::texts()) tables.push_back(load_energy_table(std::string(each.name)));
  return tables;
}

std::string charges_json() { return report::text(report::charges(fabric::catalog())); }

Machine machine_of(const std::string& document) {
  return Machine(std::make_shared<const arch::Machine>(recorded(result_document(document))));
}

std::string priced(const std::string& document, const EnergyTable& table) {
  report::Json json = result_document(document);
  report::price(json, cost::Meter(recorded(json), table.prices()));
  return report::text(json, 2);
}

}  // namespace cairn
