// What runs cost in energy and machines in area, by a table of figures (docs/energy.md).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/machine.h"

namespace cairn {

namespace cost {
struct Prices;
}

// What the figures of a table are for. What is left out is as the table says.
struct EnergyOptions {
  std::optional<double> clock_mhz{};
  std::string datatype{};              // "fp32", "int8"
  std::optional<double> buffer_kib{};  // capacity of the global buffer
};

// A checked table of energy and area. Values of this type are always valid; copying one is cheap.
class EnergyTable {
 public:
  EnergyTable();  // the default one
  explicit EnergyTable(std::shared_ptr<const cost::Prices> prices) : prices_(std::move(prices)) {}

  const std::string& name() const;
  // {"name", "summary", "source", "note", "unit", "clock", "node", "voltage", "datatype", "buffer", "figures":
  // [{"component", "of", "unit", "value", "law", "source", "estimated"}]}: of an operand where sums are wider.
  std::string to_json() const;
  // The units that a machine is built of, with their prices: [{"part", "component", "units", "area", "static",
  // "actions": {name: energy}}], each of one unit.
  std::string of(const Machine& machine) const;

  const cost::Prices& prices() const { return *prices_; }

 private:
  std::shared_ptr<const cost::Prices> prices_;
};

// A table by name, or one in TOML (a path that ends in .toml). Throws Error: E101 to E107, E303.
EnergyTable load_energy_table(const std::string& name_or_path, const EnergyOptions& options = {});
// A table from memory; `source` names it in diagnostics.
EnergyTable parse_energy_table(const std::string& text, const std::string& source, const EnergyOptions& options = {});

// Every table that ships with Cairn, sorted by name.
std::vector<EnergyTable> energy_tables();

// Which counter is which action, and which is none for what reason, as JSON: {"charges": [{"slot", "types", "counter",
// "part", "component", "action", "word"}], "exemptions": [{"slot", "types", "counter", "reason"}]}; no types: all.
std::string charges_json();

// The machine that a result document tells of. Throws Error: E102 to E107 and E201 for a document that is none.
Machine machine_of(const std::string& document);
// A result document with its energy and area by another table: from its counters and its machine, without a run.
// Throws as machine_of does.
std::string priced(const std::string& document, const EnergyTable& table);

}  // namespace cairn
