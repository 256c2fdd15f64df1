// The catalog: what components exist, by slot, with their declared parameters and counters. Filled by fabric, read by
// whoever loads, checks or describes a machine without seeing a component.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "schema/parameter.h"
#include "util/units.h"

namespace cairn::schema {

struct CounterInfo {
  std::string name;
  std::string unit;
  std::string doc;
};

// Whether a word is an operand or a sum: they may differ in bits.
enum class Width { operand, sum };

// What a part of a plug-in costs, which Cairn's own tables (src/cost) cannot know. Components and their actions are
// those that every table of energy prices.
struct Costs {
  // How often the action was done is what the counter tells.
  struct Charge {
    std::string counter;
    std::string component;  // "queue"
    std::string action;     // "push"
    Width width = Width::sum;
    std::string slot{};  // whose component it is; empty: of the part itself. The other one is "memory": its buffer.
  };
  struct Exemption {
    std::string counter;
    std::string reason;
  };
  // What it is built of, for area and static energy. `array`: the multipliers of the machine.
  struct Array {
    Count rows;
    Count columns;
  };
  struct Units {
    std::string component;
    Width width = Width::sum;
    std::function<Count(const Values&, const Array&)> count{};
  };
  std::vector<Charge> charges{};
  std::vector<Exemption> exemptions{};
  std::vector<Units> units{};
};

// Where a part comes from that is not Cairn's own.
struct Origin {
  std::string plugin;
  std::string version;
  std::string file;
};

struct ComponentInfo {
  std::string slot;    // "distribution"
  std::string type;    // "point-to-point"
  std::string family;  // of machines that it is for: "systolic", "flexible", "lanes"; empty: any
  std::string doc;
  std::string unit;  // what its activity is told of: "read ports"
  std::vector<Parameter> parameters;
  std::vector<CounterInfo> counters;
  std::shared_ptr<const Costs> costs{};    // null: in Cairn's own tables
  std::shared_ptr<const Origin> origin{};  // null: Cairn itself
};

using Catalog = std::vector<ComponentInfo>;

}  // namespace cairn::schema
