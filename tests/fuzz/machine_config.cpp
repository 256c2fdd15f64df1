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

enum class MachineKind { systolic, dense, sparse, lanes };

// Any parts of one family with any small parameters, not only combinations that the rules accept; but a sparse machine
// has a controller of its own, and the multipliers that both of these want.
bool fits(MachineKind kind, const schema::ComponentInfo& part) {
  const std::string family = kind == MachineKind::systolic ? "systolic"
                             : kind == MachineKind::lanes  ? "lanes"
                                                           : "flexible";
  if (!part.family.empty() && part.family != family) return false;
  if (family != "flexible") return true;
  const bool sparse = kind == MachineKind::sparse;
  if (part.slot == "memory") return sparse != (part.type == "dense");
  return part.slot != "multiplier" || !sparse || part.type == "disabled";
}

arch::Overrides overrides(MachineKind kind, FuzzedDataProvider& bytes) {
  static const schema::Catalog kCatalog = fabric::catalog();
  arch::Overrides all;
  for (const std::string& slot : arch::slots()) {
    std::vector<const schema::ComponentInfo*> fitting;
    for (const schema::ComponentInfo& c : kCatalog) {
      if (c.slot == slot && fits(kind, c)) fitting.push_back(&c);
    }
    const schema::ComponentInfo& part = *fitting[bytes.ConsumeIntegralInRange<std::size_t>(0, fitting.size() - 1)];
    all.emplace_back(slot + ".type", part.type);
    for (const schema::Parameter& p : part.parameters) all.emplace_back(slot + "." + p.name, value(p, bytes));
  }
  return all;
}

bool is_sparse(const arch::Machine& description) {
  const arch::Control control = arch::control(description);
  return control == arch::Control::bitmaps || control == arch::Control::rows;
}

// Any small tile on a flexible machine: it may be refused, of a sparse one not before it is run. Any order of the
// vectors.
std::optional<engine::Tile> tile(SplitMix64& random, const arch::Machine& description, const Operation& operation) {
  if (description.family != "flexible") return random_tile(random, description, operation);
  if (is_sparse(description)) {
    if (random.one_in(2)) return random_tile(random, description, operation);
    return mapping::SparseTile{random.between(1, 20), random.between(1, 20),
                               static_cast<mapping::Schedule>(random.between(0, 3)), random.next()};
  }
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
  const Data data =
      testing::random_data(random, operation, is_sparse(description) ? random_densities(random) : Densities{});
  std::optional<Evaluation> stepped_or_none;
  if (!fuzz::ends_well([&] { stepped_or_none = step(description, operation, *chosen, data); })) {
    const bool flowed = fuzz::ends_well([&] { flow(description, operation, *chosen, data); });
    fuzz::demand(!flowed, what + "step refuses what flow takes");
    fuzz::demand(arch::control(description) == arch::Control::rows, what + "a tile that fits is refused");
    return;
  }
  const Evaluation& stepped = *stepped_or_none;
  fuzz::demand(stepped.values == data.expected, what + "the stepped values are wrong");
  const std::string against_flow = difference(stepped, flow(description, operation, *chosen, data));
  fuzz::demand(against_flow.empty(), what + "step and flow differ: " + against_flow);
  const std::string against_shuffle = difference(stepped, step(description, operation, *chosen, data, random.next()));
  fuzz::demand(against_shuffle.empty(), what + "the order of ticking matters: " + against_shuffle);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider bytes(data, size);
  const auto kind = static_cast<MachineKind>(bytes.ConsumeIntegralInRange(0, 3));
  const arch::Overrides chosen = overrides(kind, bytes);
  const SplitMix64 random(bytes.ConsumeIntegral<std::uint64_t>());
  std::optional<arch::Machine> description;
  if (!fuzz::ends_well(
          [&] { description = machine(kind == MachineKind::systolic ? "tpu-16x16" : "maeri-64", chosen); }))
    return 0;
  const bool ran = fuzz::ends_well([&] { check(*description, random); });
  fuzz::demand(ran, "a valid machine refused a small operation: " + text(chosen));
  return 0;
}
