// Bytes as a machine and a small operation: both evaluators agree and compute the values of the reference executor, in
// any order of ticking, or the machine is refused.
#include <fuzzer/FuzzedDataProvider.h>

#include <optional>

#include "harness/machines.h"
#include "harness/runs.h"
#include "oracle.h"

namespace {

using namespace cairn;
using namespace cairn::testing;

struct Choice {
  const char* path;
  std::int64_t largest;
};

// Every parameter, not only combinations that the rules accept.
arch::Overrides overrides(FuzzedDataProvider& bytes) {
  static constexpr Choice kNumbers[] = {
      {"multiplier.rows", 12},       {"multiplier.columns", 12},      {"multiplier.latency", 5},
      {"multiplier.queue_depth", 4}, {"memory.setup_cycles", 5},      {"distribution.bandwidth", 24},
      {"distribution.latency", 5},   {"distribution.queue_depth", 4}, {"reduction.latency", 5}};
  arch::Overrides all;
  for (const Choice& choice : kNumbers)
    all.emplace_back(choice.path, std::to_string(bytes.ConsumeIntegralInRange<std::int64_t>(0, choice.largest)));
  for (const char* flag : {"memory.overlap", "memory.count_setup"})
    all.emplace_back(flag, bytes.ConsumeBool() ? "true" : "false");
  all.emplace_back("writeback.drain", bytes.ConsumeBool() ? "all" : "half");
  all.emplace_back("collection.type", bytes.PickValueInArray({"bus", "direct", "shift"}));
  if (all.back().second == "bus")
    all.emplace_back("collection.lines", std::to_string(bytes.ConsumeIntegralInRange<std::int64_t>(0, 144)));
  all.emplace_back("collection.latency", std::to_string(bytes.ConsumeIntegralInRange<std::int64_t>(0, 5)));
  return all;
}

void check(const arch::Machine& description, FuzzedDataProvider& bytes) {
  SplitMix64 random(bytes.ConsumeIntegral<std::uint64_t>());
  const Operation operation = random_operation(random);
  const mapping::Tile tile = random_tile(random, description);
  const Data data = testing::random_data(random, operation);
  const Evaluation stepped = step(description, operation, tile, data);
  fuzz::demand(stepped.values == data.expected, "the stepped values are wrong: " + text(operation));
  const std::string against_flow = difference(stepped, flow(description, operation, tile, data));
  fuzz::demand(against_flow.empty(), "step and flow differ: " + against_flow);
  const std::string against_shuffle = difference(stepped, step(description, operation, tile, data, random.next()));
  fuzz::demand(against_shuffle.empty(), "the order of ticking matters: " + against_shuffle);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider bytes(data, size);
  const arch::Overrides chosen = overrides(bytes);
  std::optional<arch::Machine> description;
  if (!fuzz::ends_well([&] { description = machine(chosen); })) return 0;
  const bool ran = fuzz::ends_well([&] { check(*description, bytes); });
  fuzz::demand(ran, "a valid machine refused a small operation: " + text(chosen));
  return 0;
}
