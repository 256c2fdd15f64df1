#include "cairn/sparse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <string_view>

#include "util/diagnostics.h"
#include "util/units.h"

namespace cairn {
namespace {

constexpr std::int64_t kLargestSize = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kLargestGroup = 256;  // places in a group are bytes
// What memory is needed for in full: a terabit as a bitmap, four terabytes as float32.
constexpr std::int64_t kMostElements = std::int64_t{1} << 40;

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

void check_sizes(std::string_view place, std::int64_t rows, std::int64_t columns) {
  util::Diagnostics faults;
  const auto check_size = [&](std::string_view name, std::int64_t size) {
    if (size < 1) {
      faults.add(Code::bad_size, std::string(place), fmt::format("{} = {} must be at least 1", name, size),
                 fmt::format("{} >= 1", name));
    } else if (size > kLargestSize) {
      faults.add(Code::too_large, std::string(place), fmt::format("{} = {} is too large", name, size),
                 fmt::format("{} <= {}", name, kLargestSize));
    }
  };
  check_size("rows", rows);
  check_size("columns", columns);
  faults.raise_if_any();
}

void check_elements(std::string_view place, std::int64_t rows, std::int64_t columns) {
  check_sizes(place, rows, columns);
  if (rows * columns > kMostElements) {
    throw Error(Code::too_large, std::string(place),
                fmt::format("{} x {} elements do not fit in memory", rows, columns),
                fmt::format("at most {} elements, or a format that stores only values", kMostElements));
  }
}

[[noreturn]] void refuse(std::string place, std::string message, std::string remedy) {
  throw Error(Code::operand_mismatch, std::move(place), std::move(message), std::move(remedy));
}

void check_lengths(std::string_view format, std::size_t indices, std::size_t values) {
  if (indices != values) {
    refuse(std::string(format), fmt::format("{} indices for {} values", indices, values), "one index a value");
  }
}

// Csr and Csc as one thing: lines, the indices of each ascending.
struct Lines {
  std::string_view format;
  std::string_view line;  // what a line is: "row"
  std::int64_t count;
  std::int64_t width;
  std::span<const std::int64_t> begin;
  std::span<const std::int32_t> index;
  std::span<const float> value;
};

Lines rows_of(const Csr& m) { return {"CSR", "row", m.rows, m.columns, m.begin, m.column, m.value}; }
Lines columns_of(const Csc& m) { return {"CSC", "column", m.columns, m.rows, m.begin, m.row, m.value}; }

void check_lines(const Lines& m) {
  check_sizes(m.format, m.count, m.width);
  check_lengths(m.format, m.index.size(), m.value.size());
  if (m.begin.size() != at(m.count) + 1 || m.begin.front() != 0 || m.begin.back() != std::ssize(m.value) ||
      !std::ranges::is_sorted(m.begin)) {
    refuse(std::string(m.format),
           fmt::format("`begin` does not divide {} values into {} {}s", m.value.size(), m.count, m.line),
           fmt::format("{} ascending entries, from 0 to {}", m.count + 1, m.value.size()));
  }
  for (std::int64_t line = 0; line < m.count; ++line) {
    std::int32_t last = -1;
    for (std::int64_t i = m.begin[at(line)]; i < m.begin[at(line + 1)]; ++i) {
      const std::int32_t index = m.index[at(i)];
      if (index <= last || index >= m.width) {
        refuse(fmt::format("{} {} {}", m.format, m.line, line), fmt::format("index {} after {}", index, last),
               fmt::format("indices that ascend, from 0 to {}", m.width - 1));
      }
      last = index;
    }
  }
}

struct Turned {
  std::vector<std::int64_t> begin;
  std::vector<std::int32_t> index;
  std::vector<float> value;
};

// The same values in lines the other way round. Lines are visited in order, so the new indices ascend.
Turned turned(const Lines& m) {
  Turned t{std::vector<std::int64_t>(at(m.width) + 1), std::vector<std::int32_t>(m.index.size()),
           std::vector<float>(m.value.size())};
  for (const std::int32_t index : m.index) ++t.begin[at(index) + 1];
  std::partial_sum(t.begin.begin(), t.begin.end(), t.begin.begin());
  std::vector<std::int64_t> next(t.begin.begin(), t.begin.end() - 1);
  for (std::int64_t line = 0; line < m.count; ++line) {
    for (std::int64_t i = m.begin[at(line)]; i < m.begin[at(line + 1)]; ++i) {
      const std::int64_t to = next[at(m.index[at(i)])]++;
      t.index[at(to)] = static_cast<std::int32_t>(line);
      t.value[at(to)] = m.value[at(i)];
    }
  }
  return t;
}

// Rows and columns of a pattern; the values are for the caller to fill in.
Csr skeleton(const Bitmap& pattern) {
  Csr m{.rows = pattern.rows(), .columns = pattern.columns(), .begin = {0}, .column = {}, .value = {}};
  m.begin.reserve(at(m.rows) + 1);
  for (std::int64_t row = 0; row < m.rows; ++row) m.begin.push_back(m.begin.back() + pattern.count(row));
  m.column.resize(at(m.begin.back()));
  std::int32_t* to = m.column.data();
  for (std::int64_t row = 0; row < m.rows; ++row)
    pattern.for_each(row, [&](std::int64_t column) { *to++ = static_cast<std::int32_t>(column); });
  return m;
}

// What an N:M matrix cannot hold: says where first, and how often.
void check_structure(const Csr& matrix, std::int64_t n, std::int64_t m) {
  std::int64_t broken = 0;
  std::string place;
  std::int64_t values = 0;
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::int64_t group = -1;
    std::int64_t found = 0;
    for (std::int64_t i = matrix.begin[at(row)]; i < matrix.begin[at(row + 1)]; ++i) {
      if (matrix.value[at(i)] == 0) continue;
      found = matrix.column[at(i)] / m == group ? found + 1 : 1;
      group = matrix.column[at(i)] / m;
      if (broken == 0 && found > n) place = fmt::format("row {}, group {}", row, group);
      broken += found == n + 1 ? 1 : 0;
      if (broken == 1) values = std::max(values, found);
    }
  }
  if (broken > 0) {
    refuse(place,
           fmt::format("{}:{} keeps at most {} values of a group, here are {} ({} groups have too many)", n, m, n,
                       values, broken),
           fmt::format("prune the matrix to {}:{} first", n, m));
  }
}

// Which of 64 neighbours are not zero. They are compared several at once; a multiplication moves the lowest bits of
// eight bytes into one.
std::uint64_t ones_of(const float* words) {
  static_assert(std::endian::native == std::endian::little);
  std::array<std::uint8_t, 64> present{};
  for (std::size_t i = 0; i < present.size(); ++i) present.at(i) = words[i] != 0 ? 1 : 0;
  std::uint64_t bits = 0;
  for (const std::uint64_t eight : std::bit_cast<std::array<std::uint64_t, 8>>(present))
    bits = bits >> 8U | (eight * 0x0102040810204080U & 0xFF00000000000000U);
  return bits;
}

}  // namespace

