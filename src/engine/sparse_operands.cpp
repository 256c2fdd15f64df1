#include "engine/sparse_operands.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "fabric/program.h"
#include "util/diagnostics.h"

namespace cairn::engine {

SparseOperands::SparseOperands(const arch::SparseArray& array, const Operation& operation, const Operands& operands,
                               bool with_values)
    : array_(array), sizes_(lowered(operation).sizes()), conv_(std::get_if<Conv>(&operation)), operands_(operands) {
  refuse_too_large(with_values);
  if (operands.present() && conv_ != nullptr && (with_values || array.stationary_inputs)) {
    const workload::Im2col im2col(*conv_);
    rows_.resize(static_cast<std::size_t>(sizes_.batch * sizes_.m * sizes_.k));
    for (std::int64_t i = 0; i < sizes_.batch * sizes_.m; ++i)
      im2col.gather(operands.a.data, i / sizes_.m, i % sizes_.m, rows_.data() + i * sizes_.k, 1);
    operands_.a = {rows_.data(), sizes_.m * sizes_.k, sizes_.k, 1};
  }
  if (!operands.present()) {
    draw(array.stationary_inputs ? operands.sparsity.inputs : operands.sparsity.weights, operands.sparsity.seed);
  } else if (array.stationary_inputs) {
    compress(operands_.a, true);
  } else {
    compress(operands_.b, false);
  }
  const auto elements = static_cast<double>(sizes_.batch * vectors() * length());
  stationary_zeros_ = 1 - static_cast<double>(std::ssize(stationary_.column)) / elements;
  if (with_values && operands.present()) streamed_.assign(static_cast<std::size_t>(batch()), Bitmap(steps(), length()));
  count_streaming();
  keep_minimum();
}

// What is held in memory: bitmaps and entries of the stationary operand, counts by column, and of a convolution with
// values its lowered rows.
void SparseOperands::refuse_too_large(bool with_values) const {
  constexpr double kMostElements = 1LL << 33;
  constexpr double kMostEntries = 1 << 29;
  constexpr double kMostVectors = 1 << 26;
  const auto number = [](std::int64_t count) { return static_cast<double>(count); };
  const double elements = number(batch()) * number(vectors()) * number(length());
  const double share = array_.stationary_inputs ? operands_.sparsity.inputs : operands_.sparsity.weights;
  const double streaming = number(batch()) * number(steps()) * number(length());
  const bool lowers = conv_ != nullptr && operands_.present() && (with_values || array_.stationary_inputs);
  const bool draws =
      !operands_.present() && (array_.stationary_inputs ? operands_.sparsity.weights : operands_.sparsity.inputs) > 0;
  const double lowered_words = number(batch()) * number(sizes_.m) * number(sizes_.k);
  const bool fits = elements <= kMostElements && elements * (1 - share) <= kMostEntries &&
                    number(batch()) * number(vectors()) <= kMostVectors &&
                    number(batch()) * number(length()) <= kMostEntries && (!draws || streaming <= kMostElements) &&
                    (!lowers || lowered_words <= kMostEntries);
  if (!fits) {
    throw Error(Code::too_large, "operation",
                fmt::format("its zeros are looked at one by one: {} x {} x {} elements stay in the multipliers",
                            batch(), vectors(), length()),
                "a smaller operation, or one layer at a time");
  }
}

// Two passes over the matrix in the order in which it lies in memory.
void SparseOperands::compress(const workload::MatrixView& view, bool rows) {
  const std::int64_t vector_stride = rows ? view.row_stride : view.column_stride;
  const std::int64_t element_stride = rows ? view.column_stride : view.row_stride;
  const bool across = vector_stride < element_stride;  // neighbours in memory belong to neighbouring vectors
  const auto walk = [&](const auto& visit) {
    for (std::int64_t b = 0; b < batch(); ++b) {
      const float* data = view.data + b * view.batch_stride;
      if (across) {
        for (std::int64_t k = 0; k < length(); ++k) {
          for (std::int64_t v = 0; v < vectors(); ++v)
            visit(b * vectors() + v, k, data[v * vector_stride + k * element_stride]);
        }
      } else {
        for (std::int64_t v = 0; v < vectors(); ++v) {
          for (std::int64_t k = 0; k < length(); ++k)
            visit(b * vectors() + v, k, data[v * vector_stride + k * element_stride]);
        }
      }
    }
  };
  stationary_.rows = batch() * vectors();
  stationary_.columns = length();
  stationary_.begin.assign(static_cast<std::size_t>(stationary_.rows) + 1, 0);
  walk([&](std::int64_t v, std::int64_t, float value) {
    stationary_.begin[static_cast<std::size_t>(v) + 1] += value != 0 ? 1 : 0;
  });
  for (std::size_t v = 1; v < stationary_.begin.size(); ++v) stationary_.begin[v] += stationary_.begin[v - 1];
  const auto entries = static_cast<std::size_t>(stationary_.begin.back());
  stationary_.column.resize(entries);
  stationary_.value.resize(entries);
  std::vector<std::int64_t> next(stationary_.begin.begin(), stationary_.begin.end() - 1);
  walk([&](std::int64_t v, std::int64_t k, float value) {
    if (value == 0) return;
    const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(v)]++);
    stationary_.column[at] = static_cast<std::int32_t>(k);
    stationary_.value[at] = value;
  });
}

void SparseOperands::draw(double sparsity, std::uint64_t seed) {
  stationary_ = to_csr(random_pattern(batch() * vectors(), length(), sparsity, seed));
}

