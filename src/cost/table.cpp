#include "cost/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "schema/toml_text.h"
#include "util/diagnostics.h"

namespace cairn::cost {
namespace {

constexpr double kLargest = 1e15;

// Reads one table: TOML in, a Table out, all faults collected on the way.
class Reader {
 public:
  explicit Reader(std::string source) : source_(std::move(source)) {}

  Table read(const toml::table& root) {
    check_keys(root, head_keys(), "the table");
    table_.name = text(root, "name", "the table");
    table_.summary = text(root, "summary", "the table");
    table_.source = text(root, "source", "the table");
    table_.datatype = text(root, "datatype", "the table");
    table_.note = text(root, "note");
    table_.node = text(root, "node");
    table_.voltage = number(root, "voltage", 1e-3, 100);
    table_.clock_mhz = number(root, "clock_mhz", 1e-3, 1e6).value_or(0);
    if (root.get("clock_mhz") == nullptr) missing(source_, "the table has no 'clock_mhz'", "clock_mhz = 500.0");
    table_.buffer_kib = number(root, "buffer_kib", 1e-3, 1e9);
    read_datatypes(root);
    for (const Component& component : components()) read_component(root, component);
    if (faults_.empty()) check_together();
    faults_.raise_if_any();
    return std::move(table_);
  }

 private:
  template <class Node>
  std::string place(const Node& node) const {
    const auto& begin = node.source().begin;
    return fmt::format("{}:{}:{}", source_, begin.line, begin.column);
  }

  static std::vector<std::string> head_keys() {
    std::vector<std::string> keys{"name",    "summary",   "source",     "note",     "node",
                                  "voltage", "clock_mhz", "buffer_kib", "datatype", "datatypes"};
    for (const Component& component : components()) keys.push_back(component.name);
    return keys;
  }

  void missing(const std::string& where, const std::string& message, const std::string& remedy) {
    faults_.add(Code::missing_key, where, message, remedy);
  }

  void check_keys(const toml::table& given, const std::vector<std::string>& known, const std::string& in) {
    for (const auto& [key, node] : given) {
      const std::string word(key.str());
      if (std::ranges::find(known, word) == known.end())
        faults_.add(Code::unknown_key, place(key), fmt::format("unknown key '{}' in {}", word, in),
                    util::nearest(word, known));
    }
  }

  // A text. What needs one has it missing otherwise.
  std::string text(const toml::table& given, const char* key, const std::string& needed_by = "") {
    const toml::node* node = given.get(key);
    if (node == nullptr) {
      if (!needed_by.empty())
        missing(place(given), fmt::format("{} has no '{}'", needed_by, key), fmt::format("{} = \"...\"", key));
      return "";
    }
    if (const auto value = node->value_exact<std::string>()) return *value;
    wrong(*node, key, "must be text");
    return "";
  }

  void wrong(const toml::node& node, const std::string& key, const std::string& what) {
    faults_.add(Code::wrong_type, place(node), fmt::format("'{}' {}", key, what), "see energy/ for examples");
  }

  // A number of the given key, if it is there.
  std::optional<double> number(const toml::table& given, const std::string& key, double least, double most) {
    const toml::node* node = given.get(key);
    return node == nullptr ? std::nullopt : number_of(*node, key, least, most);
  }

  std::optional<double> number_of(const toml::node& node, const std::string& key, double least, double most) {
    const auto value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value) {
      wrong(node, key, "must be a number");
      return std::nullopt;
    }
    if (*value >= least && *value <= most) return value;
    faults_.add(Code::out_of_range, place(node), fmt::format("{} = {} is out of range", key, *value),
                fmt::format("{} to {}", least, most));
    return std::nullopt;
  }

