// Sparse operands: the formats in which accelerators keep a matrix of mostly zeros, the conversions between them, and
// how weights become sparse (pruning) or a pattern is drawn. A zero is what compares equal to 0, so -0.0 is one and a
// NaN is a value. Sizes below 1 throw E301, sizes above 2^31 - 1 U203, as do bitmaps and dense
// matrices of more than 2^40 elements. A struct that does not keep the rules of its
// format throws E302 when it is converted.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cairn {

// A matrix in somebody's memory, strides in elements.
struct DenseView {
  const float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 0;

  float at(std::int64_t row, std::int64_t column) const { return data[row * row_stride + column * column_stride]; }
};

// Which elements are there, one bit an element: column c of a row is bit c % 64 of the row's word c / 64. Each row
// starts at a word of its own; the bits beyond the last column are clear. Rows and columns given to the members must
// lie inside.
class Bitmap {
 public:
  Bitmap(std::int64_t rows, std::int64_t columns);  // all clear

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t words_per_row() const { return words_per_row_; }
  std::span<const std::uint64_t> row(std::int64_t row) const {
    return {words_.data() + row * words_per_row_, static_cast<std::size_t>(words_per_row_)};
  }
  const std::vector<std::uint64_t>& words() const { return words_; }

  bool test(std::int64_t row, std::int64_t column) const { return (words_[word(row, column)] & bit(column)) != 0; }
  void set(std::int64_t row, std::int64_t column) { words_[word(row, column)] |= bit(column); }
  // 64 columns of a row at once; bits beyond the last column are dropped.
  void set_word(std::int64_t row, std::int64_t index, std::uint64_t bits) {
    words_[static_cast<std::size_t>(row * words_per_row_ + index)] = index + 1 < words_per_row_ ? bits : bits & tail_;
  }

  std::int64_t count() const;
  std::int64_t count(std::int64_t row) const { return count(row, 0, columns_); }
  // Of the columns begin <= c < end; 0 <= begin <= end <= columns.
  std::int64_t count(std::int64_t row, std::int64_t begin, std::int64_t end) const;

  // Calls visit(column) for the columns that are there, in order.
  template <class Visit>
  void for_each(std::int64_t row_index, Visit visit) const {
    std::int64_t first = 0;
    for (std::uint64_t bits : row(row_index)) {
      for (; bits != 0; bits &= bits - 1) visit(first + std::countr_zero(bits));
      first += 64;
    }
  }

  bool operator==(const Bitmap&) const = default;

 private:
  static std::uint64_t bit(std::int64_t column) { return std::uint64_t{1} << static_cast<unsigned>(column % 64); }
  std::size_t word(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(row * words_per_row_ + column / 64);
  }

  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t words_per_row_;
  std::uint64_t tail_;  // the columns that the last word of a row has
  std::vector<std::uint64_t> words_;
};

// Compressed rows: the values of row r are value[begin[r]] to value[begin[r + 1]], their columns ascend.
struct Csr {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::int64_t> begin;  // rows + 1
  std::vector<std::int32_t> column;
  std::vector<float> value;
  bool operator==(const Csr&) const = default;
};

// Compressed columns: the same, column after column.
struct Csc {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::int64_t> begin;  // columns + 1
  std::vector<std::int32_t> row;
  std::vector<float> value;
  bool operator==(const Csc&) const = default;
};

// Coordinates, sorted by row, then column; none twice.
struct Coo {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::int32_t> row;
  std::vector<std::int32_t> column;
  std::vector<float> value;
  bool operator==(const Coo&) const = default;
};

// A bitmap, and the values of its set bits row after row.
struct BitmapMatrix {
  Bitmap pattern;
  std::vector<float> value;
  bool operator==(const BitmapMatrix&) const = default;
};

// N:M structured: of each group of m neighbouring columns of a row at most n are values. A group has n slots, also the
// last one, which may be short: the values come first, with their places in the group ascending; the slots that are
// left over hold 0 at place 0.
struct NofM {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t n = 0;
  std::int64_t m = 0;
  std::vector<std::uint8_t> index;  // rows x groups x n
  std::vector<float> value;         // rows x groups x n
  std::int64_t groups() const { return (columns + m - 1) / m; }
  bool operator==(const NofM&) const = default;
};

// Throws E301 unless 1 <= n <= m <= 256.
void check_n_of_m(std::int64_t n, std::int64_t m);
// Throws E302 (E301, U203 for sizes) where the rules of the format are broken.
void check(const Csr& matrix);
void check(const Csc& matrix);
void check(const Coo& matrix);
void check(const BitmapMatrix& matrix);
void check(const NofM& matrix);

// Which elements of a matrix are not zero.
Bitmap pattern(const DenseView& matrix);

// Conversions keep every value. From dense they leave zeros out; between the formats they keep the zeros that are
// stored, except that N:M has no zeros apart from its empty slots. A pattern becomes a matrix of ones.
Csr to_csr(const DenseView& matrix);
Csr to_csr(const Csc& matrix);
Csr to_csr(const Coo& matrix);
Csr to_csr(const BitmapMatrix& matrix);
Csr to_csr(const NofM& matrix);
Csr to_csr(const Bitmap& pattern);

Csc to_csc(const Csr& matrix);
Coo to_coo(const Csr& matrix);
BitmapMatrix to_bitmap(const Csr& matrix);
// Throws E302 with row and group if a group has more than n values.
NofM to_n_of_m(const Csr& matrix, std::int64_t n, std::int64_t m);
std::vector<float> to_dense(const Csr& matrix);  // row-major

// Everything else goes by way of Csr.
template <class Matrix>
concept ConvertsToCsr = requires(const Matrix& matrix) {
  { to_csr(matrix) } -> std::same_as<Csr>;
};
template <ConvertsToCsr Matrix>
Csc to_csc(const Matrix& matrix) {
  return to_csc(to_csr(matrix));
}
template <ConvertsToCsr Matrix>
Coo to_coo(const Matrix& matrix) {
  return to_coo(to_csr(matrix));
}
template <ConvertsToCsr Matrix>
BitmapMatrix to_bitmap(const Matrix& matrix) {
  return to_bitmap(to_csr(matrix));
}
template <ConvertsToCsr Matrix>
NofM to_n_of_m(const Matrix& matrix, std::int64_t n, std::int64_t m) {
  return to_n_of_m(to_csr(matrix), n, m);
}
template <ConvertsToCsr Matrix>
std::vector<float> to_dense(const Matrix& matrix) {
  return to_dense(to_csr(matrix));
}

// Magnitude pruning, in place: the smallest weights become 0, of equal ones the first. Infinities and, above them, NaNs
// are the largest. `count` weights lose exactly floor(ratio * count), computed in double; weights that are 0 already
// are the smallest and count. Throws E105 for a ratio outside 0 to 1, E301 for no weights, or for rows that do not
// divide them.
void prune(std::span<float> weights, double ratio);
// Each row (filter) separately.
void prune_rows(std::span<float> weights, std::int64_t rows, double ratio);
// Keeps the n largest of each m neighbours in a row; the last group of a row may be short.
void prune_n_of_m(std::span<float> weights, std::int64_t rows, std::int64_t n, std::int64_t m);

// A seeded pattern: one draw r of SplitMix64 an element, row after row; it is there if (r >> 11) * 2^-53 >= sparsity.
// Throws E105 for a sparsity outside 0 to 1.
Bitmap random_pattern(std::int64_t rows, std::int64_t columns, double sparsity, std::uint64_t seed);

}  // namespace cairn
