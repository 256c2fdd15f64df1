#include "engine/host_kernels.h"

#include <dnnl.h>

#include <algorithm>

#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

using workload::MatrixView;

constexpr std::int64_t kBlockWords = std::int64_t{1} << 22;  // 16 MiB of lowered rows at a time

// Row-major C = A * B for dense matrices; B may be given transposed (n x k).
struct Product {
  char transpose_b;
  std::int64_t m, n, k;
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  float* c;
  std::int64_t ldc;
};

// Small products (a depth-wise convolution is thousands of them) are done before a library has woken its threads.
constexpr std::int64_t kSmall = std::int64_t{1} << 16;

void multiply_small(const Product& p) {
  const std::int64_t row_stride = p.transpose_b == 'T' ? 1 : p.ldb;
  const std::int64_t column_stride = p.transpose_b == 'T' ? p.ldb : 1;
  for (std::int64_t i = 0; i < p.m; ++i) {
    for (std::int64_t j = 0; j < p.n; ++j) {
      float sum = 0;
      for (std::int64_t k = 0; k < p.k; ++k) sum += p.a[i * p.lda + k] * p.b[k * row_stride + j * column_stride];
      p.c[i * p.ldc + j] = sum;
    }
  }
}

void multiply(const Product& p) {
  if (p.n == 1 || p.m * p.n * p.k <= kSmall) {
    multiply_small(p);
    return;
  }
  const dnnl_status_t status =
      dnnl_sgemm('N', p.transpose_b, p.m, p.n, p.k, 1.0F, p.a, p.lda, p.b, p.ldb, 0.0F, p.c, p.ldc);
  util::require(status == dnnl_success, "host kernel", "oneDNN refused a matrix product");
}

// The rows x columns matrix of one batch, dense: the view itself if it is dense already, else copied into `copy`.
const float* dense(const MatrixView& view, std::int64_t batch, std::int64_t rows, std::int64_t columns,
                   std::vector<float>& copy) {
  if (view.column_stride == 1 && view.row_stride == columns) return view.data + batch * view.batch_stride;
  copy.resize(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) copy[static_cast<std::size_t>(i * columns + j)] = view.at(batch, i, j);
  }
  return copy.data();
}

void compute_gemm(const Gemm::Sizes& s, const Operands& operands) {
  std::vector<float> a_copy;
  std::vector<float> b_copy;
  for (std::int64_t batch = 0; batch < s.batch; ++batch) {
    const float* a = dense(operands.a, batch, s.m, s.k, a_copy);
    const float* b = dense(operands.b, batch, s.k, s.n, b_copy);
    multiply({'N', s.m, s.n, s.k, a, s.k, b, s.n, operands.output + batch * s.m * s.n, s.n});
  }
}

// Lowered a block of rows at a time, so that memory stays bounded whatever the layer.
void compute_conv(const Conv& conv, const Operands& operands) {
  const workload::Im2col im2col(conv);
  const Gemm::Sizes& s = conv.lowered().sizes();
  const std::int64_t block = std::clamp(kBlockWords / s.k, std::int64_t{1}, s.m);
  std::vector<float> rows(static_cast<std::size_t>(block * s.k));
  std::vector<float> products(static_cast<std::size_t>(block * s.n));
  for (std::int64_t group = 0; group < s.batch; ++group) {
    const float* filters = operands.b.data + group * s.n * s.k;
    for (std::int64_t first = 0; first < s.m; first += block) {
      const std::int64_t count = std::min(block, s.m - first);
      for (std::int64_t i = 0; i < count; ++i)
        im2col.gather(operands.a.data, group, first + i, rows.data() + i * s.k, 1);
      multiply({'T', count, s.n, s.k, rows.data(), s.k, filters, s.k, products.data(), s.n});
      for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t j = 0; j < s.n; ++j) {
          operands.output[im2col.output_index(group, first + i, j)] = products[static_cast<std::size_t>(i * s.n + j)];
        }
      }
    }
  }
}

}  // namespace

void compute_on_host(const Operation& operation, const Operands& operands) {
  if (const Conv* conv = std::get_if<Conv>(&operation)) {
    compute_conv(*conv, operands);
  } else {
    compute_gemm(std::get<Gemm>(operation).sizes(), operands);
  }
}

}  // namespace cairn::engine
