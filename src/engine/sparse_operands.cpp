#include "engine/sparse_operands.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

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
  } else {
    compress();
  }
  const auto elements = static_cast<double>(sizes_.batch * vectors() * length());
  stationary_zeros_ = 1 - static_cast<double>(std::ssize(stationary_.column)) / elements;
  if (with_values && operands.present()) {
    const workload::MatrixView view = streaming_view();
    for (std::int64_t b = 0; b < batch(); ++b) {
      streamed_.push_back(
          pattern({view.data + b * view.batch_stride, steps(), length(), view.row_stride, view.column_stride}));
    }
  }
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

// The streaming vectors as rows.
workload::MatrixView SparseOperands::streaming_view() const {
  const workload::MatrixView& b = operands_.b;
  return array_.stationary_inputs ? workload::MatrixView{b.data, b.batch_stride, b.column_stride, b.row_stride}
                                  : operands_.a;
}

// A batch at a time, in the order in which its elements lie in memory.
void SparseOperands::compress() {
  workload::MatrixView view = array_.stationary_inputs ? operands_.a : operands_.b;
  if (!array_.stationary_inputs) std::swap(view.row_stride, view.column_stride);  // vectors as rows
  const auto compressed = [&](const float* data) -> Csr {
    if (view.column_stride <= view.row_stride)
      return to_csr(DenseView{data, vectors(), length(), view.row_stride, view.column_stride});
    Csc turned = to_csc(DenseView{data, length(), vectors(), view.column_stride, view.row_stride});
    return {vectors(), length(), std::move(turned.begin), std::move(turned.row), std::move(turned.value)};
  };
  stationary_ = compressed(view.data);
  for (std::int64_t b = 1; b < batch(); ++b) {
    const Csr next = compressed(view.data + b * view.batch_stride);
    const std::int64_t before = stationary_.begin.back();
    for (std::size_t v = 1; v < next.begin.size(); ++v) stationary_.begin.push_back(before + next.begin[v]);
    stationary_.column.insert(stationary_.column.end(), next.column.begin(), next.column.end());
    stationary_.value.insert(stationary_.value.end(), next.value.begin(), next.value.end());
  }
  stationary_.rows = batch() * vectors();
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

// The values' own non-zeros, and with the bits that the controller sets where a vector has few.
void SparseOperands::count_streaming() {
  const double sparsity = array_.stationary_inputs ? operands_.sparsity.weights : operands_.sparsity.inputs;
  Count all = 0;
  for (std::int64_t b = 0; b < batch(); ++b) {
    std::optional<Bitmap> bits;
    if (!streamed_.empty()) {
      bits = streamed_[static_cast<std::size_t>(b)];
    } else if (!present() && sparsity > 0) {
      bits = random_pattern(steps(), length(), sparsity, operands_.sparsity.seed + 1 + static_cast<std::uint64_t>(b));
    }
    const workload::Ones ones = ones_of_batch(b, bits);
    std::vector<Count> before(static_cast<std::size_t>(length()) + 1);
    set_missing(b, ones.of_row, bits, before);
    for (std::size_t k = 0; k < ones.of_column.size(); ++k) before[k + 1] += before[k] + ones.of_column[k];
    streamed_before_.push_back(std::move(before));
    all += std::accumulate(ones.of_column.begin(), ones.of_column.end(), Count{0});
    const auto begin = static_cast<std::size_t>(stationary_.begin[static_cast<std::size_t>(b * vectors())]);
    const auto end = static_cast<std::size_t>(stationary_.begin[static_cast<std::size_t>((b + 1) * vectors())]);
    for (std::size_t i = begin; i < end; ++i)
      effective_ += ones.of_column[static_cast<std::size_t>(stationary_.column[i])];
  }
  streaming_zeros_ = 1 - static_cast<double>(all) / static_cast<double>(batch() * steps() * length());
}

// Of the streaming vectors as rows, counted in `bits`, or in the values; without either there are no zeros.
workload::Ones SparseOperands::ones_of_batch(std::int64_t batch, const std::optional<Bitmap>& bits) const {
  if (!bits && unlowered()) return workload::Im2col(*conv_).count_ones(operands_.a.data, batch);
  if (!bits && present()) return workload::count_ones(streaming_view(), batch, steps(), length());
  const auto columns = static_cast<std::size_t>(length());
  if (!bits) return {{}, std::vector<Count>(columns, steps())};
  workload::Ones ones{{}, std::vector<Count>(columns)};
  for (std::int64_t s = 0; s < steps(); ++s) {
    ones.of_row.push_back(static_cast<std::int32_t>(bits->count(s)));
    bits->for_each(s, [&](std::int64_t k) { ++ones.of_column[static_cast<std::size_t>(k)]; });
  }
  return ones;
}

// Counts in before[k + 1] how many streaming vectors have too few non-zeros and k is one of the first zeros that they
// get instead.
void SparseOperands::set_missing(std::int64_t batch, const std::vector<std::int32_t>& ones_of_step,
                                 const std::optional<Bitmap>& bits, std::vector<Count>& before) {
  const auto least = std::min<std::int64_t>(array_.minimum_ones, length());
  std::vector<float> row(unlowered() ? static_cast<std::size_t>(length()) : 0);
  const auto set = [&](std::int64_t s, std::int64_t k) {
    if (bits) return bits->test(s, k);
    return (row.empty() ? streaming(batch, s, k) : row[static_cast<std::size_t>(k)]) != 0;
  };
  for (std::int64_t s = 0; s < std::ssize(ones_of_step); ++s) {
    std::int64_t missing = least - ones_of_step[static_cast<std::size_t>(s)];
    if (missing > 0 && !row.empty()) workload::Im2col(*conv_).gather(operands_.a.data, batch, s, row.data(), 1);
    for (std::int64_t k = 0; missing > 0; ++k) {
      if (set(s, k)) continue;
      ++before[static_cast<std::size_t>(k) + 1];
      if (!streamed_.empty()) streamed_[static_cast<std::size_t>(batch)].set(s, k);
      --missing;
    }
  }
}

Count SparseOperands::streamed(std::int64_t batch, std::int64_t step, std::int64_t begin, std::int64_t end) const {
  if (streamed_.empty()) return end - begin;
  return streamed_[static_cast<std::size_t>(batch)].count(step, begin, end);
}

float SparseOperands::streaming(std::int64_t batch, std::int64_t step, std::int64_t k) const {
  return streaming_view().at(batch, step, k);
}

float& SparseOperands::output(std::int64_t batch, std::int64_t vector, std::int64_t step) const {
  const std::int64_t row = array_.stationary_inputs ? vector : step;
  const std::int64_t column = array_.stationary_inputs ? step : vector;
  const std::int64_t index = conv_ == nullptr ? (batch * sizes_.m + row) * sizes_.n + column
                                              : workload::Im2col(*conv_).output_index(batch, row, column);
  return operands_.output[index];
}

}  // namespace cairn::engine
