// Everything that leaves Cairn as JSON is made here.
#pragma once

#include <nlohmann/json.hpp>

#include "arch/machine.h"
#include "cairn/result.h"
#include "schema/catalog.h"

namespace cairn::report {

using Json = nlohmann::ordered_json;

Json machine(const arch::Machine& machine);
// The plug-ins that parts of it come from: [{"name", "version", "file", "parts"}].
Json plugins(const arch::Machine& machine);
Json catalog(const schema::Catalog& catalog);
Json layer(const LayerResult& layer);
Json mapping(const MappingResult& mapping);
const char* objective(Objective objective);  // "cycles", "energy", "edp"

// The text of a document. Names may come from files in any encoding: bytes that are not UTF-8 become U+FFFD.
std::string text(const Json& json, int indent = -1);

}  // namespace cairn::report
