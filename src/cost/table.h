// A table of energy and area: what each component costs by being there, and what each of its actions does. Pure data,
// read from TOML, every figure with its unit and its source.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cairn::cost {

// What a table must price: each component's area, what it uses up by being there ("static"), and its actions.
struct Component {
  std::string name;
  std::vector<std::string> actions;
  std::string doc;
};
const std::vector<Component>& components();

struct Datatype {
  int bits;  // of an operand
  int sums;  // of a sum
};

struct Figure {
  using ByDatatype = std::map<std::string, double>;
  using ByCapacity =
      std::vector<std::pair<double, double>>;  // KiB, ascending; on a straight line of logarithms between
  std::variant<double, ByDatatype, ByCapacity> value;
  std::string unit;             // "pJ", "um2", "mW", ...
  std::optional<int> bits{};    // the value is that of so many bits of a word
  std::optional<double> kib{};  // the value is that of so many KiB of the buffer
  std::string source{};
  std::string estimated{};  // how, where it is not the source's own

  bool of_capacity() const { return kib || std::holds_alternative<ByCapacity>(value); }
};

struct Table {
  std::string name;
  std::string summary;
  std::string source;
  std::string note;  // what to beware of; may be empty
  std::string node;  // "45 nm"; empty: not stated
  std::optional<double> voltage;
  double clock_mhz = 0;
  std::string datatype;              // that counts where none is asked for
  std::optional<double> buffer_kib;  // the same of the global buffer; none: no figure depends on it
  std::map<std::string, Datatype> datatypes;
  std::map<std::string, Figure> figures;  // "adder.add2", "adder.area", "adder.static"

  std::string unit;  // of energies: "pJ", or "unstated"
  const Figure& figure(const std::string& component, const std::string& of) const {
    return figures.at(component + "." + of);
  }
};

// Throws Error with every fault found: E102 to E107, E303 for figures that do not fit together.
Table parse_table(std::string_view text, const std::string& source);

struct Text {
  std::string_view name;
  std::string_view text;
};

// The tables that ship with Cairn, sorted by name: the files of energy/, compiled in.
const std::vector<Text>& texts();

// One of them. Throws E107 with the nearest name.
Table load_table(const std::string& name);

}  // namespace cairn::cost
