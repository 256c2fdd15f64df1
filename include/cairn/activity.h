// Where the cycles went: each slot of a machine has units, and in each cycle each unit is in one of seven states
// (docs/design/0010-where-the-cycles-went.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace cairn {

enum class UnitState { busy, operand, port, readout, reconfiguring, draining, idle };
constexpr std::size_t kUnitStates = 7;

struct UnitStateInfo {
  const char* name;
  const char* doc;
};
// In the order of UnitState.
const std::array<UnitStateInfo, kUnitStates>& unit_states();

// Unit-cycles (one unit for one cycle) by state.
struct UnitCycles {
  std::array<std::int64_t, kUnitStates> of{};
  std::int64_t& operator[](UnitState state) { return of[static_cast<std::size_t>(state)]; }
  std::int64_t operator[](UnitState state) const { return of[static_cast<std::size_t>(state)]; }
  bool operator==(const UnitCycles&) const = default;
};

// Of a slot. The states sum to units x cycles.
struct SlotActivity {
  std::string slot;
  std::string unit;  // "read ports"
  std::int64_t units = 0;
  UnitCycles cycles{};
};

}  // namespace cairn
