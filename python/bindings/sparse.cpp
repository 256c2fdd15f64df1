// Sparse operands for Python: arrays in, arrays out. python/cairn/sparse.py checks types and gives the parts names.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "cairn/sparse.h"

namespace nb = nanobind;
using namespace cairn;

namespace {

using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;
using Weights = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using List = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

DenseView view(const Matrix& a) {
  return {a.data(), static_cast<std::int64_t>(a.shape(0)), static_cast<std::int64_t>(a.shape(1)), a.stride(0),
          a.stride(1)};
}

template <class T>
std::vector<T> take(const List<T>& list) {
  return {list.data(), list.data() + list.size()};
}

std::span<float> words(const Weights& weights) { return {weights.data(), weights.size()}; }

// Hands a vector's memory to Python as an array.
template <class T>
nb::ndarray<nb::numpy, T> give(std::vector<T> values, std::initializer_list<std::int64_t> shape) {
  auto memory = std::make_unique<std::vector<T>>(std::move(values));
  T* data = memory->data();
  nb::capsule owner(memory.release(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  const std::vector<std::size_t> sizes(shape.begin(), shape.end());
  return nb::ndarray<nb::numpy, T>(data, sizes.size(), sizes.data(), owner);
}

template <class T>
nb::ndarray<nb::numpy, T> give(std::vector<T> values) {
  const auto size = std::ssize(values);
  return give(std::move(values), {size});
}

// Runs work that does not touch Python.
template <class Work>
auto freely(Work work) {
  const nb::gil_scoped_release free;
  return work();
}

template <class Format>
nb::ndarray<nb::numpy, float> dense(const Format& matrix, std::int64_t rows, std::int64_t columns) {
  return give(freely([&] { return to_dense(matrix); }), {rows, columns});
}

nb::tuple dense_to_csr(const Matrix& array) {
  Csr c = freely([&] { return to_csr(view(array)); });
  return nb::make_tuple(give(std::move(c.begin)), give(std::move(c.column)), give(std::move(c.value)));
}

nb::tuple dense_to_csc(const Matrix& array) {
  Csc c = freely([&] { return to_csc(view(array)); });
  return nb::make_tuple(give(std::move(c.begin)), give(std::move(c.row)), give(std::move(c.value)));
}

nb::tuple dense_to_coo(const Matrix& array) {
  Coo c = freely([&] { return to_coo(view(array)); });
  return nb::make_tuple(give(std::move(c.row)), give(std::move(c.column)), give(std::move(c.value)));
}

nb::tuple dense_to_bitmap(const Matrix& array) {
  BitmapMatrix b = freely([&] { return to_bitmap(view(array)); });
  return nb::make_tuple(give(b.pattern.words(), {b.pattern.rows(), b.pattern.words_per_row()}),
                        give(std::move(b.value)));
}

nb::tuple dense_to_n_of_m(const Matrix& array, std::int64_t n, std::int64_t m) {
  NofM s = freely([&] { return to_n_of_m(view(array), n, m); });
  const std::int64_t groups = s.groups();
  return nb::make_tuple(give(std::move(s.index), {s.rows, groups, n}), give(std::move(s.value), {s.rows, groups, n}));
}

// Columns beyond the last are dropped, words that are missing are clear: the count of values then does not fit.
Bitmap take_bitmap(std::int64_t rows, std::int64_t columns, const List<std::uint64_t>& words) {
  Bitmap bitmap(rows, columns);
  const std::int64_t width = bitmap.words_per_row();
  const std::int64_t given = std::min(static_cast<std::int64_t>(words.size()), rows * width);
  for (std::int64_t i = 0; i < given; ++i) bitmap.set_word(i / width, i % width, words.data()[i]);
  return bitmap;
}

using Size = std::int64_t;
using Indices = List<std::int32_t>;
using Values = List<float>;

}  // namespace

void bind_sparse(nb::module_& m) {
  m.def("dense_to_csr", &dense_to_csr, nb::arg("array").noconvert());
  m.def("dense_to_csc", &dense_to_csc, nb::arg("array").noconvert());
  m.def("dense_to_coo", &dense_to_coo, nb::arg("array").noconvert());
  m.def("dense_to_bitmap", &dense_to_bitmap, nb::arg("array").noconvert());
  m.def("dense_to_n_of_m", &dense_to_n_of_m, nb::arg("array").noconvert(), nb::arg("n"), nb::arg("m"));
  m.def("csr_to_dense",
        [](Size rows, Size columns, const List<Size>& begin, const Indices& column, const Values& value) {
          return dense(Csr{rows, columns, take(begin), take(column), take(value)}, rows, columns);
        });
  m.def("csc_to_dense", [](Size rows, Size columns, const List<Size>& begin, const Indices& row, const Values& value) {
    return dense(Csc{rows, columns, take(begin), take(row), take(value)}, rows, columns);
  });
  m.def("coo_to_dense", [](Size rows, Size columns, const Indices& row, const Indices& column, const Values& value) {
    return dense(Coo{rows, columns, take(row), take(column), take(value)}, rows, columns);
  });
  m.def("bitmap_to_dense", [](Size rows, Size columns, const List<std::uint64_t>& words, const Values& value) {
    return dense(BitmapMatrix{take_bitmap(rows, columns, words), take(value)}, rows, columns);
  });
  m.def("n_of_m_to_dense",
        [](Size rows, Size columns, Size n, Size of, const List<std::uint8_t>& index, const Values& value) {
          return dense(NofM{rows, columns, n, of, take(index), take(value)}, rows, columns);
        });
  m.def(
      "prune",
      [](const Weights& weights, Size rows, double ratio) { freely([&] { prune_rows(words(weights), rows, ratio); }); },
      nb::arg("weights").noconvert(), nb::arg("rows"), nb::arg("ratio"));
  m.def(
      "prune_n_of_m",
      [](const Weights& weights, Size rows, Size n, Size of) {
        freely([&] { prune_n_of_m(words(weights), rows, n, of); });
      },
      nb::arg("weights").noconvert(), nb::arg("rows"), nb::arg("n"), nb::arg("m"));
}
