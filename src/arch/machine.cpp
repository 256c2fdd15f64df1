#include "arch/machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "arch/rules.h"
#include "schema/toml_text.h"
#include "util/diagnostics.h"

namespace cairn::arch {
namespace {

using schema::ComponentInfo;
using schema::Parameter;
using schema::Value;

const std::vector<std::string> kTextKeys{"name", "summary", "follows"};

// Reads one description: TOML tables in, a Machine out, all faults collected on the way.
class Reader {
 public:
  Reader(std::string source, const schema::Catalog& catalog) : source_(std::move(source)), catalog_(catalog) {}

  Machine read(const toml::table& root, const Overrides& overrides) {
    check_top_level(root);
    Machine machine{text(root, "name"), text(root, "summary"), text(root, "follows"), {}, {}};
    for (const std::string& slot : slots()) read_part(root, slot, machine);
    // Types first, since another part starts from its own defaults.
    const auto chooses_part = [](const std::string& path) { return path.ends_with(".type"); };
    for (const auto& [path, value] : overrides) {
      if (chooses_part(path)) override_value(machine, path, value);
    }
    for (const auto& [path, value] : overrides) {
      if (!chooses_part(path)) override_value(machine, path, value);
    }
    if (faults_.empty()) {
      machine.family = family(machine, "memory");
      for (const std::string& slot : slots()) check_family(machine, slot);
    }
    if (faults_.empty()) check_rules(machine, source_, faults_);
    faults_.raise_if_any();
    return machine;
  }

 private:
  std::string place(const toml::node& node) const {
    const auto& begin = node.source().begin;
    return fmt::format("{}:{}:{}", source_, begin.line, begin.column);
  }
  std::string place(const toml::key& key) const {
    const auto& begin = key.source().begin;
    return fmt::format("{}:{}:{}", source_, begin.line, begin.column);
  }

  void check_top_level(const toml::table& root) {
    std::vector<std::string> known = kTextKeys;
    known.insert(known.end(), slots().begin(), slots().end());
    for (const auto& [key, node] : root) {
      const std::string word(key.str());
      if (std::ranges::find(known, word) == known.end()) {
        faults_.add(Code::unknown_key, place(key),
                    fmt::format("unknown {} '{}'", node.is_table() ? "table" : "key", word),
                    util::nearest(word, known));
      }
    }
  }

  std::string text(const toml::table& root, const std::string& key) {
    const toml::node* node = root.get(key);
    if (node == nullptr) {
      faults_.add(Code::missing_key, source_, fmt::format("the machine has no '{}'", key),
                  fmt::format("{} = \"...\" at the top", key));
      return "";
    }
    if (const auto value = node->value_exact<std::string>()) return *value;
    faults_.add(Code::wrong_type, place(*node), fmt::format("'{}' must be text", key),
                fmt::format("{} = \"...\"", key));
    return "";
  }

  void read_part(const toml::table& root, const std::string& slot, Machine& machine) {
    const toml::node* node = root.get(slot);
    if (node == nullptr) {
      faults_.add(Code::missing_key, source_, fmt::format("the machine has no [{}]", slot),
                  fmt::format("[{}] with type = one of: {}", slot, fmt::join(types(slot), ", ")));
      return;
    }
    const toml::table* table = node->as_table();
    if (table == nullptr) {
      faults_.add(Code::wrong_type, place(*node), fmt::format("'{}' must be a table", slot), fmt::format("[{}]", slot));
      return;
    }
    const ComponentInfo* component = read_type(*table, slot);
    if (component == nullptr) return;
    Part part = with_defaults(*component);
    for (const auto& [key, value] : *table) {
      if (key.str() != "type") read_value(*component, std::string(key.str()), value, place(key), part);
    }
    machine.parts[slot] = std::move(part);
  }

  const ComponentInfo* read_type(const toml::table& table, const std::string& slot) {
    const toml::node* node = table.get("type");
    if (node == nullptr) {
      faults_.add(Code::missing_key, place(table), fmt::format("[{}] has no 'type'", slot),
                  fmt::format("type = one of: {}", fmt::join(types(slot), ", ")));
      return nullptr;
    }
    const auto type = node->value_exact<std::string>();
    if (!type) {
      faults_.add(Code::wrong_type, place(*node), fmt::format("the type of [{}] must be text", slot),
                  fmt::format("type = one of: {}", fmt::join(types(slot), ", ")));
      return nullptr;
    }
    return component(slot, *type, place(*node));
  }

