// The operations that Cairn simulates, as distinct types. They are checked when they are made: an operation that exists
// is valid, and small enough that its multiplications can be counted in 63 bits.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cairn {

// C[b] (m x n) = A[b] (m x k) * B[b] (k x n), for each b < batch.
class Gemm {
 public:
  struct Sizes {
    std::int64_t m = 1;
    std::int64_t n = 1;
    std::int64_t k = 1;
    std::int64_t batch = 1;
    bool operator==(const Sizes&) const = default;
  };

  // Throws Error: E301 for sizes below 1, U203 for sizes too large to count.
  explicit Gemm(const Sizes& sizes);

  const Sizes& sizes() const { return sizes_; }
  std::int64_t multiplications() const { return sizes_.m * sizes_.n * sizes_.k * sizes_.batch; }

 private:
  Sizes sizes_;
};

// Convolution over 1 to 3 spatial dimensions. x is batch x channels x input..., w is filters x channels/groups x
// kernel..., the output batch x filters x output..., all row-major. Lists have one entry a spatial dimension; an empty
// list of strides or dilations means 1 everywhere, of pads 0.
class Conv {
 public:
  struct Sizes {
    std::int64_t batch = 1;
    std::int64_t channels = 1;  // over all groups
    std::int64_t filters = 1;   // over all groups
    std::int64_t groups = 1;
    std::vector<std::int64_t> input{};
    std::vector<std::int64_t> kernel{};
    std::vector<std::int64_t> stride{};
    std::vector<std::int64_t> pad_begin{};
    std::vector<std::int64_t> pad_end{};
    std::vector<std::int64_t> dilation{};
    bool operator==(const Sizes&) const = default;
  };

  // Throws Error: E301 for every size that does not fit, U203 for sizes too large to count.
  explicit Conv(Sizes sizes);

  const Sizes& sizes() const { return sizes_; }  // with the lists filled in
  const std::vector<std::int64_t>& output() const { return output_; }
  // The same work as matrices (im2col): one product a group, rows are output pixels of the whole batch, columns
  // filters.
  const Gemm& lowered() const { return lowered_; }
  std::int64_t multiplications() const { return lowered_.multiplications(); }

 private:
  Sizes sizes_;
  std::vector<std::int64_t> output_;
  Gemm lowered_;
};

// Max-pooling over 1 to 3 spatial dimensions: the largest value of each window, channel by channel. x is batch x
// channels x input..., the output batch x channels x output..., row-major. Lists are those of Conv. Padding is -inf, so
// it never wins. A NaN in a window makes its output NaN, +0 is larger than -0 (IEEE 754 maximum), and a window that
// holds nothing but padding gives -inf.
class MaxPool {
 public:
  struct Sizes {
    std::int64_t batch = 1;
    std::int64_t channels = 1;
    std::vector<std::int64_t> input{};
    std::vector<std::int64_t> kernel{};
    std::vector<std::int64_t> stride{};
    std::vector<std::int64_t> pad_begin{};
    std::vector<std::int64_t> pad_end{};
    std::vector<std::int64_t> dilation{};
    // Output sizes are rounded up, not down: a last window may hang over the end, but none begins behind the input.
    bool ceil_mode = false;
    bool operator==(const Sizes&) const = default;
  };

  // Throws Error: E301 for every size that does not fit, U203 for sizes too large to count.
  explicit MaxPool(Sizes sizes);

  const Sizes& sizes() const { return sizes_; }  // with the lists filled in
  const std::vector<std::int64_t>& output() const { return windows_.output(); }
  // The depth-wise convolution that goes over the same windows: of each channel one filter.
  const Conv& windows() const { return windows_; }
  // Of two values: a window of n takes n - 1.
  std::int64_t comparisons() const;

 private:
  Sizes sizes_;
  Conv windows_;
};

using Operation = std::variant<Gemm, Conv, MaxPool>;

std::string kind(const Operation& operation);              // "gemm", "conv", "maxpool"
std::int64_t multiplications(const Operation& operation);  // 0 of max-pooling
// What goes from multipliers to adders: one product a multiplication, or the values of windows that max-pooling
// compares.
std::int64_t products(const Operation& operation);
// The matrix product that a machine without native convolutions runs; of max-pooling the sizes of that of windows().
const Gemm& lowered(const Operation& operation);

// The output of an operation goes into a rectifier and nowhere else: each word y of filter f (a column of a matrix
// product) is used only as max(0, scale[f] * y + shift[f]). No input is negative. A machine with a sign check may then
// leave a sum that can no longer make this positive: it writes what it has so far, for which scale * y + shift is below
// 0 as well. Other machines pay no heed.
struct Rectified {
  std::vector<float> scale{};  // one a filter; empty: 1
  std::vector<float> shift{};  // one a filter; empty: 0
};

struct Layer {
  std::string name;
  Operation operation;
};

// Reads a layer table of SCALE-Sim: the convolution form (name, input height and width, filter height and width,
// channels, filters, stride) or the matrix form (name, M, N, K), told apart by their headers. As there, a last window
// may hang over the far edge of an input, and what follows the last comma is a remark. `source` names the text in
// diagnostics. Throws Error with every faulty row (E303, E301), U201 for N:M sparsity other than dense.
std::vector<Layer> parse_topology(const std::string& text, const std::string& source);

}  // namespace cairn