void check_n_of_m(std::int64_t n, std::int64_t m) {
  if (n >= 1 && n <= m && m <= kLargestGroup) return;
  throw Error(Code::bad_size, "N:M", fmt::format("{}:{} is not a structure", n, m),
              fmt::format("1 <= N <= M <= {}, for instance 2:4", kLargestGroup));
}

Bitmap::Bitmap(std::int64_t rows, std::int64_t columns)
    : rows_(rows),
      columns_(columns),
      words_per_row_(util::ceil_div(columns, 64)),
      tail_(~std::uint64_t{0} >> static_cast<unsigned>((64 - columns % 64) % 64)) {
  check_elements("bitmap", rows, columns);
  words_.resize(at(rows * words_per_row_));
}

std::int64_t Bitmap::count() const {
  std::int64_t total = 0;
  for (const std::uint64_t bits : words_) total += std::popcount(bits);
  return total;
}

std::int64_t Bitmap::count(std::int64_t row_index, std::int64_t begin, std::int64_t end) const {
  if (begin >= end) return 0;
  const std::span<const std::uint64_t> words = row(row_index);
  const std::size_t first = at(begin / 64);
  const std::size_t last = at((end - 1) / 64);
  const std::uint64_t from = ~std::uint64_t{0} << static_cast<unsigned>(begin % 64);
  const std::uint64_t to = ~std::uint64_t{0} >> static_cast<unsigned>(63 - (end - 1) % 64);
  if (first == last) return std::popcount(words[first] & from & to);
  std::int64_t total = std::popcount(words[first] & from) + std::popcount(words[last] & to);
  for (std::size_t w = first + 1; w < last; ++w) total += std::popcount(words[w]);
  return total;
}