  void read_datatypes(const toml::table& root) {
    const toml::node* node = root.get("datatypes");
    const toml::table* all = node == nullptr ? nullptr : node->as_table();
    if (all == nullptr || all->empty()) {
      missing(source_, "the table has no [datatypes]", "[datatypes] with fp32 = { bits = 32, sums = 32 }");
      return;
    }
    for (const auto& [key, value] : *all) {
      const std::string name(key.str());
      const toml::table* sizes = value.as_table();
      if (sizes == nullptr) {
        wrong(value, name, "must be { bits = .., sums = .. }");
        continue;
      }
      check_keys(*sizes, {"bits", "sums"}, name);
      const std::string where = place(value);
      const auto size = [&](const char* of) {
        if (sizes->get(of) == nullptr) missing(where, fmt::format("{} has no '{}'", name, of), "bits of a word");
        return static_cast<int>(number(*sizes, of, 1, 1024).value_or(1));
      };
      table_.datatypes[name] = {size("bits"), size("sums")};
    }
    if (!table_.datatype.empty() && !table_.datatypes.contains(table_.datatype)) {
      std::vector<std::string> names;
      for (const auto& [name, sizes] : table_.datatypes) names.push_back(name);
      faults_.add(Code::unknown_name, place(*root.get("datatype")),
                  fmt::format("unknown data type '{}'", table_.datatype), util::nearest(table_.datatype, names));
    }
  }

  void read_component(const toml::table& root, const Component& component) {
    const toml::node* node = root.get(component.name);
    const toml::table* given = node == nullptr ? nullptr : node->as_table();
    if (given == nullptr) {
      missing(source_, fmt::format("the table has no [{}]", component.name), "a component without cost has figures 0");
      return;
    }
    std::vector<std::string> known{"area", "static"};
    known.insert(known.end(), component.actions.begin(), component.actions.end());
    check_keys(*given, known, fmt::format("[{}]", component.name));
    for (const std::string& each : known) {
      const std::string name = component.name + "." + each;
      const toml::node* entry = given->get(each);
      if (entry == nullptr)
        missing(place(*given), fmt::format("[{}] has no '{}'", component.name, each), "what costs nothing is 0");
      else if (const toml::table* figure = entry->as_table())
        table_.figures[name] = read_figure(*figure, name, each);
      else
        wrong(*entry, name, R"(must be { value = .., unit = "..", source = ".." })");
    }
  }

  Figure read_figure(const toml::table& given, const std::string& name, const std::string& of) {
    check_keys(given, {"value", "unit", "per_bits", "per_kib", "source", "estimated"}, name);
    Figure figure{};
    if (const toml::node* value = given.get("value"))
      read_value(*value, name, figure);
    else
      missing(place(given), fmt::format("{} has no 'value'", name), "value = 0.9");
    if (const auto bits = number(given, "per_bits", 1, 1 << 20)) figure.bits = static_cast<int>(*bits);
    figure.kib = number(given, "per_kib", 1e-3, 1e9);
    figure.unit = text(given, "unit", name);
    figure.source = text(given, "source");
    figure.estimated = text(given, "estimated");
    if (figure.source.empty() && figure.estimated.empty())
      missing(place(given), fmt::format("{} has neither 'source' nor 'estimated'", name),
              "say whose figure it is, or how it was estimated");
    static const std::vector<std::string> kAreas{"um2"};
    static const std::vector<std::string> kStatics{"pJ/cycle", "mW", "mW/mm2", "unstated/cycle"};
    static const std::vector<std::string> kEnergies{"pJ", "unstated"};
    const auto& units = of == "area" ? kAreas : of == "static" ? kStatics : kEnergies;
    if (!figure.unit.empty() && std::ranges::find(units, figure.unit) == units.end())
      faults_.add(Code::unknown_name, place(*given.get("unit")),
                  fmt::format("unknown unit '{}' of {}", figure.unit, name), util::nearest(figure.unit, units));
    return figure;
  }

