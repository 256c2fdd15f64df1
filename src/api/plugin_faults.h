// Whose fault it is when a machine with parts of plug-ins fails from inside.
#pragma once

#include <fmt/format.h>

#include <set>
#include <stdexcept>
#include <string>

#include "arch/machine.h"
#include "cairn/error.h"

namespace cairn::api {

// What to do about it; empty for a machine of Cairn's own parts.
inline std::string plugin_remedy(const arch::Machine& machine) {
  std::set<std::string> names;
  for (const auto& [slot, part] : machine.parts) {
    if (part.origin) names.insert(fmt::format("'{}' of {}", part.type, part.origin->file));
  }
  std::string remedy;
  for (const std::string& name : names) remedy += (remedy.empty() ? "look first at the part " : ", ") + name;
  return remedy;
}

// Does `run`. Broken laws, stuck machines and exceptions of the standard library may come from a part of a plug-in: the
// diagnostic then names it.
template <class Run>
auto naming_plugins(const arch::Machine& machine, Run run) {
  const std::string remedy = plugin_remedy(machine);
  if (remedy.empty()) return run();
  const auto fail = [&](const char* what) -> Error { return {Code::internal_error, "plug-in", what, remedy}; };
  try {
    return run();
  } catch (const Error& error) {
    std::vector<Diagnostic> told = error.diagnostics();
    for (Diagnostic& each : told) {
      if (info(each.code).kind == Kind::internal) each.remedy = remedy;
    }
    throw Error(told);
  } catch (const std::logic_error& error) {
    throw fail(error.what());
  } catch (const std::runtime_error& error) {
    throw fail(error.what());
  }
}

}  // namespace cairn::api
