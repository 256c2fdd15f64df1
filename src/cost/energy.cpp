#include "cost/energy.h"

#include <array>

namespace cairn::cost {
namespace {

// The figures of the table that ships with the public reference (paper A.9).
constexpr double kWire = 0.001839831;  // a word over a wire of the multipliers, the adders, the bus
constexpr double kDistributionWire = 0.00223226;
constexpr double kAddition = 0.111;
constexpr double kSwitch = 0.0360;       // a packet through a switch
constexpr double kMultiplier = 0.00741;  // a product, or a partial sum passed on
constexpr double kBuffer = 0.044;        // a word read or written

struct Action {
  const char* slot;
  const char* counter;
  double energy;
};
constexpr std::array<Action, 18> kActions{{{"memory", "weight_reads", kBuffer},
                                           {"memory", "input_reads", kBuffer},
                                           {"memory", "psum_reads", kBuffer},
                                           {"writeback", "output_writes", kBuffer},
                                           {"writeback", "psum_reads", kBuffer},
                                           {"distribution", "words", kDistributionWire},
                                           {"distribution", "hops", kDistributionWire},
                                           {"distribution", "broadcasts", kSwitch},
                                           {"distribution", "unicasts", kSwitch},
                                           {"multiplier", "multiplications", kMultiplier},
                                           {"multiplier", "psum_forwards", kMultiplier},
                                           {"multiplier", "hops", kWire},
                                           {"reduction", "additions_2to1", kAddition},
                                           {"reduction", "additions_3to1", kAddition},
                                           {"reduction", "additions", kAddition},
                                           {"reduction", "wire_writes", kWire},
                                           {"reduction", "output_transfers", kWire},
                                           {"collection", "results_out", kWire}}};

// Each cycle, of each unit.
constexpr double kAdderStatic = 0.001505;
constexpr double kSwitchStatic = 0.000157;
constexpr double kMultiplierStatic = 0.001614;
constexpr double kBufferStatic = 0.0101;

}  // namespace

double energy(const stats::CounterTree& counters, Cycle cycles, const Units& units) {
  double total = 0;
  for (const Action& action : kActions) {
    const auto& slot = counters.at(action.slot);
    const auto counter = slot.find(action.counter);
    if (counter != slot.end()) total += action.energy * static_cast<double>(counter->second);
  }
  const double each_cycle = kMultiplierStatic * static_cast<double>(units.multipliers) +
                            kAdderStatic * static_cast<double>(units.adders + units.accumulators) +
                            kSwitchStatic * static_cast<double>(units.switches) + kBufferStatic;
  return total + each_cycle * static_cast<double>(cycles);
}

}  // namespace cairn::cost
