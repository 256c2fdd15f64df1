#include "schema/parameter.h"

#include <fmt/format.h>

#include <algorithm>

namespace cairn::schema {

std::string type_name(const Parameter& parameter) {
  if (std::holds_alternative<bool>(parameter.initial)) return "boolean";
  if (std::holds_alternative<std::int64_t>(parameter.initial)) return "integer";
  return "choice";
}

std::string to_string(const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const std::int64_t* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  return std::get<std::string>(value);
}

void check(const Parameter& row, const Value& value, const std::string& place, util::Diagnostics& faults) {
  if (value.index() != row.initial.index()) {
    faults.add(Code::wrong_type, place, fmt::format("'{}' must be of type {}", row.name, type_name(row)),
               fmt::format("for instance {} = {}{}{}", row.name, row.choices.empty() ? "" : "\"",
                           to_string(row.initial), row.choices.empty() ? "" : "\""));
    return;
  }
  if (row.range) {
    const auto number = std::get<std::int64_t>(value);
    if (number < row.range->minimum || number > row.range->maximum) {
      faults.add(Code::out_of_range, place, fmt::format("{} = {} is out of range", row.name, number),
                 fmt::format("{} to {} {}", row.range->minimum, row.range->maximum, row.unit));
    }
  }
  if (!row.choices.empty()) {
    const auto& word = std::get<std::string>(value);
    if (std::ranges::find(row.choices, word) == row.choices.end()) {
      faults.add(Code::unknown_name, place, fmt::format("unknown {} '{}'", row.name, word),
                 util::nearest(word, row.choices));
    }
  }
}

}  // namespace cairn::schema