// Vectors with too few entries get zeros at their first columns.
void SparseOperands::keep_minimum() {
  const std::int64_t least = std::min<std::int64_t>(array_.minimum_ones, length());
  bool enough = true;
  for (std::size_t v = 1; v < stationary_.begin.size(); ++v)
    enough = enough && stationary_.begin[v] - stationary_.begin[v - 1] >= least;
  if (enough) return;
  Csr kept{.rows = stationary_.rows, .columns = stationary_.columns, .begin = {0}, .column = {}, .value = {}};
  for (std::size_t v = 1; v < stationary_.begin.size(); ++v) {
    auto at = static_cast<std::size_t>(stationary_.begin[v - 1]);
    const auto end = static_cast<std::size_t>(stationary_.begin[v]);
    std::int64_t missing = least - static_cast<std::int64_t>(end - at);
    for (std::int32_t k = 0; missing > 0 || at < end; ++k) {
      const bool there = at < end && stationary_.column[at] == k;
      if (!there && missing <= 0) {
        k = stationary_.column[at] - 1;
        continue;
      }
      kept.column.push_back(k);
      kept.value.push_back(there ? stationary_.value[at] : fabric::padding_weight());
      if (there) {
        ++at;
      } else {
        --missing;
      }
    }
    kept.begin.push_back(std::ssize(kept.column));
  }
  stationary_ = std::move(kept);
}

// Calls visit(batch, step, columns of the vector's non-zeros).
template <class Visit>
void SparseOperands::each_streaming(Visit visit) const {
  std::vector<std::int64_t> columns;
  std::vector<float> row(static_cast<std::size_t>(length()));
  const double sparsity = array_.stationary_inputs ? operands_.sparsity.weights : operands_.sparsity.inputs;
  for (std::int64_t b = 0; b < batch(); ++b) {
    std::optional<Bitmap> drawn;
    if (!operands_.present())
      drawn = random_pattern(steps(), length(), sparsity, operands_.sparsity.seed + 1 + static_cast<std::uint64_t>(b));
    for (std::int64_t s = 0; s < steps(); ++s) {
      columns.clear();
      if (drawn) {
        drawn->for_each(s, [&](std::int64_t k) { columns.push_back(k); });
      } else if (conv_ != nullptr && rows_.empty()) {
        workload::Im2col(*conv_).gather(operands_.a.data, b, s, row.data(), 1);
        for (std::int64_t k = 0; k < length(); ++k) {
          if (row[static_cast<std::size_t>(k)] != 0) columns.push_back(k);
        }
      } else {
        for (std::int64_t k = 0; k < length(); ++k) {
          if (streaming(b, s, k) != 0) columns.push_back(k);
        }
      }
      visit(b, s, columns);
    }
  }
}

// The values' own non-zeros, and with the bits that the controller sets where a vector has few.
void SparseOperands::count_streaming() {
  const auto columns = static_cast<std::size_t>(length());
  const auto least = std::min<std::int64_t>(array_.minimum_ones, length());
  std::vector<std::vector<Count>> real(static_cast<std::size_t>(batch()), std::vector<Count>(columns, 0));
  streamed_before_.assign(real.size(), std::vector<Count>(columns + 1, 0));
  const bool full =
      !operands_.present() && (array_.stationary_inputs ? operands_.sparsity.weights : operands_.sparsity.inputs) == 0;
  if (full) {
    for (std::vector<Count>& counts : real) std::ranges::fill(counts, steps());
  } else {
    each_streaming([&](std::int64_t b, std::int64_t s, const std::vector<std::int64_t>& ones) {
      const auto at = static_cast<std::size_t>(b);
      for (const std::int64_t k : ones) ++real[at][static_cast<std::size_t>(k)];
      if (!streamed_.empty()) {
        for (const std::int64_t k : ones) streamed_[at].set(s, k);
      }
      std::int64_t missing = least - std::ssize(ones);
      for (std::int64_t k = 0; missing > 0; ++k) {
        if (std::ranges::find(ones, k) != ones.end()) continue;
        ++streamed_before_[at][static_cast<std::size_t>(k) + 1];
        if (!streamed_.empty()) streamed_[at].set(s, k);
        --missing;
      }
    });
  }
  Count ones = 0;
  for (std::int64_t b = 0; b < batch(); ++b) {
    const auto at = static_cast<std::size_t>(b);
    std::vector<Count>& before = streamed_before_[at];
    for (std::size_t k = 0; k < columns; ++k) {
      ones += real[at][k];
      before[k + 1] += before[k] + real[at][k];
    }
    const auto begin = static_cast<std::size_t>(stationary_.begin[static_cast<std::size_t>(b * vectors())]);
    const auto end = static_cast<std::size_t>(stationary_.begin[static_cast<std::size_t>((b + 1) * vectors())]);
    for (std::size_t i = begin; i < end; ++i) effective_ += real[at][static_cast<std::size_t>(stationary_.column[i])];
  }
  streaming_zeros_ = 1 - static_cast<double>(ones) / static_cast<double>(batch() * steps() * length());
}

Count SparseOperands::streamed(std::int64_t batch, std::int64_t step, std::int64_t begin, std::int64_t end) const {
  if (streamed_.empty()) return end - begin;
  return streamed_[static_cast<std::size_t>(batch)].count(step, begin, end);
}

float SparseOperands::streaming(std::int64_t batch, std::int64_t step, std::int64_t k) const {
  return array_.stationary_inputs ? operands_.b.at(batch, k, step) : operands_.a.at(batch, step, k);
}

float& SparseOperands::output(std::int64_t batch, std::int64_t vector, std::int64_t step) const {
  const std::int64_t row = array_.stationary_inputs ? vector : step;
  const std::int64_t column = array_.stationary_inputs ? step : vector;
  const std::int64_t index = conv_ == nullptr ? (batch * sizes_.m + row) * sizes_.n + column
                                              : workload::Im2col(*conv_).output_index(batch, row, column);
  return operands_.output[index];
}

}  // namespace cairn::engine
