// Bytes as a machine and a small operation: both evaluators agree and compute the values of the reference executor, in
// any order of ticking, or the machine is refused.
#include <fuzzer/FuzzedDataProvider.h>

#include <optional>

#include "fabric/part.h"
#include "harness/machines.h"
#include "harness/runs.h"
#include "oracle.h"

namespace {

using namespace cairn;
using namespace cairn::testing;

// Trees want powers of two; other numbers must be refused.
std::int64_t number(const schema::Parameter& parameter, FuzzedDataProvider& bytes) {
  if (bytes.ConsumeBool()) return std::int64_t{1} << bytes.ConsumeIntegralInRange(0, 6);
  return bytes.ConsumeIntegralInRange<std::int64_t>(0, std::min<std::int64_t>(parameter.range->maximum, 16));
}

std::string value(const schema::Parameter& parameter, FuzzedDataProvider& bytes) {
  if (parameter.range) return std::to_string(number(parameter, bytes));
  if (parameter.choices.empty()) return bytes.ConsumeBool() ? "true" : "false";
  return parameter.choices[bytes.ConsumeIntegralInRange<std::size_t>(0, parameter.choices.size() - 1)];
}

// Any parts of one family with any small parameters, not only combinations that the rules accept.
arch::Overrides overrides(const std::string& family, FuzzedDataProvider& bytes) {
  static const schema::Catalog kCatalog = fabric::catalog();
  arch::Overrides all;
  for (const std::string& slot : arch::slots()) {
    std::vector<const schema::ComponentInfo*> fitting;
    for (const schema::ComponentInfo& c : kCatalog) {
      if (c.slot == slot && (c.family.empty() || c.family == family)) fitting.push_back(&c);
    }
    const schema::ComponentInfo& part = *fitting[bytes.ConsumeIntegralInRange<std::size_t>(0, fitting.size() - 1)];
    all.emplace_back(slot + ".type", part.type);
    for (const schema::Parameter& p : part.parameters) all.emplace_back(slot + "." + p.name, value(p, bytes));
  }
  return all;
}

// Any small tile on a flexible machine: it may be refused.
std::optional<engine::Tile> tile(SplitMix64& random, const arch::Machine& description, const Operation& operation) {
  if (description.family == "systolic") return random_tile(random, description, operation);
  const NamedTile named = random_named_tile(random, operation, random.between(1, 80));
  std::optional<engine::Tile> taken;
  fuzz::ends_well([&] { taken = engine::tile_of(description, operation, named); });
  return taken;
}

void check(const arch::Machine& description, SplitMix64 random) {
  const Operation operation =
      description.family == "systolic" ? random_operation(random) : random_sliding_operation(random);
  const std::optional<engine::Tile> chosen = tile(random, description, operation);
  if (!chosen) return;
  const std::string what = text(engine::named_tile(description, operation, *chosen)) + ", " + text(operation) + ": ";
  const Data data = testing::random_data(random, operation);
  const Evaluation stepped = step(description, operation, *chosen, data);
  fuzz::demand(stepped.values == data.expected, what + "the stepped values are wrong");
  const std::string against_flow = difference(stepped, flow(description, operation, *chosen, data));
  fuzz::demand(against_flow.empty(), what + "step and flow differ: " + against_flow);
  const std::string against_shuffle = difference(stepped, step(description, operation, *chosen, data, random.next()));
  fuzz::demand(against_shuffle.empty(), what + "the order of ticking matters: " + against_shuffle);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider bytes(data, size);
  const bool flexible = bytes.ConsumeBool();
  const arch::Overrides chosen = overrides(flexible ? "flexible" : "systolic", bytes);
  const SplitMix64 random(bytes.ConsumeIntegral<std::uint64_t>());
  std::optional<arch::Machine> description;
  if (!fuzz::ends_well([&] { description = machine(flexible ? "maeri-64" : "tpu-16x16", chosen); })) return 0;
  const bool ran = fuzz::ends_well([&] { check(*description, random); });
  fuzz::demand(ran, "a valid machine refused a small operation: " + text(chosen));
  return 0;
}
