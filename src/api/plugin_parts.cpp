#include "api/plugin_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "arch/machine.h"
#include "cost/declared.h"

namespace cairn::api {
namespace {

using schema::ComponentInfo;
using schema::CounterInfo;
using schema::Parameter;

// Of machines that take parts of plug-ins.
const std::vector<std::string>& families() {
  static const std::vector<std::string> kFamilies{"systolic", "flexible"};
  return kFamilies;
}

bool serves(const ComponentInfo& part, const std::string& family) {
  return part.family.empty() || part.family == family;
}

bool same_place(const ComponentInfo& a, const ComponentInfo& b) { return a.slot == b.slot && a.type == b.type; }

class Check {
 public:
  Check(const fabric::PartInfo& row, util::Diagnostics& faults) : row_(row), part_(row.info), faults_(faults) {}

  void run(const std::vector<fabric::PartInfo>& others) {
    if (std::ranges::find(arch::slots(), part_.slot) == arch::slots().end())
      return refuse(fmt::format("machines have no slot '{}'", part_.slot), util::nearest(part_.slot, arch::slots()));
    for (const fabric::PartInfo& other : others) {
      if (same_place(part_, other.info))
        refuse(fmt::format("there is one already, {}",
                           other.info.origin ? "of the plug-in '" + other.info.origin->plugin + "'" : "Cairn's own"),
               "another name for the type");
    }
    if (part_.type.empty()) refuse("its type has no name", "a name as machine files write it: \"chain\"");
    if (!row_.make || !row_.lanes) refuse("nothing makes it", "the row that fabric::declare makes");
    check_family();
    check_words();
    for (const std::string& counter : row_.work) need_counter(counter, "its units are at work by");
    cost::check_costs(
        part_, [this](const std::string& slot, const std::string& type) { return meets(slot, type); }, faults_);
  }

 private:
  void refuse(std::string message, std::string remedy) {
    faults_.add(Code::part_refused, place(), std::move(message), std::move(remedy));
  }
  std::string place() const { return fmt::format("{} '{}'", part_.slot, part_.type); }

  // Whether a part of Cairn's own can sit beside this one.
  bool meets(const std::string& slot, const std::string& type) const {
    return std::ranges::any_of(fabric::own_parts(), [&](const fabric::PartInfo& other) {
      return other.info.slot == slot && other.info.type == type &&
             std::ranges::any_of(families(), [&](const std::string& family) {
               return serves(part_, family) && serves(other.info, family);
             });
    });
  }

  void check_family() {
    if (!part_.family.empty() && std::ranges::find(families(), part_.family) == families().end())
      return refuse(fmt::format("there are no '{}' machines", part_.family), util::nearest(part_.family, families()));
    if (part_.slot == "memory" && part_.family != "systolic")
      refuse("what the memory controller of a flexible machine walks is made for Cairn's own ones only",
             "the family \"systolic\", or a component in the tree");
    for (const std::string& family : families()) {
      if (serves(part_, family)) check_like(family);
    }
  }

  // Those of machines in which an operand stays only go together: no other part takes the place of one.
  static bool replaceable(const ComponentInfo& own) {
    return own.type != "systolic-stationary" && own.type != "stationary-mesh" && own.type != "column";
  }

  // What all of Cairn's own parts in this place have in common.
  void check_like(const std::string& family) {
    const std::vector<fabric::PartInfo> own = fabric::own_parts();
    const auto in_place = [&](const fabric::PartInfo& other) {
      return other.info.slot == part_.slot && serves(other.info, family) && replaceable(other.info);
    };
    const auto first = std::ranges::find_if(own, in_place);
    if (first == own.end()) return;
    const auto all_have = [&](auto list, const std::string& name) {
      return std::ranges::all_of(own, [&](const fabric::PartInfo& other) {
        return !in_place(other) || std::ranges::any_of(other.info.*list, [&](const auto& e) { return e.name == name; });
      });
    };
    for (const Parameter& wanted : first->info.parameters) {
      if (all_have(&ComponentInfo::parameters, wanted.name)) need_parameter(wanted, family);
    }
    for (const CounterInfo& wanted : first->info.counters) {
      if (all_have(&ComponentInfo::counters, wanted.name))
        need_counter(wanted.name, fmt::format("laws of {} machines name", family));
    }
  }

  void need_parameter(const Parameter& wanted, const std::string& family) {
    const auto own = std::ranges::find(part_.parameters, wanted.name, &Parameter::name);
    const std::string range =
        wanted.range ? fmt::format(" within {} to {}", wanted.range->minimum, wanted.range->maximum) : "";
    const bool fits = own != part_.parameters.end() && own->initial.index() == wanted.initial.index() &&
                      (!wanted.range || (own->range && own->range->minimum >= wanted.range->minimum &&
                                         own->range->maximum <= wanted.range->maximum));
    if (!fits)
      refuse(fmt::format("{} machines are built by the parameter '{}', which it lacks or has otherwise", family,
                         wanted.name),
             fmt::format("a parameter '{}', {}{}", wanted.name, schema::type_name(wanted), range));
  }

  void need_counter(const std::string& name, const std::string& why) {
    if (std::ranges::find(part_.counters, name, &CounterInfo::name) == part_.counters.end())
      refuse(fmt::format("{} the counter '{}', which it lacks", why, name), fmt::format("a counter '{}'", name));
  }

  // What `cairn describe` shows.
  void check_words() {
    const auto need_words = [&](const std::string& of, const std::string& words) {
      if (words.empty()) refuse(fmt::format("{} has no sentence", of), "say what it is");
    };
    need_words("it", part_.doc);
    if (part_.unit.empty()) refuse("its units have no name", "\"links\", say");
    for (const Parameter& each : part_.parameters) {
      need_words(fmt::format("the parameter '{}'", each.name), each.doc);
      if (each.name == "type") refuse("a parameter is called 'type', which names the part", "another name");
      schema::check(each, each.initial, fmt::format("{}, default of '{}'", place(), each.name), faults_);
    }
    for (const CounterInfo& each : part_.counters) need_words(fmt::format("the counter '{}'", each.name), each.doc);
  }

  const fabric::PartInfo& row_;
  const ComponentInfo& part_;
  util::Diagnostics& faults_;
};

}  // namespace

void check_parts(const std::vector<fabric::PartInfo>& parts, util::Diagnostics& faults) {
  std::vector<fabric::PartInfo> others = fabric::parts();
  for (const fabric::PartInfo& part : parts) {
    Check(part, faults).run(others);
    others.push_back(part);
  }
}

}  // namespace cairn::api
