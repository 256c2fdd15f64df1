#include "fabric/part.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

#include "util/diagnostics.h"

namespace cairn::fabric {

namespace {

// Grows by another list, so that who reads one in another thread is not disturbed.
struct Registry {
  std::mutex growing;
  std::deque<std::vector<PartInfo>> lists{own_parts()};
  std::atomic<const std::vector<PartInfo>*> newest{&lists.back()};
};

Registry& registry() {
  static Registry known;
  return known;
}

}  // namespace

const std::vector<PartInfo>& parts() { return *registry().newest; }

void add_parts(std::vector<PartInfo> more) {
  const std::lock_guard lock(registry().growing);
  std::vector<PartInfo> all = parts();
  std::ranges::move(more, std::back_inserter(all));
  registry().newest = &registry().lists.emplace_back(std::move(all));
}

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
