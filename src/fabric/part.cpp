#include "fabric/part.h"

#include <algorithm>

#include "util/diagnostics.h"

namespace cairn::fabric {

const PartInfo& part(const std::string& slot, const std::string& type) {
  const auto found =
      std::ranges::find_if(parts(), [&](const PartInfo& p) { return p.info.slot == slot && p.info.type == type; });
  util::require(found != parts().end(), "fabric", "no part '" + type + "' for slot '" + slot + "'");
  return *found;
}

kernel::Wiring packet_wiring(const Links& links) {
  if (links.sent == nullptr) return {{links.offers, links.psums}, {links.words}};
  return {{links.offers, links.psums}, {links.words, links.sent}};
}

schema::Catalog catalog() {
  schema::Catalog rows;
  for (const PartInfo& p : parts()) rows.push_back(p.info);
  return rows;
}

}  // namespace cairn::fabric
