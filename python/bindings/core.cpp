// The Python face of the library: converts in, calls one function of the public API, converts out. Documentation and
// types are in python/cairn/_core.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "cairn/error.h"
#include "cairn/machine.h"
#include "cairn/operation.h"
#include "cairn/result.h"
#include "cairn/session.h"
#include "cairn/trace.h"

namespace nb = nanobind;
using namespace cairn;

void bind_energy(nb::module_& m);      // energy.cpp
void bind_instances(nb::module_& m);   // instances.cpp
void bind_operations(nb::module_& m);  // operations.cpp
void bind_plugin(nb::module_& m);      // plugin.cpp
void bind_sparse(nb::module_& m);      // sparse.cpp
void bind_trace(nb::module_& m);       // trace.cpp

namespace {

using Array = nb::ndarray<nb::ro, nb::device::cpu>;  // of any type: expect_shape refuses all but float32
using Output = nb::ndarray<nb::numpy, float>;
using Progress = std::function<void(std::int64_t, std::int64_t)>;

nb::object parse_json(const std::string& text) { return nb::module_::import_("json").attr("loads")(text); }

// Error -> cairn.errors.CairnError, with every diagnostic.
void raise_error(const Error& error) {
  nb::list rows;
  for (const Diagnostic& d : error.diagnostics()) {
    nb::dict row;
    row["code"] = std::string(info(d.code).name);
    row["kind"] = std::string(name(info(d.code).kind));
    row["place"] = d.place;
    row["message"] = d.message;
    row["remedy"] = d.remedy;
    rows.append(row);
  }
  const nb::object type = nb::module_::import_("cairn.errors").attr("CairnError");
  const nb::object instance = type.attr("from_core")(rows);
  PyErr_SetObject(type.ptr(), instance.ptr());
}

nb::list code_table() {
  nb::list rows;
  for (const CodeInfo& c : codes()) {
    nb::dict row;
    row["code"] = std::string(c.name);
    row["kind"] = std::string(name(c.kind));
    row["title"] = std::string(c.title);
    row["explanation"] = std::string(c.explanation);
    row["example"] = std::string(c.example);
    row["remedy"] = std::string(c.remedy);
    rows.append(row);
  }
  return rows;
}

std::string shape_text(const Array& array) {
  std::string text;
  for (std::size_t d = 0; d < array.ndim(); ++d) text += (d > 0 ? " x " : "") + std::to_string(array.shape(d));
  return text;
}

std::string type_text(const Array& array) {
  const nb::dlpack::dtype type = array.dtype();
  const std::string bits = std::to_string(type.bits);
  switch (static_cast<nb::dlpack::dtype_code>(type.code)) {
    case nb::dlpack::dtype_code::Float: return "float" + bits;
    case nb::dlpack::dtype_code::Int: return "int" + bits;
    case nb::dlpack::dtype_code::UInt: return "uint" + bits;
    case nb::dlpack::dtype_code::Bool: return "bool";
    default: return "a type of " + bits + " bits";
  }
}

const float* words(const Array& array) { return static_cast<const float*>(array.data()); }

// The machine computes in float32 and converts nothing silently.
void expect_shape(const char* name, const Array& array, const std::vector<std::int64_t>& shape) {
  if (array.dtype() != nb::dtype<float>()) {
    throw Error(Code::unsupported_type, std::string("operand ") + name, "the values are of type " + type_text(array),
                "array.astype(numpy.float32), if that is what you mean");
  }
  bool fits = array.ndim() == shape.size();
  std::string wanted;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    fits = fits && static_cast<std::int64_t>(array.shape(d)) == shape[d];
    wanted += (d > 0 ? " x " : "") + std::to_string(shape[d]);
  }
  if (!fits) {
    throw Error(Code::operand_mismatch, std::string("operand ") + name, "the shape is " + shape_text(array),
                "the operation needs " + wanted);
  }
}

void expect_dense(const char* name, const Array& array) {
  std::int64_t stride = 1;
  for (std::size_t d = array.ndim(); d-- > 0;) {
    if (array.shape(d) != 1 && array.stride(d) != stride) {
      throw Error(Code::operand_mismatch, std::string("operand ") + name, "the array is not dense in row-major order",
                  "numpy.ascontiguousarray(array)");
    }
    stride *= static_cast<std::int64_t>(array.shape(d));
  }
}

