// A machine description that a test changes line by line.
#pragma once

#include <sstream>
#include <string>

#include "arch/machine.h"
#include "fabric/part.h"

namespace cairn::testing {

// A valid description; the tests name its lines by number.
inline const std::string kMachineText =
    "name = \"m\"\n"               // 1
    "summary = \"s\"\n"            // 2
    "follows = \"f\"\n"            // 3
    "\n"                           // 4
    "[memory]\n"                   // 5
    "type = \"systolic-os\"\n"     // 6
    "setup_cycles = 2\n"           // 7
    "[distribution]\n"             // 8
    "type = \"point-to-point\"\n"  // 9
    "[multiplier]\n"               // 10
    "type = \"mesh\"\n"            // 11
    "[reduction]\n"                // 12
    "type = \"temporal\"\n"        // 13
    "[collection]\n"               // 14
    "type = \"bus\"\n"             // 15
    "[writeback]\n"                // 16
    "type = \"write-queue\"\n";    // 17

// A valid flexible machine.
inline const std::string kFlexibleText =
    "name = \"m\"\n"
    "summary = \"s\"\n"
    "follows = \"f\"\n"
    "memory.type = \"dense\"\n"
    "distribution.type = \"tree\"\n"
    "multiplier.type = \"linear\"\n"
    "reduction.type = \"art\"\n"
    "collection = { type = \"bus\", lines = 64 }\n"
    "writeback.type = \"write-queue\"\n";

// A valid machine of independent lanes.
inline const std::string kLanesText =
    "name = \"m\"\n"
    "summary = \"s\"\n"
    "follows = \"f\"\n"
    "memory.type = \"lanes\"\n"
    "distribution.type = \"lane-ports\"\n"
    "multiplier.type = \"lanes\"\n"
    "reduction.type = \"sign-check\"\n"
    "collection.type = \"bus\"\n"
    "writeback.type = \"write-queue\"\n";

// The description of a machine in which a part of this family fits.
inline const std::string& text_for(const std::string& family) {
  if (family == "lanes") return kLanesText;
  return family == "flexible" ? kFlexibleText : kMachineText;
}

// The description with line `number` (from 1) in other words; "" removes the words and keeps the line.
inline std::string with_line(int number, const std::string& words, const std::string& text = kMachineText) {
  std::istringstream in(text);
  std::string out;
  std::string line;
  for (int n = 1; std::getline(in, line); ++n) out += (n == number ? words : line) + "\n";
  return out;
}

inline arch::Machine parsed(const std::string& text, const arch::Overrides& overrides = {}) {
  return arch::parse_machine(text, "m.toml", overrides, fabric::catalog());
}

}  // namespace cairn::testing
