#include "cost/prices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "util/diagnostics.h"

namespace cairn::cost {
namespace {

// Between two points, and beyond the last ones, on a straight line of logarithms: 10 pJ at 8 KiB and 20 pJ at 32 KiB
// make energy grow with the square root of the capacity.
double interpolated(const Figure::ByCapacity& points, double kib) {
  const auto above = std::ranges::lower_bound(points, kib, {}, &std::pair<double, double>::first);
  const auto at = std::clamp<std::ptrdiff_t>(above - points.begin(), 1, std::ssize(points) - 1);
  const auto& [low_kib, low] = points[static_cast<std::size_t>(at - 1)];
  const auto& [high_kib, high] = points[static_cast<std::size_t>(at)];
  if (kib == low_kib) return low;
  if (kib == high_kib) return high;
  return low * std::pow(high / low, std::log(kib / low_kib) / std::log(high_kib / low_kib));
}

}  // namespace

double Prices::value(const Figure& figure, Width width) const {
  double value = 0;
  if (const auto* one = std::get_if<double>(&figure.value)) value = *one;
  if (const auto* types = std::get_if<Figure::ByDatatype>(&figure.value)) value = types->at(datatype);
  if (const auto* points = std::get_if<Figure::ByCapacity>(&figure.value)) value = interpolated(*points, *buffer_kib);
  const Datatype& type = table.datatypes.at(datatype);
  if (figure.bits) value *= static_cast<double>(width == Width::sum ? type.sums : type.bits) / *figure.bits;
  if (figure.kib) value *= *buffer_kib / *figure.kib;
  return value;
}

double Prices::energy(const std::string& component, const std::string& action, Width width) const {
  return value(table.figure(component, action), width);
}

double Prices::area(const std::string& component, Width width) const {
  return value(table.figure(component, "area"), width);
}

double Prices::leakage(const std::string& component, Width width) const {
  const Figure& figure = table.figure(component, "static");
  const double given = value(figure, width);
  const double picojoules_of_milliwatt = 1e3 / clock_mhz;  // in a cycle
  if (figure.unit == "mW") return given * picojoules_of_milliwatt;
  if (figure.unit == "mW/mm2") return given * area(component, width) * 1e-6 * picojoules_of_milliwatt;
  return given;
}

Prices prices(Table table, std::optional<double> clock_mhz, const std::string& datatype,
              std::optional<double> buffer_kib) {
  util::Diagnostics faults;
  const auto positive = [&](const char* what, const std::optional<double>& given, double most) {
    if (given && !(*given > 0 && *given <= most))
      faults.add(Code::out_of_range, what, fmt::format("{} is out of range", *given), fmt::format("up to {}", most));
  };
  positive("clock in MHz", clock_mhz, 1e6);
  positive("buffer in KiB", buffer_kib, 1e9);
  if (!datatype.empty() && !table.datatypes.contains(datatype)) {
    std::vector<std::string> names;
    for (const auto& [name, sizes] : table.datatypes) names.push_back(name);
    faults.add(Code::unknown_name, "data type", fmt::format("the table '{}' has no '{}'", table.name, datatype),
               util::nearest(datatype, names));
  }
  if (buffer_kib && !table.buffer_kib)
    faults.add(Code::bad_table, "buffer in KiB",
               fmt::format("no figure of the table '{}' depends on the capacity of the buffer", table.name),
               "leave it out, or another table");
  faults.raise_if_any();
  Prices made{table, clock_mhz.value_or(table.clock_mhz), datatype.empty() ? table.datatype : datatype,
              buffer_kib ? buffer_kib : table.buffer_kib};
  return made;
}

}  // namespace cairn::cost
