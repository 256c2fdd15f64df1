// Prices by clock, data type and capacity; what machines are built of; what counters then cost.
#include "cost/energy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fabric/part.h"
#include "harness/faults.h"
#include "harness/machines.h"

namespace cairn::testing {
namespace {

using cost::Width;

cost::Prices cmos(std::optional<double> clock = {}, const std::string& type = "", std::optional<double> kib = {}) {
  return cost::prices(cost::load_table("cmos-45nm"), clock, type, kib);
}

TEST(Prices, follow_the_data_type_and_the_width_of_the_word) {
  EXPECT_DOUBLE_EQ(cmos().energy("multiplier", "multiply", Width::operand), 3.7);
  EXPECT_DOUBLE_EQ(cmos({}, "int8").energy("multiplier", "multiply", Width::operand), 0.2);
  const cost::Prices int8 = cmos({}, "int8");
  EXPECT_DOUBLE_EQ(int8.energy("queue", "push", Width::sum), 4 * int8.energy("queue", "push", Width::operand));
  EXPECT_DOUBLE_EQ(int8.area("queue", Width::operand), 8 * 4.522);
}

TEST(Prices, of_the_buffer_grow_with_the_square_root_of_its_capacity_between_8_and_32_kib) {
  const auto read = [](double kib) { return cmos({}, "", kib).energy("buffer", "read", Width::operand); };
  EXPECT_DOUBLE_EQ(read(8), 5);  // 32 of 64 bits
  EXPECT_DOUBLE_EQ(read(32), 10);
  EXPECT_DOUBLE_EQ(read(1024), 50);
  EXPECT_NEAR(read(16), 5 * std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(read(2), 2.5, 1e-12);  // beyond the points, as between the last two
  EXPECT_GT(read(4096), read(1024));
  EXPECT_DOUBLE_EQ(cmos({}, "", 2048).area("buffer", Width::operand), 2 * cmos().area("buffer", Width::operand));
}

TEST(Prices, of_leakage_are_of_time_so_a_slower_clock_leaks_more_in_a_cycle) {
  const double at_500 = cmos(500).leakage("multiplier", Width::operand);
  EXPECT_NEAR(at_500, 7700e-6 * 10 * 2e-9 * 1e9, 1e-12);  // mm2 x mW/mm2 x ns
  EXPECT_DOUBLE_EQ(cmos(250).leakage("multiplier", Width::operand), 2 * at_500);
  const cost::Prices reference = cost::prices(cost::load_table("stonne"), 250, "", {});
  EXPECT_EQ(reference.leakage("adder", Width::sum), 0.001505);  // told for a cycle, whatever its length
}

TEST(Prices, refuse_what_the_table_does_not_have) {
  EXPECT_EQ(faults([] { cmos(0.0); }).front().code, Code::out_of_range);
  EXPECT_EQ(faults([] { cmos({}, "", -1.0); }).front().code, Code::out_of_range);
  EXPECT_EQ(faults([] { cmos({}, "fp8"); }).front().code, Code::unknown_name);
  EXPECT_EQ(faults([] { cost::prices(cost::load_table("stonne"), {}, "", 64); }).front().code, Code::bad_table);
}

Count units(const arch::Machine& machine, const std::string& part, const std::string& component) {
  Count sum = 0;
  for (const cost::Units& each : cost::units(machine))
    sum += each.part == part && each.component == component ? each.count : 0;
  return sum;
}

TEST(Units, of_256_multipliers_and_64_ports_are_those_that_the_reference_counts) {
  const arch::Machine maeri = machine("maeri-256", {{"distribution.bandwidth", "64"}, {"collection.lines", "64"}});
  EXPECT_EQ(units(maeri, "multiplier", "multiplier"), 256);
  EXPECT_EQ(units(maeri, "multiplier", "multiplier_wire"), 255);
  EXPECT_EQ(units(maeri, "multiplier", "queue"), 1280);
  EXPECT_EQ(units(maeri, "distribution", "switch"), 192);
  EXPECT_EQ(units(maeri, "distribution", "distribution_wire"), 448);
  EXPECT_EQ(units(maeri, "reduction", "adder"), 255);
  EXPECT_EQ(units(maeri, "reduction", "accumulator"), 255);
  EXPECT_EQ(units(maeri, "reduction", "reduction_wire"), 885);
  EXPECT_EQ(units(maeri, "reduction", "queue"), 1785);
  EXPECT_EQ(units(maeri, "collection", "queue"), 320);
  EXPECT_EQ(units(maeri, "collection", "collection_wire"), 384);
}

TEST(Units, of_networks_that_the_reference_does_not_have_follow_their_structure) {
  const arch::Machine sigma =
      machine("sigma-64", {{"distribution.type", "benes"}, {"reduction.type", "synchronous-fan"}});
  EXPECT_EQ(units(sigma, "distribution", "switch"), 64 * 11);  // two outputs of 11 stages of 32
  EXPECT_EQ(units(sigma, "reduction", "adder"), 63);
  // Adders of levels 1 to 5 take two operands from each level below: 16 + 8 + ... of them.
  EXPECT_EQ(units(sigma, "reduction", "reduction_wire"), 64 + 2 * (16 * 1 + 8 * 2 + 4 * 3 + 2 * 4 + 1 * 5));
}

TEST(Units, of_a_buffer_that_adds_up_partial_sums_are_an_adder_for_each_line) {
  EXPECT_EQ(units(machine("maeri-64", {{"memory.folds", "outer"}, {"reduction.accumulators", "false"}}), "writeback",
                  "adder"),
            units(machine("maeri-64"), "writeback", "queue"));
  EXPECT_EQ(units(machine("maeri-64"), "writeback", "adder"), 0);
}

// Whether a part of this type counts what is charged.
bool counts(const std::string& type, const cost::Charge& charge) {
  return charge.applies(charge.slot, type) &&
         std::ranges::any_of(fabric::catalog(), [&](const schema::ComponentInfo& part) {
           return part.slot == charge.slot && part.type == type &&
                  std::ranges::find(part.counters, charge.counter, &schema::CounterInfo::name) != part.counters.end();
         });
}

TEST(Meter, leaves_out_only_what_a_machine_is_built_without) {
  for (const arch::Preset& preset : arch::presets()) {
    const arch::Machine each = machine(std::string(preset.name));
    const cost::Meter meter(each, cmos());
    for (const cost::Charge& charge : cost::charges()) {
      if (!counts(each.part(charge.slot).type, charge)) continue;
      const bool charged = std::ranges::any_of(meter.charges(), [&](const cost::Charge& kept) {
        return kept.counter == charge.counter && kept.part == charge.part && kept.component == charge.component;
      });
      const std::string of = charge.part + "." + charge.component;
      const bool may_lack = of == "writeback.adder" || of == "distribution.switch" || of == "reduction.accumulator";
      EXPECT_TRUE(charged || (may_lack && units(each, charge.part, charge.component) == 0))
          << preset.name << ": " << of;
    }
  }
}

TEST(Meter, adds_up_what_was_counted_and_what_is_there) {
  const arch::Machine maeri = machine("maeri-64");
  const cost::Meter meter(maeri, cost::prices(cost::load_table("stonne"), {}, "", {}));
  const stats::CounterTree counters{{"multiplier", {{"multiplications", 1000}, {"not_a_counter", 5}}},
                                    {"writeback", {{"output_writes", 10}}}};
  const cost::Energies energies = meter.energies(counters, 100);
  EXPECT_NEAR(energies.at("multiplier").at("multiplier").dynamic, 7.41, 1e-12);
  EXPECT_NEAR(energies.at("memory").at("buffer").dynamic, 0.44, 1e-12);  // the buffer's, whoever writes it
  EXPECT_NEAR(energies.at("multiplier").at("multiplier").constant, 64 * 100 * 0.001614, 1e-12);
  EXPECT_NEAR(meter.total(counters, 100), cost::total(energies).total(), 1e-9);
}

}  // namespace
}  // namespace cairn::testing
