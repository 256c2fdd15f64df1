// A parameter is declared once. The struct is the truth; its `fields()` table says name, unit, range and meaning, and
// from that one row come parsing, validation, `cairn describe` and the reference pages.
//
//   struct BusParams {
//     std::int64_t lines = 0;
//     static auto fields() {
//       return std::tuple{schema::integer("lines", &BusParams::lines, "lines", {0, 1 << 20}, "output lines; 0 = one per
//       sum")};
//     }
//   };
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "util/diagnostics.h"

namespace cairn::schema {

using Value = std::variant<bool, std::int64_t, std::string>;
using Values = std::map<std::string, Value>;  // resolved: validated, defaults filled in

struct Range {
  std::int64_t minimum;
  std::int64_t maximum;
};

// The type-erased row, for readers and describers.
struct Parameter {
  std::string name;
  std::string unit;
  std::string doc;
  Value initial;                     // the default; its alternative is the parameter's type
  std::optional<Range> range;        // of an integer
  std::vector<std::string> choices;  // of a choice
};

std::string type_name(const Parameter& parameter);  // "integer", "boolean", "choice"
std::string to_string(const Value& value);

// Checks one value against its row; the diagnostic goes to `faults`.
void check(const Parameter& row, const Value& value, const std::string& place, util::Diagnostics& faults);

template <class Params, class T>
struct Field {
  Parameter row;
  T Params::*member;
};

template <class Params>
auto integer(std::string name, std::int64_t Params::*member, std::string unit, Range range, std::string doc) {
  return Field<Params, std::int64_t>{{std::move(name), std::move(unit), std::move(doc), Params{}.*member, range, {}},
                                     member};
}

template <class Params>
auto boolean(std::string name, bool Params::*member, std::string doc) {
  return Field<Params, bool>{{std::move(name), "", std::move(doc), Params{}.*member, std::nullopt, {}}, member};
}

// A choice is an enum class whose values 0, 1, 2 ... carry the names in `choices`.
template <class Params, class E>
auto choice(std::string name, E Params::*member, std::vector<std::string> choices, std::string doc) {
  std::string initial = choices.at(static_cast<std::size_t>(Params{}.*member));
  return Field<Params, E>{{std::move(name), "", std::move(doc), std::move(initial), std::nullopt, std::move(choices)},
                          member};
}

template <class Params>
std::vector<Parameter> describe() {
  return std::apply([](auto... field) { return std::vector<Parameter>{std::move(field.row)...}; }, Params::fields());
}

// Turns resolved values into the struct. The values were checked against describe<Params>(), so nothing can fail here.
template <class Params>
Params bind(const Values& values) {
  Params params;
  const auto set = [&]<class T>(const Field<Params, T>& field) {
    const Value& value = values.at(field.row.name);
    if constexpr (std::is_enum_v<T>) {
      const auto& names = field.row.choices;
      const auto& chosen = std::get<std::string>(value);
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == chosen) params.*field.member = static_cast<T>(i);
      }
    } else {
      params.*field.member = std::get<T>(value);
    }
  };
  std::apply([&](const auto&... field) { (set(field), ...); }, Params::fields());
  return params;
}

}  // namespace cairn::schema
