// Operands of an operation, seen as the matrices that the machine multiplies, and the plain computation of the result
// that every simulated value is held against.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cairn/operation.h"

namespace cairn::workload {

// A batch of matrices over somebody's memory, any strides (in elements).
struct MatrixView {
  const float* data = nullptr;
  std::int64_t batch_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 0;

  float at(std::int64_t batch, std::int64_t row, std::int64_t column) const {
    return data[batch * batch_stride + row * row_stride + column * column_stride];
  }
};

// The non-zeros of a matrix, counted.
struct Ones {
  std::vector<std::int32_t> of_row;
  std::vector<std::int64_t> of_column;
};
Ones count_ones(const MatrixView& view, std::int64_t batch, std::int64_t rows, std::int64_t columns);

// The filters of a convolution as what they are in the lowered product: its columns, a batch of them for each group.
MatrixView filter_columns(const Conv& conv, const float* w);

// Some of the terms that an output is the sum of.
struct Terms {
  std::int64_t first;
  std::int64_t count;
};

// Where the elements of a convolution's lowered row operand (im2col) lie in x, without building it. Row = output pixel
// over the batch, column = (channel of the group, kernel position).
class Im2col {
 public:
  explicit Im2col(const Conv& conv);

  // Gathers one row of a group's matrix, or some of its columns, into out[0], out[stride], ...; `padding` where the
  // kernel hangs over the edge.
  void gather(const float* x, std::int64_t group, std::int64_t row, float* out, std::int64_t stride,
              float padding = 0) const {
    gather(x, group, row, {0, columns()}, out, stride, padding);
  }
  void gather(const float* x, std::int64_t group, std::int64_t row, Terms columns, float* out, std::int64_t stride,
              float padding = 0) const;
  // Of a group's matrix. The zeros where the kernel hangs over the edge are zeros.
  Ones count_ones(const float* x, std::int64_t group) const;
  // Where output (group, row, column) lies in the output tensor.
  std::int64_t output_index(std::int64_t group, std::int64_t row, std::int64_t column) const;

 private:
  using Position = std::array<std::int64_t, 3>;
  struct Pixel {
    std::int64_t image;
    Position start;  // the input position under the kernel's first element
  };
  Pixel pixel(std::int64_t row) const;
  std::int64_t lines() const { return channels_per_group_ * kernel_[0] * kernel_[1]; }  // under the kernel of a pixel
  std::int64_t columns() const { return lines() * kernel_[2]; }
  template <class Visit>
  void each_line(const float* x, std::int64_t group, const Pixel& pixel, Terms lines, Visit visit) const;
  bool inside(std::size_t d, std::int64_t position) const { return position >= 0 && position < input_[d]; }

  std::int64_t images_;
  std::int64_t channels_per_group_;
  std::int64_t filters_per_group_;
  std::int64_t groups_;
  std::int64_t pixels_ = 1;  // output pixels of one image
  // Always three spatial dimensions; missing ones in front have size 1.
  Position input_ = {1, 1, 1};
  Position kernel_ = {1, 1, 1};
  Position stride_ = {1, 1, 1};
  Position pad_ = {0, 0, 0};
  Position dilation_ = {1, 1, 1};
  Position output_ = {1, 1, 1};
};

// The reference executor: straight from the definitions, sums in float32 in order of k, the larger one by the words of
// IEEE 754. Slow and obvious on purpose.
std::vector<float> reference_gemm(const Gemm& gemm, const MatrixView& a, const MatrixView& b);
std::vector<float> reference_conv(const Conv& conv, const float* x, const float* w);
std::vector<float> reference_maxpool(const MaxPool& pool, const float* x);

}  // namespace cairn::workload
