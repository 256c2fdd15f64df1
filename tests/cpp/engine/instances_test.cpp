// What the instances of a machine do adds up to what its parts count in a clocked run.
#include "engine/instances.h"

#include <gtest/gtest.h>

#include <numeric>
#include <optional>

#include "harness/cases.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

class Sums {
 public:
  explicit Sums(const Instances& instances) : instances_(instances) {}
  // Of a slot; 0 for what it does not have.
  Count operator()(const char* slot, std::initializer_list<const char*> names) const {
    Count sum = 0;
    for (const char* name : names) {
      const auto found = instances_.find(slot);
      if (found == instances_.end() || !found->second.contains(name)) continue;
      const std::vector<std::int64_t>& counts = found->second.at(name);
      sum = std::accumulate(counts.begin(), counts.end(), sum);
    }
    return sum;
  }

 private:
  const Instances& instances_;
};

using Expected = std::map<std::string, std::map<std::string, Count>>;

Expected of_mesh(const Sums& sum) {
  const Count products = sum("multiplier", {"multiplications"});
  return {
      {"distribution", {{"words", sum("distribution", {"weights", "inputs"})}}},
      {"multiplier",
       {{"multiplications", products},
        {"hops", sum("multiplier", {"sent_right", "sent_bottom"})},
        {"operand_pushes", 2 * products},
        {"configurations", sum("multiplier", {"configurations"})}}},
      {"reduction", {{"register_writes", sum("accumulator", {"taken"})}, {"results", sum("accumulator", {"results"})}}},
      {"collection", {{"results_in", sum("output", {"results"})}}}};
}

Expected of_flexible(const Sums& sum, const arch::Machine& machine) {
  const Count packets = sum("distribution", {"weights", "inputs", "psums"});
  const Count products = sum("multiplier", {"multiplications"});
  Expected expected{{"distribution", {{"words", packets}, {"hops", sum("distribution", {"words"}) - packets}}},
                    {"multiplier",
                     {{"multiplications", products},
                      {"hops", sum("multiplier", {"sent"})},
                      {"psum_forwards", sum("multiplier", {"psum_forwards"})},
                      {"operand_pushes", products + sum("multiplier", {"weights", "inputs", "psums", "received",
                                                                       "psum_forwards", "zeros"})},
                      {"configurations", sum("multiplier", {"configurations"})}}},
                    {"reduction", {{"results", sum("output", {"results"})}}},
                    {"collection", {{"results_in", sum("output", {"results"})}}}};
  if (machine.part("reduction").type == "temporal") return expected;
  std::map<std::string, Count>& adders = expected["reduction"];
  adders["additions_2to1"] = sum("adder", {"additions_2to1", "folded"}) - sum("adder", {"fold_results"});
  adders["additions_3to1"] = sum("adder", {"additions_3to1"});
  adders["queue_pushes"] = sum("adder", {"left", "right", "neighbour", "made", "aside", "fold_results"}) +
                           sum("accumulator", {"taken", "results"});
  adders["queue_pops"] = adders["queue_pushes"] - sum("adder", {"waiting_left", "waiting_right", "waiting_neighbour"});
  // From the multipliers, from adder to adder, and on to the accumulator or folding adder, if there is one.
  const bool ends = machine.part("reduction").type == "art" && !machine.part("reduction").flag("accumulators");
  adders["wire_writes"] = sum("multiplier", {"multiplications", "psum_forwards", "zeros"}) +
                          sum("adder", {"transfers_up", "aside"}) + (ends ? 0 : sum("adder", {"transfers_out"}));
  adders["output_transfers"] = sum("output", {"transfers"});
  return expected;
}

// Nothing where the machine has other parts than those of the public reference.
std::optional<Instances> instances_of(const Case& c) {
  float unwritten = 0;
  try {
    return engine::instances(c.description, c.operation, c.tile, {c.data.a_view, c.data.b_view, &unwritten, {}});
  } catch (const Error& error) {
    EXPECT_EQ(error.diagnostics().front().code, Code::unsupported_mapping) << error.what();
    return std::nullopt;
  }
}

void expect_sums(const Case& c, const Instances& instances) {
  const Evaluation stepped = step(c.description, c.operation, c.tile, c.data);
  const Sums sum(instances);
  for (const auto& [slot, counters] :
       c.description.family == "systolic" ? of_mesh(sum) : of_flexible(sum, c.description)) {
    const std::map<std::string, Count>& all = stepped.outcome.counters.at(slot);
    for (const auto& [name, count] : counters)
      ASSERT_EQ(count, all.contains(name) ? all.at(name) : 0) << slot << "." << name;
  }
}

void for_cases(std::uint64_t first, const MachineSpace& space) {
  int counted = 0;
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(600)); ++seed) {
    const Case c(seed, space);
    SCOPED_TRACE(c.trace);
    const std::optional<Instances> instances = instances_of(c);
    if (!instances) continue;
    ++counted;
    expect_sums(c, *instances);
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(counted, cases(600) / 50);  // the others have parts of which nothing is told
}

TEST(Instances, of_a_mesh_add_up_to_its_counters) { for_cases(1, {.overlap = false}); }

TEST(Instances, of_a_flexible_machine_add_up_to_its_counters) { for_cases(100'001, {.flexible = true}); }

TEST(Instances, of_a_sparse_machine_add_up_to_its_counters) { for_cases(200'001, {.sparse = true}); }

}  // namespace
}  // namespace cairn::testing
