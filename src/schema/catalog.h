// The catalog: what components exist, by slot, with their declared parameters and counters. Filled by fabric, read by
// whoever loads, checks or describes a machine without seeing a component.
#pragma once

#include <string>
#include <vector>

#include "schema/parameter.h"

namespace cairn::schema {

struct CounterInfo {
  std::string name;
  std::string unit;
  std::string doc;
};

struct ComponentInfo {
  std::string slot;    // "distribution"
  std::string type;    // "point-to-point"
  std::string family;  // of machines that it is for: "systolic", "flexible", "lanes"; empty: any
  std::string doc;
  std::string unit;  // what its activity is told of: "read ports"
  std::vector<Parameter> parameters;
  std::vector<CounterInfo> counters;
};

using Catalog = std::vector<ComponentInfo>;

}  // namespace cairn::schema
