#include "engine/sparse_operands.h"

#include <algorithm>

#include "fabric/program.h"

namespace cairn::engine {

SparseOperands::SparseOperands(const arch::SparseArray& array, const Operation& operation, const Operands& operands,
                               bool with_values)
    : array_(array), sizes_(lowered(operation).sizes()), conv_(std::get_if<Conv>(&operation)), operands_(operands) {
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

// Calls visit(batch, step, non-zeros of the vector as 0 or 1 by column).
template <class Visit>
void SparseOperands::each_streaming(Visit visit) const {
  std::vector<std::uint8_t> ones(static_cast<std::size_t>(length()));
  std::vector<float> row(ones.size());
  for (std::int64_t b = 0; b < batch(); ++b) {
    for (std::int64_t s = 0; s < steps(); ++s) {
      if (conv_ != nullptr && rows_.empty()) {
        workload::Im2col(*conv_).gather(operands_.a.data, b, s, row.data(), 1);
        for (std::size_t k = 0; k < ones.size(); ++k) ones[k] = row[k] != 0 ? 1 : 0;
      } else {
        for (std::int64_t k = 0; k < length(); ++k) ones[static_cast<std::size_t>(k)] = streaming(b, s, k) != 0 ? 1 : 0;
      }
      visit(b, s, ones);
    }
  }
}

void SparseOperands::count_streaming() {
  const auto columns = static_cast<std::size_t>(length());
  // By batch and column: the values' own non-zeros, and with the bits that the controller sets where a vector has few.
  std::vector<std::vector<Count>> real(static_cast<std::size_t>(batch()), std::vector<Count>(columns, 0));
  streamed_before_.assign(real.size(), std::vector<Count>(columns + 1, 0));
  const auto least = std::min<std::int64_t>(array_.minimum_ones, length());
  const auto count = [&](std::int64_t b, std::int64_t s, std::vector<std::uint8_t>& ones) {
    const auto batch = static_cast<std::size_t>(b);
    std::int64_t there = 0;
    for (std::size_t k = 0; k < columns; ++k) {
      real[batch][k] += ones[k];
      there += ones[k];
    }
    for (std::size_t k = 0; there < least; ++k) {
      if (ones[k] == 0) ones[k] = 1, ++there;
    }
    for (std::size_t k = 0; k < columns; ++k) {
      streamed_before_[batch][k + 1] += ones[k];
      if (!streamed_.empty() && ones[k] != 0) streamed_[batch].set(s, static_cast<std::int64_t>(k));
    }
  };
  if (operands_.present()) {
    each_streaming(count);
  } else {
    const double sparsity = array_.stationary_inputs ? operands_.sparsity.weights : operands_.sparsity.inputs;
    std::vector<std::uint8_t> ones(columns, 1);
    for (std::int64_t b = 0; b < batch(); ++b) {
      const auto at = static_cast<std::size_t>(b);
      if (sparsity == 0) {  // of all vectors at once
        std::ranges::fill(real[at], steps());
        std::fill(streamed_before_[at].begin() + 1, streamed_before_[at].end(), steps());
        continue;
      }
      const Bitmap drawn = random_pattern(steps(), length(), sparsity, operands_.sparsity.seed + 1 + at);
      for (std::int64_t s = 0; s < steps(); ++s) {
        std::ranges::fill(ones, std::uint8_t{0});
        drawn.for_each(s, [&](std::int64_t k) { ones[static_cast<std::size_t>(k)] = 1; });
        count(b, s, ones);
      }
    }
  }
  Count ones = 0;
  for (std::int64_t b = 0; b < batch(); ++b) {
    const auto at = static_cast<std::size_t>(b);
    for (std::size_t k = 0; k < columns; ++k) {
      ones += real[at][k];
      streamed_before_[at][k + 1] += streamed_before_[at][k];
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