void check(const Csr& matrix) { check_lines(rows_of(matrix)); }
void check(const Csc& matrix) { check_lines(columns_of(matrix)); }

void check(const Coo& matrix) {
  check_sizes("COO", matrix.rows, matrix.columns);
  check_lengths("COO", matrix.row.size(), matrix.value.size());
  check_lengths("COO", matrix.column.size(), matrix.value.size());
  std::pair<std::int32_t, std::int32_t> last{0, -1};
  for (std::size_t i = 0; i < matrix.value.size(); ++i) {
    const std::pair here{matrix.row[i], matrix.column[i]};
    if (here <= last || here.first >= matrix.rows || here.second < 0 || here.second >= matrix.columns) {
      refuse(fmt::format("COO value {}", i),
             fmt::format("row {}, column {} after row {}, column {}", here.first, here.second, last.first, last.second),
             fmt::format("places inside {} x {}, sorted by row and column, none twice", matrix.rows, matrix.columns));
    }
    last = here;
  }
}

void check(const BitmapMatrix& matrix) {
  const std::int64_t bits = matrix.pattern.count();
  if (bits != std::ssize(matrix.value))
    refuse("bitmap", fmt::format("{} set bits for {} values", bits, matrix.value.size()), "one set bit a value");
}

void check(const NofM& matrix) {
  check_sizes("N:M", matrix.rows, matrix.columns);
  check_n_of_m(matrix.n, matrix.m);
  check_lengths("N:M", matrix.index.size(), matrix.value.size());
  const std::int64_t groups = matrix.groups();
  const std::int64_t slots = groups * matrix.n;
  // Division, since rows x slots of a malformed matrix could overflow.
  if (std::ssize(matrix.value) % slots != 0 || std::ssize(matrix.value) / slots != matrix.rows) {
    refuse("N:M", fmt::format("{} values for {} rows of {} slots", matrix.value.size(), matrix.rows, slots),
           "N values a group, unused ones 0");
  }
  for (std::int64_t g = 0; g < matrix.rows * groups; ++g) {
    const std::int64_t width = std::min(matrix.m, matrix.columns - g % groups * matrix.m);
    std::int64_t last = -1;
    for (std::int64_t slot = g * matrix.n; slot < (g + 1) * matrix.n; ++slot) {
      if (matrix.value[at(slot)] == 0) continue;
      const std::int64_t index = matrix.index[at(slot)];
      if (index <= last || index >= width) {
        refuse(fmt::format("row {}, group {}", g / groups, g % groups), fmt::format("place {} after {}", index, last),
               fmt::format("places that ascend, from 0 to {}", width - 1));
      }
      last = index;
    }
  }
}

Bitmap pattern(const DenseView& matrix) {
  check_elements("matrix", matrix.rows, matrix.columns);
  Bitmap bits(matrix.rows, matrix.columns);
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t first = 0; first < matrix.columns; first += 64) {
      const float* from = matrix.data + row * matrix.row_stride + first * matrix.column_stride;
      const std::int64_t width = std::min<std::int64_t>(64, matrix.columns - first);
      std::uint64_t word = 0;
      if (width == 64 && matrix.column_stride == 1) {
        word = ones_of(from);
      } else {
        for (std::int64_t i = 0; i < width; ++i)
          word |= static_cast<std::uint64_t>(from[i * matrix.column_stride] != 0) << static_cast<unsigned>(i);
      }
      bits.set_word(row, first / 64, word);
    }
  }
  return bits;
}

Csr to_csr(const DenseView& matrix) {
  const Bitmap present = pattern(matrix);
  Csr m = skeleton(present);
  m.value.resize(m.column.size());
  float* to = m.value.data();
  for (std::int64_t row = 0; row < m.rows; ++row)
    present.for_each(row, [&](std::int64_t column) { *to++ = matrix.at(row, column); });
  return m;
}

