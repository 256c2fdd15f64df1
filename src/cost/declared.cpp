#include "cost/declared.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "cost/table.h"

namespace cairn::cost {
namespace {

using schema::Costs;

class Check {
 public:
  Check(const schema::ComponentInfo& part, const Meets& meets, util::Diagnostics& faults)
      : part_(part), meets_(meets), costs_(part.costs ? *part.costs : none_), faults_(faults) {
    for (const Component& component : components()) names_.push_back(component.name);
  }

  void run() {
    for (const Costs::Units& units : costs_.units) check(units);
    for (const Costs::Charge& charge : costs_.charges) check(charge);
    for (const Costs::Exemption& exemption : costs_.exemptions) check(exemption);
    for (const schema::CounterInfo& counter : part_.counters) check(counter);
    // Other parts charge what they hand over to units of this one.
    std::set<std::string> received;
    for (const Charge& charge : charges()) {
      const bool met = charge.types.empty() || std::ranges::any_of(charge.types, [&](const std::string& type) {
                         return meets_(charge.slot, type);
                       });
      if (charge.part == part_.slot && charge.slot != part_.slot && met) received.insert(charge.component);
    }
    for (const std::string& component : received)
      refuse(built_of(component), fmt::format("it has no units of '{}', to which other parts charge", component),
             fmt::format("costs.units with {{\"{}\", ...}}", component));
  }

 private:
  void refuse(bool holds, const std::string& message, const std::string& remedy) {
    if (!holds) faults_.add(Code::part_refused, fmt::format("{} '{}'", part_.slot, part_.type), message, remedy);
  }

  bool known(const std::string& component) {
    const bool found = std::ranges::find(names_, component) != names_.end();
    refuse(found, fmt::format("no table of energy prices '{}'", component), util::nearest(component, names_));
    return found;
  }

  bool counts(const std::string& counter) const {
    return std::ranges::find(part_.counters, counter, &schema::CounterInfo::name) != part_.counters.end();
  }

  bool built_of(const std::string& component) const {
    return std::ranges::find(costs_.units, component, &Costs::Units::component) != costs_.units.end();
  }

  void check(const Costs::Units& units) {
    if (known(units.component))
      refuse(units.count != nullptr, fmt::format("how many of '{}' there are is not told", units.component),
             "a function of the part's values and the array");
  }

  void check(const Costs::Charge& charge) {
    refuse(counts(charge.counter), fmt::format("it charges for '{}', which it does not count", charge.counter),
           "the name of one of its counters");
    const auto component = std::ranges::find(components(), charge.component, &Component::name);
    if (!known(charge.component)) return;
    refuse(std::ranges::find(component->actions, charge.action) != component->actions.end(),
           fmt::format("no table of energy prices '{}' of '{}'", charge.action, charge.component),
           util::nearest(charge.action, component->actions));
    if (charge.slot.empty() || charge.slot == part_.slot)
      refuse(built_of(charge.component), fmt::format("it has no units of '{}', for which it charges", charge.component),
             fmt::format("costs.units with {{\"{}\", ...}}", charge.component));
    else
      refuse(charge.slot == "memory" && charge.component == "buffer",
             fmt::format("it charges for '{}' of the slot '{}'", charge.component, charge.slot),
             R"(units of its own, or "buffer" of "memory")");
  }

  void check(const Costs::Exemption& exemption) {
    refuse(counts(exemption.counter), fmt::format("it exempts '{}', which it does not count", exemption.counter),
           "the name of one of its counters");
    refuse(!exemption.reason.empty(), fmt::format("it exempts '{}' without a reason", exemption.counter),
           "say why it costs nothing");
  }

  void check(const schema::CounterInfo& counter) {
    const bool charged =
        std::ranges::find(costs_.charges, counter.name, &Costs::Charge::counter) != costs_.charges.end();
    const bool exempt =
        std::ranges::find(costs_.exemptions, counter.name, &Costs::Exemption::counter) != costs_.exemptions.end();
    refuse(charged != exempt,
           fmt::format("its counter '{}' is {}", counter.name, charged ? "charged and exempt" : "not priced"),
           "row.info.costs with a charge for it, or an exemption with its reason");
  }

  const Costs none_{};
  const schema::ComponentInfo& part_;
  const Meets& meets_;
  const Costs& costs_;
  util::Diagnostics& faults_;
  std::vector<std::string> names_;  // of components
};

}  // namespace

std::vector<Charge> declared_charges(const std::string& slot, const std::string& type, const schema::Costs& costs) {
  std::vector<Charge> rows;
  for (const Costs::Charge& each : costs.charges)
    rows.push_back(
        {slot, {type}, each.counter, each.slot.empty() ? slot : each.slot, each.component, each.action, each.width});
  return rows;
}

std::vector<Exemption> declared_exemptions(const std::string& slot, const std::string& type,
                                           const schema::Costs& costs) {
  std::vector<Exemption> rows;
  for (const Costs::Exemption& each : costs.exemptions) rows.push_back({slot, {type}, each.counter, each.reason});
  return rows;
}

void check_costs(const schema::ComponentInfo& part, const Meets& meets, util::Diagnostics& faults) {
  Check(part, meets, faults).run();
}

}  // namespace cairn::cost
