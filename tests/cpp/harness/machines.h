// Machine descriptions for tests: presets with overrides, and random machines that every rule accepts.
#pragma once

#include <string>
#include <vector>

#include "arch/machine.h"
#include "harness/random.h"

namespace cairn::testing {

// A preset, changed. Throws Error as the library does.
arch::Machine machine(const std::string& preset, const arch::Overrides& overrides = {});

// What random machines are drawn from.
struct MachineSpace {
  std::int64_t largest_side = 9;
  bool overlap = true;    // rounds may overlap
  bool bounded = false;   // queues have a depth; rounds then do not overlap
  bool flexible = false;  // a flexible machine, of up to 64 multipliers
  bool sparse = false;    // a sparse one
  bool lanes = false;     // one of independent lanes, up to 9
  bool pools = false;     // and max-pooling on it

  std::string preset() const {
    return lanes ? "snapea-64" : sparse ? "sigma-tree-256" : flexible ? "maeri-64" : "tpu-16x16";
  }
};

// Every kind of machine there is, and max-pooling.
std::vector<MachineSpace> spaces();

// The overrides that make a random machine out of the space's preset.
arch::Overrides random_overrides(SplitMix64& random, const MachineSpace& space);
arch::Machine machine(const arch::Overrides& overrides);

// As typed on a command line: "--set multiplier.rows=3 ...".
std::string text(const arch::Overrides& overrides);

}  // namespace cairn::testing
