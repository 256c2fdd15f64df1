// What is recorded of random runs on random machines adds up to what the runs report, and nobody's work depends on
// being looked at.
#include <gtest/gtest.h>

#include "fabric/part.h"
#include "harness/cases.h"
#include "harness/runs.h"
#include "trace/recorder.h"

namespace cairn::testing {
namespace {

std::vector<trace::Layout::Part> parts_of(const arch::Machine& machine) {
  std::vector<trace::Layout::Part> parts;
  for (const std::string& slot : arch::slots()) {
    parts.push_back({slot, {}});
    for (const auto& counter : fabric::part(slot, machine.part(slot).type).info.counters)
      parts.back().counters.push_back({counter.name, counter.unit, false});
  }
  return parts;
}

class Sum final : public trace::Sink {
 public:
  explicit Sum(const std::vector<trace::Layout::Part>& parts) : parts_(parts) {}
  void layer_begins(const std::string&, const trace::Layout&) override {}
  void round_begins(Cycle, std::span<const kernel::Fact>) override { ++rounds; }
  bool take(const trace::Sample& sample) override {
    EXPECT_EQ(sample.cycle, ++cycles);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      for (std::size_t c = 0; c < parts_[i].counters.size(); ++c)
        counters[parts_[i].name][parts_[i].counters[c].name] += sample.parts[i].counted[c];
    }
    for (const Count items : sample.in_flight) EXPECT_GE(items, 0);
    return true;
  }
  void layer_ends(Cycle) override {}

  Cycle cycles = 0;
  Count rounds = 0;
  stats::CounterTree counters;

 private:
  const std::vector<trace::Layout::Part>& parts_;
};

void expect_sums(const MachineSpace& space, std::uint64_t first) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(100)); ++seed) {
    const Case c(seed, space);
    SCOPED_TRACE(c.trace);
    const Evaluation usual = step(c.description, c.operation, c.tile, c.data);
    const std::vector<trace::Layout::Part> parts = parts_of(c.description);
    Sum sum(parts);
    trace::Recorder recorder("l", parts, 1, std::int64_t{1} << 60, {&sum});
    Evaluation seen{{}, std::vector<float>(usual.values.size())};
    seen.outcome = engine::run_step(c.description, c.operation, c.tile,
                                    {c.data.a_view, c.data.b_view, seen.values.data()}, {}, std::nullopt, &recorder);
    ASSERT_EQ(difference(seen, usual), "");
    ASSERT_EQ(sum.cycles, usual.outcome.cycles);
    ASSERT_EQ(sum.rounds, usual.outcome.rounds);
    ASSERT_EQ(sum.counters, usual.outcome.counters);
  }
}

TEST(Recorder, adds_up_on_systolic_arrays) { expect_sums({}, 810'001); }
TEST(Recorder, adds_up_on_flexible_machines) { expect_sums({.flexible = true}, 820'001); }
TEST(Recorder, adds_up_on_sparse_machines) { expect_sums({.sparse = true}, 830'001); }

}  // namespace
}  // namespace cairn::testing
