// Energy and area as JSON.
#pragma once

#include "cost/energy.h"
#include "report/json.h"

namespace cairn::report {

// Adds energy and area to a document that has layers with counters: of each layer, in total, the area of the machine,
// and in the context what they are by.
void price(Json& document, const cost::Meter& meter);

Json table(const cost::Prices& prices);
Json built_of(const cost::Meter& meter);
// Of Cairn's own parts, and of those of the catalog that tell their own.
Json charges(const schema::Catalog& catalog);

}  // namespace cairn::report
