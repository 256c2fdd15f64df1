// Machine descriptions: presets, TOML files, overrides.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cairn {

namespace arch {
struct Machine;
}

// A checked machine description. Values of this type are always valid; copying one is cheap.
class Machine {
 public:
  explicit Machine(std::shared_ptr<const arch::Machine> description) : description_(std::move(description)) {}

  const std::string& name() const;
  const std::string& summary() const;
  const std::string& follows() const;
  // The resolved description, defaults filled in, as JSON: {"name", "summary", "follows", "parts": {slot: {"type",
  // ...}}}.
  std::string to_json() const;

  const arch::Machine& description() const { return *description_; }

 private:
  std::shared_ptr<const arch::Machine> description_;
};

// "slot.parameter" -> value as typed, for instance {"multiplier.rows", "8"}; "slot.type" swaps the part.
using Overrides = std::vector<std::pair<std::string, std::string>>;

// A preset by name, or a description in TOML (a path that ends in .toml). Throws Error: E101 to E107, E201.
Machine load_machine(const std::string& name_or_path, const Overrides& overrides = {});
// A description from memory; `source` names it in diagnostics.
Machine parse_machine(const std::string& text, const std::string& source, const Overrides& overrides = {});

// Every preset, sorted by name.
std::vector<Machine> presets();
// Every component with its parameters and counters, as JSON: [{"slot", "type", "doc", "parameters": [...], "counters":
// [...]}].
std::string catalog_json();

}  // namespace cairn