  // A number, one for each data type, or some by the capacity of the buffer.
  void read_value(const toml::node& node, const std::string& name, Figure& figure) {
    const toml::table* several = node.as_table();
    if (several == nullptr) {
      if (const auto one = number_of(node, name, 0, kLargest)) figure.value = *one;
      return;
    }
    Figure::ByDatatype types;
    Figure::ByCapacity capacities;
    for (const auto& [key, value] : *several) {
      const std::string word(key.str());
      double kib = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), kib);
      const bool capacity = error == std::errc{} && end == word.data() + word.size() && kib > 0 && kib < kLargest;
      const double amount = number_of(value, name, capacity ? 1e-12 : 0, kLargest).value_or(1);
      if (capacity)
        capacities.emplace_back(kib, amount);
      else if (table_.datatypes.contains(word))
        types[word] = amount;
      else
        faults_.add(Code::unknown_key, place(key),
                    fmt::format("'{}' of {} is no data type and no capacity", word, name),
                    util::nearest(word, names_of_types()));
    }
    std::ranges::sort(capacities);
    if (capacities.size() >= 2 && types.empty())
      figure.value = capacities;
    else if (capacities.empty() && types.size() == table_.datatypes.size())
      figure.value = types;
    else
      faults_.add(
          Code::bad_table, place(node), fmt::format("the values of {} are not complete", name),
          fmt::format("one for each of {}, or two or more capacities in KiB", fmt::join(names_of_types(), ", ")));
  }

  std::vector<std::string> names_of_types() const {
    std::vector<std::string> names;
    for (const auto& [name, sizes] : table_.datatypes) names.push_back(name);
    return names;
  }

  // One unit of energy in a table, and a capacity where figures ask for it.
  void check_together() {
    table_.unit = table_.figure("multiplier", "multiply").unit;
    for (const auto& [name, figure] : table_.figures) {
      const bool stated = figure.unit != "unstated" && figure.unit != "unstated/cycle";
      if (figure.unit != "um2" && stated != (table_.unit == "pJ"))
        faults_.add(Code::bad_table, source_,
                    fmt::format("{} is in {}, multiplier.multiply in {}", name, figure.unit, table_.unit),
                    "all energies in pJ, or all unstated");
      if (figure.of_capacity() && !name.starts_with("buffer."))
        faults_.add(Code::bad_table, source_, fmt::format("{} cannot depend on the capacity of the buffer", name),
                    "only figures of [buffer] can");
      else if (figure.of_capacity() && !table_.buffer_kib)
        faults_.add(Code::bad_table, source_, fmt::format("{} depends on the capacity of the buffer", name),
                    "buffer_kib = 1024.0 at the top: the capacity that counts where none is asked for");
    }
  }

  std::string source_;
  Table table_;
  util::Diagnostics faults_;
};

}  // namespace

const std::vector<Component>& components() {
  static const std::vector<Component> kComponents{
      {"multiplier", {"multiply", "forward", "configure"}, "a product; a partial sum passed on; its configuration"},
      {"adder", {"add2", "add3", "configure"}, "a sum of two operands, of three; its configuration"},
      {"accumulator", {"add", "read", "write"}, "a sum with the register; the register read, written"},
      {"switch", {"route"}, "a word passed on, to one side or to both"},
      {"distribution_wire", {"transfer"}, "a word over a wire of the distribution network"},
      {"multiplier_wire", {"transfer"}, "a word to a neighbouring multiplier"},
      {"reduction_wire", {"transfer"}, "a sum over a wire of the reduction network"},
      {"collection_wire", {"transfer"}, "a result over a wire of the collection network"},
      {"filter_buffer", {"read", "write"}, "a weight or an index read from the buffer beside a lane, written to it"},
      {"queue", {"push", "pop"}, "a word written to a queue or a pipeline register, and read from it"},
      {"buffer", {"read", "write"}, "a word read from the global buffer, written to it"}};
  return kComponents;
}

Table parse_table(std::string_view text, const std::string& source) {
  const toml::table root = schema::parse_toml(text, source, "see energy/ for examples");
  return Reader(source).read(root);
}

Table load_table(const std::string& name) {
  const auto found = std::ranges::find(texts(), std::string_view(name), &Text::name);
  if (found == texts().end()) {
    std::vector<std::string> names;
    for (const Text& each : texts()) names.emplace_back(each.name);
    throw Error(Code::unknown_name, "energy table", fmt::format("unknown table '{}'", name),
                util::nearest(name, names) + " Or give a .toml file.");
  }
  return parse_table(found->text, "table " + name);
}

}  // namespace cairn::cost
