// TOML text to its table, for those who link toml++; what is no TOML is refused with line and column.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <string>
#include <string_view>

#include "cairn/error.h"

namespace cairn::schema {

inline toml::table parse_toml(std::string_view text, const std::string& source, const std::string& remedy) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    const auto& begin = error.source().begin;
    throw Error(Code::syntax, fmt::format("{}:{}:{}", source, begin.line, begin.column),
                std::string(error.description()), remedy);
  }
}

}  // namespace cairn::schema
