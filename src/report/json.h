// Everything that leaves Cairn as JSON is made here.
#pragma once

#include <nlohmann/json.hpp>

#include "arch/machine.h"
#include "cairn/result.h"
#include "schema/catalog.h"

namespace cairn::report {

using Json = nlohmann::ordered_json;

Json machine(const arch::Machine& machine);
Json catalog(const schema::Catalog& catalog);
Json layer(const LayerResult& layer);

}  // namespace cairn::report
