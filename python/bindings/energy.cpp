// Energy and area: tables, what a machine is built of, results priced again.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "cairn/energy.h"

namespace nb = nanobind;
using namespace cairn;

void bind_energy(nb::module_& m) {
  const auto dumped = [](const nb::dict& document) {
    return nb::cast<std::string>(nb::module_::import_("json").attr("dumps")(document));
  };
  const auto parsed = [](const std::string& text) { return nb::module_::import_("json").attr("loads")(text); };
  nb::class_<EnergyTable>(m, "EnergyTable")
      .def_prop_ro("name", &EnergyTable::name)
      .def("describe", [=](const EnergyTable& table) { return parsed(table.to_json()); })
      .def(
          "of", [=](const EnergyTable& table, const Machine& machine) { return parsed(table.of(machine)); },
          nb::arg("machine"))
      .def(
          "price",
          [=](const EnergyTable& table, const nb::dict& document) { return parsed(priced(dumped(document), table)); },
          nb::arg("document"));
  m.def(
      "load_energy_table",
      [](const std::string& name_or_path, std::optional<double> clock_mhz, const std::optional<std::string>& datatype,
         std::optional<double> buffer_kib) {
        return load_energy_table(name_or_path, {clock_mhz, datatype.value_or(""), buffer_kib});
      },
      nb::arg("name_or_path") = EnergyTable().name(), nb::arg("clock_mhz") = nb::none(),
      nb::arg("datatype") = nb::none(), nb::arg("buffer_kib") = nb::none());
  m.def(
      "machine_of", [=](const nb::dict& document) { return machine_of(dumped(document)); }, nb::arg("document"));
  m.def("charges", [=] { return parsed(charges_json()); });
  m.def("energy_tables", [] {
    nb::list names;
    for (const EnergyTable& table : energy_tables()) names.append(nb::cast(table));
    return names;
  });
}