  const ComponentInfo* component(const std::string& slot, const std::string& type, const std::string& where) {
    const auto found =
        std::ranges::find_if(catalog_, [&](const ComponentInfo& c) { return c.slot == slot && c.type == type; });
    if (found != catalog_.end()) return &*found;
    faults_.add(Code::unknown_name, where, fmt::format("unknown type '{}' for [{}]", type, slot),
                util::nearest(type, types(slot)));
    return nullptr;
  }

  static Part with_defaults(const ComponentInfo& component) {
    Part part{component.type, {}, component.costs, component.origin};
    for (const Parameter& parameter : component.parameters) part.values[parameter.name] = parameter.initial;
    return part;
  }

  void read_value(const ComponentInfo& component, const std::string& key, const toml::node& node,
                  const std::string& where, Part& part) {
    const Parameter* parameter = find(component, key, where);
    if (parameter == nullptr) return;
    std::optional<Value> value;
    if (const auto number = node.value_exact<std::int64_t>()) value = *number;
    if (const auto flag = node.value_exact<bool>()) value = *flag;
    if (const auto word = node.value_exact<std::string>()) value = *word;
    // A float, a date or an array is the wrong type for every parameter: let a value of another type say so.
    if (!value) value = std::holds_alternative<bool>(parameter->initial) ? Value{std::int64_t{0}} : Value{false};
    schema::check(*parameter, *value, where, faults_);
    part.values[key] = *value;
  }

  const Parameter* find(const ComponentInfo& component, const std::string& key, const std::string& where) {
    const auto parameter = std::ranges::find(component.parameters, key, &Parameter::name);
    if (parameter != component.parameters.end()) return &*parameter;
    std::vector<std::string> names{"type"};
    for (const Parameter& p : component.parameters) names.push_back(p.name);
    faults_.add(Code::unknown_key, where,
                fmt::format("unknown key '{}' in [{}] of type {}", key, component.slot, component.type),
                util::nearest(key, names));
    return nullptr;
  }

  // "--set multiplier.rows=8": typed text, turned into the type of the parameter.
  void override_value(Machine& machine, const std::string& path, const std::string& typed) {
    const std::string where = fmt::format("--set {}={}", path, typed);
    const auto dot = path.find('.');
    const std::string slot = path.substr(0, dot);
    if (dot == std::string::npos || std::ranges::find(slots(), slot) == slots().end()) {
      faults_.add(Code::unknown_key, where, fmt::format("'{}' is not slot.parameter", path),
                  util::nearest(slot, slots()));
      return;
    }
    const auto part = machine.parts.find(slot);
    if (part == machine.parts.end()) return;  // its table is faulty, which was told already
    const std::string key = path.substr(dot + 1);
    if (key == "type") {  // another part in the slot starts from its own defaults
      if (const ComponentInfo* chosen = component(slot, typed, where)) part->second = with_defaults(*chosen);
      return;
    }
    const ComponentInfo& present = *component(slot, part->second.type, where);
    const Parameter* parameter = find(present, key, where);
    if (parameter == nullptr) return;
    const Value value = typed_value(typed);
    schema::check(*parameter, value, where, faults_);
    part->second.values[key] = value;
  }

  std::string family(const Machine& machine, const std::string& slot) const {
    const std::string& type = machine.part(slot).type;
    return std::ranges::find_if(catalog_, [&](const ComponentInfo& c) { return c.slot == slot && c.type == type; })
        ->family;
  }

  // The memory controller decides what kind of machine it is; every other part must be for that kind, or for any.
  void check_family(const Machine& machine, const std::string& slot) {
    const std::string own = family(machine, slot);
    if (own.empty() || own == machine.family) return;
    std::vector<std::string> fitting;
    for (const ComponentInfo& component : catalog_) {
      if (component.slot == slot && (component.family.empty() || component.family == machine.family))
        fitting.push_back(component.type);
    }
    faults_.add(Code::inconsistent_machine, fmt::format("{}: {}.type", source_, slot),
                fmt::format("'{}' is for {} machines, the memory controller '{}' for {} ones", machine.part(slot).type,
                            own, machine.part("memory").type, machine.family),
                fmt::format("type = one of: {}", fmt::join(fitting, ", ")));
  }

  static Value typed_value(const std::string& typed) {
    if (typed == "true") return true;
    if (typed == "false") return false;
    std::int64_t number = 0;
    const char* end = typed.data() + typed.size();
    const auto [stop, error] = std::from_chars(typed.data(), end, number);
    if (error == std::errc{} && stop == end) return number;
    return typed;
  }

