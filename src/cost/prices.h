// A table for one clock, one data type and one capacity of the global buffer: figures that can be multiplied.
#pragma once

#include <optional>
#include <string>

#include "cost/table.h"
#include "schema/catalog.h"

namespace cairn::cost {

using schema::Width;

struct Prices {
  Table table;
  double clock_mhz;
  std::string datatype;
  std::optional<double> buffer_kib;

  // All in the units of the table: of an action; square micrometres of one unit; of one unit in a cycle.
  double energy(const std::string& component, const std::string& action, Width width) const;
  double area(const std::string& component, Width width) const;
  double leakage(const std::string& component, Width width) const;

  // Seconds of so many cycles.
  double seconds(double cycles) const { return cycles / (clock_mhz * 1e6); }
  bool in_joules() const { return table.unit == "pJ"; }

 private:
  double value(const Figure& figure, Width width) const;
};

// What is asked for, or else what the table says. Throws E105 for a clock or a capacity that is not positive, E107 for
// a data type that the table does not have, E303 for a capacity that no figure of the table depends on.
Prices prices(Table table, std::optional<double> clock_mhz, const std::string& datatype,
              std::optional<double> buffer_kib);

}  // namespace cairn::cost
