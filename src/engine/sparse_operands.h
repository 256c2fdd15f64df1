// The operands of a sparse machine: the stationary one as compressed vectors, the other one as it lies in memory, with
// what is known of its zeros. Zeros are those of the values; where there are none, a seeded random pattern.
#pragma once

#include <optional>
#include <vector>

#include "arch/machine.h"
#include "cairn/sparse.h"
#include "engine/run.h"

namespace cairn::engine {

// A batch of matrix products sees `batch` times `vectors` stationary vectors of `length`, and as many times `steps`
// streaming ones; an output for each pair.
class SparseOperands {
 public:
  SparseOperands(const arch::SparseArray& array, const Operation& operation, const Operands& operands,
                 bool with_values);

  std::int64_t batch() const { return sizes_.batch; }
  std::int64_t vectors() const { return array_.stationary_inputs ? sizes_.m : sizes_.n; }
  std::int64_t steps() const { return array_.stationary_inputs ? sizes_.n : sizes_.m; }
  std::int64_t length() const { return sizes_.k; }

  // The entries of all stationary vectors, batch after batch: non-zeros, and zeros that are kept (SparseArray::
  // minimum_ones). Those hold fabric::padding_weight().
  const Csr& stationary() const { return stationary_; }
  // How many non-zeros the streaming vectors of a batch have before a column, forced ones included.
  const std::vector<Count>& streamed_before(std::int64_t batch) const {
    return streamed_before_[static_cast<std::size_t>(batch)];
  }
  // The same of one of them, of columns begin <= k < end. Only with values.
  Count streamed(std::int64_t batch, std::int64_t step, std::int64_t begin, std::int64_t end) const;

  // Products of two non-zeros.
  Count effective() const { return effective_; }
  // The share of zeros in each operand, as matrices.
  double weight_zeros() const { return array_.stationary_inputs ? streaming_zeros_ : stationary_zeros_; }
  double input_zeros() const { return array_.stationary_inputs ? stationary_zeros_ : streaming_zeros_; }

  bool present() const { return operands_.present(); }
  // An element of a streaming vector, and the output of a pair. Only with values.
  float streaming(std::int64_t batch, std::int64_t step, std::int64_t k) const;
  float& output(std::int64_t batch, std::int64_t vector, std::int64_t step) const;

 private:
  void refuse_too_large(bool with_values) const;
  workload::MatrixView streaming_view() const;
  void compress();
  void draw(double sparsity, std::uint64_t seed);
  void keep_minimum();
  void count_streaming();
  workload::Ones ones_of_batch(std::int64_t batch, const std::optional<Bitmap>& bits) const;
  void set_missing(std::int64_t batch, const std::vector<std::int32_t>& ones_of_step, const std::optional<Bitmap>& bits,
                   std::vector<Count>& before);
  // A streaming operand of a convolution: no matrix in memory.
  bool unlowered() const { return present() && conv_ != nullptr && rows_.empty(); }

  arch::SparseArray array_;
  Gemm::Sizes sizes_;
  const Conv* conv_;
  Operands operands_;
  Csr stationary_;
  std::vector<std::vector<Count>> streamed_before_;
  std::vector<Bitmap> streamed_;  // by batch, with values
  std::vector<float> rows_;       // of a convolution, lowered; with values
  Count effective_ = 0;
  double stationary_zeros_ = 0;
  double streaming_zeros_ = 0;
};

}  // namespace cairn::engine
