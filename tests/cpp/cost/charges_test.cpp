// Every counter that a part declares has a price or a named exemption: nothing is silently free.
#include "cost/charges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "arch/machine.h"
#include "fabric/part.h"

namespace cairn::testing {
namespace {

template <class Rows>
std::ptrdiff_t rows_of(const Rows& rows, const schema::ComponentInfo& part, const std::string& counter) {
  return std::ranges::count_if(
      rows, [&](const auto& row) { return row.counter == counter && row.applies(part.slot, part.type); });
}

TEST(Charges, name_every_counter_of_every_part_or_exempt_it_for_a_reason) {
  for (const schema::ComponentInfo& part : fabric::catalog()) {
    for (const schema::CounterInfo& counter : part.counters) {
      const bool charged = rows_of(cost::charges(), part, counter.name) > 0;
      const std::ptrdiff_t exempt = rows_of(cost::exemptions(), part, counter.name);
      EXPECT_EQ(charged ? 1 : exempt, 1) << part.slot << "." << part.type << "." << counter.name
                                         << ": a charge, or one exemption";
      EXPECT_FALSE(charged && exempt > 0) << part.slot << "." << part.type << "." << counter.name << ": both";
    }
  }
}

// A row may name types that lack the counter only where it names none.
template <class Rows>
void expect_used(const Rows& rows) {
  for (const auto& row : rows) {
    std::set<std::string> with;
    for (const schema::ComponentInfo& part : fabric::catalog()) {
      if (row.applies(part.slot, part.type) &&
          std::ranges::find(part.counters, row.counter, &schema::CounterInfo::name) != part.counters.end())
        with.insert(part.type);
    }
    EXPECT_FALSE(with.empty()) << row.slot << "." << row.counter << " is no counter";
    for (const std::string& type : row.types)
      EXPECT_TRUE(with.contains(type)) << row.slot << "." << type << " has no " << row.counter;
  }
}

TEST(Charges, are_all_of_counters_that_exist) {
  expect_used(cost::charges());
  expect_used(cost::exemptions());
  for (const cost::Exemption& each : cost::exemptions()) EXPECT_FALSE(each.reason.empty());
}

TEST(Charges, are_actions_that_every_table_prices_of_units_that_are_in_that_slot) {
  std::set<std::string> priced;
  for (const cost::Component& component : cost::components()) {
    for (const std::string& action : component.actions) priced.insert(component.name + "." + action);
  }
  std::set<std::string> charged;
  for (const cost::Charge& charge : cost::charges()) {
    EXPECT_TRUE(priced.contains(charge.component + "." + charge.action)) << charge.component << "." << charge.action;
    EXPECT_NE(std::ranges::find(arch::slots(), charge.part), arch::slots().end()) << charge.part;
    charged.insert(charge.component + "." + charge.action);
  }
  EXPECT_EQ(charged, priced) << "an action in every table that nothing is charged with";
}

}  // namespace
}  // namespace cairn::testing