Csr to_csr(const Csc& matrix) {
  check(matrix);
  Turned t = turned(columns_of(matrix));
  return {matrix.rows, matrix.columns, std::move(t.begin), std::move(t.index), std::move(t.value)};
}

Csr to_csr(const Coo& matrix) {
  check(matrix);
  std::vector<std::int64_t> begin(at(matrix.rows) + 1);
  for (const std::int32_t row : matrix.row) ++begin[at(row) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  return {matrix.rows, matrix.columns, std::move(begin), matrix.column, matrix.value};
}

Csr to_csr(const BitmapMatrix& matrix) {
  check(matrix);
  Csr m = skeleton(matrix.pattern);
  m.value = matrix.value;
  return m;
}

Csr to_csr(const NofM& matrix) {
  check(matrix);
  Csr m{.rows = matrix.rows, .columns = matrix.columns, .begin = {0}, .column = {}, .value = {}};
  const std::int64_t slots = matrix.groups() * matrix.n;
  for (std::int64_t row = 0; row < m.rows; ++row) {
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      const float value = matrix.value[at(row * slots + slot)];
      if (value == 0) continue;
      m.column.push_back(static_cast<std::int32_t>(slot / matrix.n * matrix.m + matrix.index[at(row * slots + slot)]));
      m.value.push_back(value);
    }
    m.begin.push_back(std::ssize(m.value));
  }
  return m;
}

Csr to_csr(const Bitmap& pattern) {
  Csr m = skeleton(pattern);
  m.value.assign(m.column.size(), 1.0F);
  return m;
}

Csc to_csc(const Csr& matrix) {
  check(matrix);
  Turned t = turned(rows_of(matrix));
  return {matrix.rows, matrix.columns, std::move(t.begin), std::move(t.index), std::move(t.value)};
}

Coo to_coo(const Csr& matrix) {
  check(matrix);
  std::vector<std::int32_t> rows;
  rows.reserve(matrix.value.size());
  for (std::int64_t row = 0; row < matrix.rows; ++row)
    rows.resize(at(matrix.begin[at(row + 1)]), static_cast<std::int32_t>(row));
  return {matrix.rows, matrix.columns, std::move(rows), matrix.column, matrix.value};
}

BitmapMatrix to_bitmap(const Csr& matrix) {
  check(matrix);
  BitmapMatrix m{Bitmap(matrix.rows, matrix.columns), matrix.value};
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t i = matrix.begin[at(row)]; i < matrix.begin[at(row + 1)]; ++i)
      m.pattern.set(row, matrix.column[at(i)]);
  }
  return m;
}

NofM to_n_of_m(const Csr& matrix, std::int64_t n, std::int64_t m) {
  check(matrix);
  check_n_of_m(n, m);
  check_structure(matrix, n, m);
  NofM out{.rows = matrix.rows, .columns = matrix.columns, .n = n, .m = m, .index = {}, .value = {}};
  const std::int64_t groups = out.groups();
  out.index.resize(at(matrix.rows * groups * n));
  out.value.resize(out.index.size());
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::int64_t group = -1;
    std::int64_t slot = 0;
    for (std::int64_t i = matrix.begin[at(row)]; i < matrix.begin[at(row + 1)]; ++i) {
      if (matrix.value[at(i)] == 0) continue;
      const std::int64_t column = matrix.column[at(i)];
      if (column / m != group) {
        group = column / m;
        slot = (row * groups + group) * n;
      }
      out.index[at(slot)] = static_cast<std::uint8_t>(column % m);
      out.value[at(slot++)] = matrix.value[at(i)];
    }
  }
  return out;
}

std::vector<float> to_dense(const Csr& matrix) {
  check(matrix);
  check_elements("CSR", matrix.rows, matrix.columns);
  std::vector<float> dense(at(matrix.rows * matrix.columns));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t i = matrix.begin[at(row)]; i < matrix.begin[at(row + 1)]; ++i)
      dense[at(row * matrix.columns + matrix.column[at(i)])] = matrix.value[at(i)];
  }
  return dense;
}

}  // namespace cairn