  std::vector<std::string> types(const std::string& slot) const {
    std::vector<std::string> names;
    for (const ComponentInfo& component : catalog_) {
      if (component.slot == slot) names.push_back(component.type);
    }
    return names;
  }

  std::string source_;
  const schema::Catalog& catalog_;
  util::Diagnostics faults_;
};

}  // namespace

const std::vector<std::string>& slots() {
  static const std::vector<std::string> kSlots{"memory",    "distribution", "multiplier",
                                               "reduction", "collection",   "writeback"};
  return kSlots;
}

Machine parse_machine(std::string_view text, const std::string& source, const Overrides& overrides,
                      const schema::Catalog& catalog) {
  const toml::table root =
      schema::parse_toml(text, source, "key = value under [slot] tables; see presets/ for examples");
  return Reader(source, catalog).read(root, overrides);
}

Machine load_preset(const std::string& name, const Overrides& overrides, const schema::Catalog& catalog) {
  const auto found = std::ranges::find(presets(), std::string_view(name), &Preset::name);
  if (found == presets().end()) {
    std::vector<std::string> names;
    for (const Preset& preset : presets()) names.emplace_back(preset.name);
    throw Error(Code::unknown_name, "--arch", fmt::format("unknown preset '{}'", name),
                util::nearest(name, names) + " Or give a .toml file.");
  }
  return parse_machine(found->text, "preset " + name, overrides, catalog);
}

Control control(const Machine& machine) {
  const std::string& type = machine.part("memory").type;
  if (type == "bitmap") return Control::bitmaps;
  if (type == "csr") return Control::rows;
  if (type == "lanes") return Control::outputs;
  if (type == "systolic-stationary") return Control::folds;
  return machine.family == "systolic" ? Control::tiles : Control::loops;
}

SystolicArray systolic_array(const Machine& machine) {
  const Part& multiplier = machine.part("multiplier");
  const Part& memory = machine.part("memory");
  SystolicArray array{static_cast<int>(multiplier.integer("rows")), static_cast<int>(multiplier.integer("columns")),
                      false};
  array.holds = control(machine) == Control::folds;
  array.overlapped = !array.holds && memory.flag("overlap");
  array.whole = array.overlapped || memory.flag("whole_array");
  array.stationary_inputs = array.holds && memory.word("stationary") == "inputs";
  return array;
}

FlexibleArray flexible_array(const Machine& machine) {
  const std::int64_t lines = machine.part("collection").integer("lines");  // 0 = one a multiplier
  const Part& reduction = machine.part("reduction");
  const Part& memory = machine.part("memory");
  const Part& multiplier = machine.part("multiplier");
  const bool adds_up = reduction.type == "art" ? reduction.flag("accumulators") : reduction.type != "synchronous-fan";
  const Folding folding = adds_up ? Folding::reduction : Folding::multipliers;
  return {static_cast<int>(multiplier.integer("multipliers")),
          static_cast<int>(machine.part("distribution").integer("bandwidth")),
          static_cast<int>(lines == 0 ? machine.part("multiplier").integer("multipliers") : lines),
          memory.word("folds") == "outer" ? Folding::buffer : folding,
          reduction.type == "temporal",
          reduction.type == "temporal" || reduction.type == "fan",
          machine.part("distribution").type != "tree",
          multiplier.type == "linear",
          multiplier.type == "linear" && multiplier.word("forwarding") == "right",
          memory.flag("row_barrier")};
}

SparseArray sparse_array(const Machine& machine) {
  const Part& memory = machine.part("memory");
  const Part& reduction = machine.part("reduction");
  SparseArray array{static_cast<int>(machine.part("multiplier").integer("multipliers")),
                    memory.word("stationary") == "inputs", reduction.type == "temporal",
                    reduction.type != "art" || reduction.flag("accumulators"),
                    reduction.type == "temporal" || reduction.type == "fan"};
  if (memory.type == "bitmap") {
    array.minimum_ones = static_cast<int>(memory.integer("minimum_ones"));
    array.psums_streamed = memory.word("psums") == "streamed";
    array.fold_barrier = memory.flag("fold_barrier");
  }
  return array;
}

LaneArray lane_array(const Machine& machine) {
  const Part& memory = machine.part("memory");
  return {memory.integer("filters_held"), machine.part("reduction").type == "sign-check",
          memory.word("order") == "magnitude", memory.integer("prefix"),
          static_cast<double>(memory.integer("threshold")) / 1000};
}

}  // namespace cairn::arch
