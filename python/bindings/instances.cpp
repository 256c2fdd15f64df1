// What each instance of a component does, by name.
#include "cairn/instances.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include "cairn/error.h"

namespace nb = nanobind;
using namespace cairn;

namespace {

using Matrix = nb::ndarray<const float, nb::ndim<3>, nb::device::cpu>;
using Tile = std::map<std::string, std::int64_t>;

GemmOperands::Matrix matrix(const char* name, const Matrix& array, std::int64_t rows, std::int64_t columns) {
  if (static_cast<std::int64_t>(array.shape(1)) != rows || static_cast<std::int64_t>(array.shape(2)) != columns)
    throw Error(Code::operand_mismatch, std::string("operand ") + name, "the shape is not that of the operation");
  return {array.data(), array.shape(0) == 1 ? 0 : array.stride(0), array.stride(1), array.stride(2)};
}

Instances counted(const Machine& machine, const Operation& operation, const std::optional<Tile>& tile,
                  const std::optional<Matrix>& a, const std::optional<Matrix>& b, bool largest_first) {
  RunOptions options;
  options.tile = tile.value_or(Tile{});
  const Gemm* gemm = std::get_if<Gemm>(&operation);
  if (!a || !b || gemm == nullptr) return instances(machine, operation, options.tile);
  options.schedule = largest_first ? Schedule::largest : Schedule::none;
  const Gemm::Sizes& s = gemm->sizes();
  float untouched = 0;
  return instances(machine, *gemm, {matrix("a", *a, s.m, s.k), matrix("b", *b, s.k, s.n), &untouched}, options);
}

}  // namespace

void bind_instances(nb::module_& m) {
  m.def("instances", &counted, nb::arg("machine"), nb::arg("operation"), nb::arg("tile") = nb::none(),
        nb::arg("a") = nb::none(), nb::arg("b") = nb::none(), nb::arg("largest_first") = false,
        nb::call_guard<nb::gil_scoped_release>());
}
