// Timelines for Python.
#include "cairn/trace.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>

namespace nb = nanobind;
using namespace cairn;

void bind_trace(nb::module_& m) {
  nb::class_<Trace>(m, "Trace")
      .def(
          "__init__",
          [](Trace* self, const Machine& machine, const std::string& file, bool text, std::int64_t limit, double clock,
             std::int64_t first, std::optional<std::int64_t> last, const std::string& layer) {
            TraceOptions options{
                .file = file, .limit = limit, .clock = clock, .text = text, .layer = layer, .from = first};
            if (last) options.to = *last;
            new (self) Trace(machine, options);
          },
          nb::arg("machine"), nb::arg("file") = "", nb::arg("text") = false, nb::arg("limit") = TraceOptions{}.limit,
          nb::arg("clock") = TraceOptions{}.clock, nb::arg("first") = 1, nb::arg("last") = nb::none(),
          nb::arg("layer") = "")
      .def_prop_ro("bytes", &Trace::bytes)
      .def_prop_ro("text", &Trace::text)
      .def_prop_ro("layers", [](const Trace& trace) {
        nb::list rows;
        for (const TracedLayer& layer : trace.layers()) {
          nb::dict row;
          row["name"] = layer.name;
          row["cycles"] = layer.cycles;
          row["first"] = layer.first;
          row["last"] = layer.last;
          row["cut"] = layer.cut;
          rows.append(row);
        }
        return rows;
      });
}
