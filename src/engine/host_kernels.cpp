#include "engine/host_kernels.h"

#include <dnnl.h>

#include <algorithm>

#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

using workload::MatrixView;

constexpr std::int64_t kBlockWords = std::int64_t{1} << 22;  // 16 MiB of lowered rows at a time

// Row-major C = A * B for dense matrices.
void multiply(char transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
              const float* b, std::int64_t ldb, float* c, std::int64_t ldc) {
  const dnnl_status_t status = dnnl_sgemm('N', transpose_b, m, n, k, 1.0F, a, lda, b, ldb, 0.0F, c, ldc);
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
    multiply('N', s.m, s.n, s.k, a, s.k, b, s.n, operands.output + batch * s.m * s.n, s.n);
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
      multiply('T', count, s.n, s.k, rows.data(), s.k, filters, s.k, products.data(), s.n);
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
