// Operations in Python, and the layer tables that hold them.
#include "cairn/operation.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>

namespace nb = nanobind;
using namespace cairn;

namespace {

using Sizes = std::vector<std::int64_t>;

Conv make_conv(std::int64_t batch, std::int64_t channels, std::int64_t filters, Sizes input, Sizes kernel,
               std::int64_t groups, std::optional<Sizes> stride, std::optional<Sizes> pad_begin,
               std::optional<Sizes> pad_end, std::optional<Sizes> dilation) {
  return Conv({.batch = batch,
               .channels = channels,
               .filters = filters,
               .groups = groups,
               .input = std::move(input),
               .kernel = std::move(kernel),
               .stride = stride.value_or(Sizes{}),
               .pad_begin = pad_begin.value_or(Sizes{}),
               .pad_end = pad_end.value_or(Sizes{}),
               .dilation = dilation.value_or(Sizes{})});
}

}  // namespace

void bind_operations(nb::module_& m) {
  nb::class_<Gemm>(m, "Gemm")
      .def(
          "__init__",
          [](Gemm* self, std::int64_t rows, std::int64_t columns, std::int64_t k, std::int64_t batch) {
            new (self) Gemm({.m = rows, .n = columns, .k = k, .batch = batch});
          },
          nb::arg("m"), nb::arg("n"), nb::arg("k"), nb::arg("batch") = 1)
      .def_prop_ro("m", [](const Gemm& g) { return g.sizes().m; })
      .def_prop_ro("n", [](const Gemm& g) { return g.sizes().n; })
      .def_prop_ro("k", [](const Gemm& g) { return g.sizes().k; })
      .def_prop_ro("batch", [](const Gemm& g) { return g.sizes().batch; })
      .def_prop_ro("multiplications", &Gemm::multiplications);
  nb::class_<Conv>(m, "Conv")
      .def(
          "__init__",
          [](Conv* self, std::int64_t batch, std::int64_t channels, std::int64_t filters, Sizes input, Sizes kernel,
             std::int64_t groups, std::optional<Sizes> stride, std::optional<Sizes> pad_begin,
             std::optional<Sizes> pad_end, std::optional<Sizes> dilation) {
            new (self)
                Conv(make_conv(batch, channels, filters, std::move(input), std::move(kernel), groups, std::move(stride),
                               std::move(pad_begin), std::move(pad_end), std::move(dilation)));
          },
          nb::arg("batch"), nb::arg("channels"), nb::arg("filters"), nb::arg("input"), nb::arg("kernel"),
          nb::arg("groups") = 1, nb::arg("stride") = nb::none(), nb::arg("pad_begin") = nb::none(),
          nb::arg("pad_end") = nb::none(), nb::arg("dilation") = nb::none())
      .def_prop_ro("batch", [](const Conv& c) { return c.sizes().batch; })
      .def_prop_ro("channels", [](const Conv& c) { return c.sizes().channels; })
      .def_prop_ro("filters", [](const Conv& c) { return c.sizes().filters; })
      .def_prop_ro("groups", [](const Conv& c) { return c.sizes().groups; })
      .def_prop_ro("input", [](const Conv& c) { return nb::tuple(nb::cast(c.sizes().input)); })
      .def_prop_ro("kernel", [](const Conv& c) { return nb::tuple(nb::cast(c.sizes().kernel)); })
      .def_prop_ro("stride", [](const Conv& c) { return nb::tuple(nb::cast(c.sizes().stride)); })
      .def_prop_ro("pad_begin", [](const Conv& c) { return nb::tuple(nb::cast(c.sizes().pad_begin)); })
      .def_prop_ro("pad_end", [](const Conv& c) { return nb::tuple(nb::cast(c.sizes().pad_end)); })
      .def_prop_ro("dilation", [](const Conv& c) { return nb::tuple(nb::cast(c.sizes().dilation)); })
      .def_prop_ro("output", [](const Conv& c) { return nb::tuple(nb::cast(c.output())); })
      .def_prop_ro("multiplications", &Conv::multiplications);
  nb::class_<MaxPool>(m, "MaxPool")
      .def(
          "__init__",
          [](MaxPool* self, std::int64_t batch, std::int64_t channels, Sizes input, Sizes kernel,
             std::optional<Sizes> stride, std::optional<Sizes> pad_begin, std::optional<Sizes> pad_end,
             std::optional<Sizes> dilation, bool ceil_mode) {
            new (self) MaxPool({.batch = batch,
                                .channels = channels,
                                .input = std::move(input),
                                .kernel = std::move(kernel),
                                .stride = stride.value_or(Sizes{}),
                                .pad_begin = pad_begin.value_or(Sizes{}),
                                .pad_end = pad_end.value_or(Sizes{}),
                                .dilation = dilation.value_or(Sizes{}),
                                .ceil_mode = ceil_mode});
          },
          nb::arg("batch"), nb::arg("channels"), nb::arg("input"), nb::arg("kernel"), nb::arg("stride") = nb::none(),
          nb::arg("pad_begin") = nb::none(), nb::arg("pad_end") = nb::none(), nb::arg("dilation") = nb::none(),
          nb::arg("ceil_mode") = false)
      .def_prop_ro("batch", [](const MaxPool& p) { return p.sizes().batch; })
      .def_prop_ro("channels", [](const MaxPool& p) { return p.sizes().channels; })
      .def_prop_ro("input", [](const MaxPool& p) { return nb::tuple(nb::cast(p.sizes().input)); })
      .def_prop_ro("kernel", [](const MaxPool& p) { return nb::tuple(nb::cast(p.sizes().kernel)); })
      .def_prop_ro("stride", [](const MaxPool& p) { return nb::tuple(nb::cast(p.sizes().stride)); })
      .def_prop_ro("pad_begin", [](const MaxPool& p) { return nb::tuple(nb::cast(p.sizes().pad_begin)); })
      .def_prop_ro("pad_end", [](const MaxPool& p) { return nb::tuple(nb::cast(p.sizes().pad_end)); })
      .def_prop_ro("dilation", [](const MaxPool& p) { return nb::tuple(nb::cast(p.sizes().dilation)); })
      .def_prop_ro("ceil_mode", [](const MaxPool& p) { return p.sizes().ceil_mode; })
      .def_prop_ro("output", [](const MaxPool& p) { return nb::tuple(nb::cast(p.output())); })
      .def_prop_ro("comparisons", &MaxPool::comparisons);
  m.def(
      "parse_topology",
      [](const std::string& text, const std::string& source) {
        std::vector<std::pair<std::string, Operation>> layers;
        for (Layer& layer : parse_topology(text, source))
          layers.emplace_back(std::move(layer.name), std::move(layer.operation));
        return layers;
      },
      nb::arg("text"), nb::arg("source"));
}