// A fresh output array that Python will own.
Output make_output(const std::vector<std::int64_t>& shape) {
  std::vector<std::size_t> sizes(shape.begin(), shape.end());
  std::size_t words = 1;
  for (const std::size_t size : sizes) words *= size;
  auto memory = std::make_unique<float[]>(words);
  nb::capsule owner(memory.get(), [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return Output(memory.release(), sizes.size(), sizes.data(), owner);
}

using Tile = std::optional<std::map<std::string, std::int64_t>>;

// The words of an enumeration, in its order.
template <class Enum>
Enum word(const std::string& what, const std::string& given, const std::vector<std::string>& known,
          const std::string& remedy) {
  const auto found = std::find(known.begin(), known.end(), given);
  if (found == known.end()) throw Error(Code::unknown_name, what, "unknown " + what + " '" + given + "'", remedy);
  return static_cast<Enum>(found - known.begin());
}

RunOptions tile_options(const Tile& tile, const std::string& objective) {
  RunOptions options;
  if (tile) options.tile = *tile;
  options.objective = word<Objective>("objective", objective, {"cycles", "energy", "edp"}, "cycles, energy or edp");
  return options;
}

RunOptions make_options(const Tile& tile, const std::string& objective, const nb::object& progress) {
  RunOptions options = tile_options(tile, objective);
  // Ten times a second a clocked run lets Python in: to show progress, and to see that the user has interrupted it.
  // It holds a borrowed reference, since the core copies it without Python knowing; the caller keeps the object alive.
  using Clock = std::chrono::steady_clock;
  options.progress = [progress = nb::handle(progress), next = Clock::time_point{}](std::int64_t done,
                                                                                   std::int64_t all) mutable {
    if (Clock::now() < next) return;
    next = Clock::now() + std::chrono::milliseconds(100);
    const nb::gil_scoped_acquire hold;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!progress.is_none()) progress(done, all);
  };
  return options;
}

nb::object run_gemm(Session& session, const std::string& layer, const Gemm& gemm, const Array& a, const Array& b,
                    const RunOptions& options) {
  const Gemm::Sizes& s = gemm.sizes();
  expect_shape("a", a, {s.batch, s.m, s.k});
  expect_shape("b", b, {b.ndim() == 3 && b.shape(0) == 1 ? 1 : s.batch, s.k, s.n});
  Output output = make_output({s.batch, s.m, s.n});
  const auto matrix = [](const Array& array) {
    return GemmOperands::Matrix{words(array), array.shape(0) == 1 ? 0 : array.stride(0), array.stride(1),
                                array.stride(2)};
  };
  const GemmOperands operands{matrix(a), matrix(b), output.data()};
  {
    nb::gil_scoped_release free;
    session.run(layer, gemm, operands, options);
  }
  return nb::cast(output);
}

nb::object run_conv(Session& session, const std::string& layer, const Conv& conv, const Array& x, const Array& w,
                    const RunOptions& options) {
  const Conv::Sizes& s = conv.sizes();
  std::vector<std::int64_t> x_shape{s.batch, s.channels};
  x_shape.insert(x_shape.end(), s.input.begin(), s.input.end());
  std::vector<std::int64_t> w_shape{s.filters, s.channels / s.groups};
  w_shape.insert(w_shape.end(), s.kernel.begin(), s.kernel.end());
  expect_shape("a", x, x_shape);
  expect_shape("b", w, w_shape);
  expect_dense("a", x);
  expect_dense("b", w);
  std::vector<std::int64_t> y_shape{s.batch, s.filters};
  y_shape.insert(y_shape.end(), conv.output().begin(), conv.output().end());
  Output output = make_output(y_shape);
  const ConvOperands operands{words(x), words(w), output.data()};
  {
    nb::gil_scoped_release free;
    session.run(layer, conv, operands, options);
  }
  return nb::cast(output);
}

nb::object run_maxpool(Session& session, const std::string& layer, const MaxPool& pool, const Array& x,
                       const RunOptions& options) {
  const MaxPool::Sizes& s = pool.sizes();
  const auto shape = [&](const std::vector<std::int64_t>& sizes) {
    std::vector<std::int64_t> all{s.batch, s.channels};
    all.insert(all.end(), sizes.begin(), sizes.end());
    return all;
  };
  expect_shape("a", x, shape(s.input));
  expect_dense("a", x);
  Output output = make_output(shape(pool.output()));
  const MaxPoolOperands operands{words(x), output.data()};
  {
    nb::gil_scoped_release free;
    session.run(layer, pool, operands, options);
  }
  return nb::cast(output);
}

// None, True, or a pair of scale and shift, each None or a word a filter.
std::optional<Rectified> rectified_of(const nb::object& given) {
  if (given.is_none() || given.is(nb::handle(Py_False))) return std::nullopt;
  if (given.is(nb::handle(Py_True))) return Rectified{};
  using Words = std::optional<std::vector<float>>;
  std::pair<Words, Words> both;
  if (!nb::try_cast(given, both))
    throw Error(Code::wrong_type, "rectified", "it is neither True nor a pair of scale and shift",
                "rectified=True, or (scale, shift) with one number a filter, or None, in each");
  return Rectified{both.first.value_or(std::vector<float>{}), both.second.value_or(std::vector<float>{})};
}

nb::object run(Session& session, const std::string& layer, const Operation& operation, const std::optional<Array>& a,
               const std::optional<Array>& b, const Tile& tile, const nb::object& progress,
               const std::string& objective, const std::string& schedule, double weight_sparsity, double input_sparsity,
               std::uint64_t seed, Trace* trace, const nb::object& rectified) {
  RunOptions options = make_options(tile, objective, progress);
  options.schedule = word<Schedule>("schedule", schedule, {"none", "random", "largest", "fullest"},
                                    "none, random, largest or fullest");
  options.sparsity = {weight_sparsity, input_sparsity};
  options.seed = seed;
  options.trace = trace;
  options.rectified = rectified_of(rectified);
  const MaxPool* pool = std::get_if<MaxPool>(&operation);
  if (pool != nullptr && b) {
    throw Error(Code::operand_mismatch, layer, "max-pooling has no second operand", "a alone, or none for timing only");
  }
  if (pool == nullptr && a.has_value() != b.has_value()) {
    throw Error(Code::operand_mismatch, layer, "only one of the two operands is given",
                "both, or none for timing only");
  }
  if (!a) {
    nb::gil_scoped_release free;
    session.run(layer, operation, options);
  } else if (pool != nullptr) {
    return run_maxpool(session, layer, *pool, *a, options);
  } else if (const Gemm* gemm = std::get_if<Gemm>(&operation)) {
    return run_gemm(session, layer, *gemm, *a, *b, options);
  } else {
    return run_conv(session, layer, std::get<Conv>(operation), *a, *b, options);
  }
  return nb::none();
}

void bind_machines(nb::module_& m) {
  nb::class_<Machine>(m, "Machine")
      .def_prop_ro("name", &Machine::name)
      .def_prop_ro("summary", &Machine::summary)
      .def_prop_ro("follows", &Machine::follows)
      .def("describe", [](const Machine& machine) { return parse_json(machine.to_json()); });
  m.def("load_machine", &load_machine, nb::arg("name_or_path"), nb::arg("overrides") = Overrides{});
  m.def("parse_machine", &parse_machine, nb::arg("text"), nb::arg("source"), nb::arg("overrides") = Overrides{});
  m.def("presets", [] {
    nb::list rows;
    for (const Machine& machine : presets()) {
      nb::dict row;
      row["name"] = machine.name();
      row["summary"] = machine.summary();
      row["follows"] = machine.follows();
      rows.append(row);
    }
    return rows;
  });
  m.def("catalog", [] { return parse_json(catalog_json()); });
}

void bind_session(nb::module_& m) {
  nb::class_<Session>(m, "Session")
      .def(
          "__init__",
          [](Session* self, const Machine& machine, const std::string& evaluator,
             const std::optional<EnergyTable>& energy) {
            if (evaluator != "flow" && evaluator != "step") {
              throw Error(Code::unknown_name, "evaluator", "unknown evaluator '" + evaluator + "'", "flow or step");
            }
            new (self) Session(machine, evaluator == "step" ? Evaluator::step : Evaluator::flow,
                               energy.value_or(EnergyTable()));
          },
          nb::arg("machine"), nb::arg("evaluator") = "flow", nb::arg("energy") = nb::none())
      .def("run", &run, nb::arg("name"), nb::arg("operation"), nb::arg("a") = nb::none(), nb::arg("b") = nb::none(),
           nb::arg("tile") = nb::none(), nb::arg("progress") = nb::none(), nb::arg("objective") = "cycles",
           nb::arg("schedule") = "none", nb::arg("weight_sparsity") = 0.0, nb::arg("input_sparsity") = 0.0,
           nb::arg("seed") = 0, nb::arg("trace") = nb::none(), nb::arg("rectified") = nb::none())
      .def(
          "map",
          [](Session& session, const Operation& operation, const std::string& objective, const Tile& tile) {
            MappingResult mapping;
            {
              nb::gil_scoped_release free;
              mapping = session.map(operation, make_options(tile, objective, nb::none()));
            }
            return parse_json(to_json(mapping));
          },
          nb::arg("operation"), nb::arg("objective") = "cycles", nb::arg("tile") = nb::none())
      .def_prop_ro("machine", &Session::machine)
      .def_prop_ro("energy", &Session::energy)
      .def_prop_ro("layers",
                   [](const Session& session) {
                     nb::list rows;
                     for (const LayerResult& layer : session.layers()) rows.append(parse_json(to_json(layer)));
                     return rows;
                   })
      .def(
          "document",
          [](const Session& session, const nb::dict& context) {
            return session.document(nb::cast<std::string>(nb::module_::import_("json").attr("dumps")(context)));
          },
          nb::arg("context"))
      .def("_repr_html_",
           [](nb::handle session) { return nb::module_::import_("cairn.notebook").attr("session")(session); });
}

}  // namespace

NB_MODULE(_core, m) {
  m.attr("__version__") = version();
  nb::set_leak_warnings(false);  // objects that a program still holds when Python exits are no leak of ours
  nb::register_exception_translator([](const std::exception_ptr& pending, void*) {
    try {
      std::rethrow_exception(pending);
    } catch (const Error& error) {
      raise_error(error);
    }
  });
  m.def("codes", &code_table);
  bind_operations(m);
  bind_machines(m);
  bind_energy(m);
  bind_session(m);
  bind_instances(m);
  bind_trace(m);
  bind_plugin(m);
  bind_sparse(m);
}
