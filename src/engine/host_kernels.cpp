#include "engine/host_kernels.h"

#include <algorithm>
#include <dnnl.hpp>
#include <numeric>

#include "util/diagnostics.h"
#include "util/larger.h"

namespace cairn::engine {
namespace {

using workload::MatrixView;
using Sizes = dnnl::memory::dims;
using Layout = dnnl::memory::desc;

// A matrix that lies row after row, or whose transpose does ('T').
struct Dense {
  char transposed;
  const float* data;
  std::int64_t line;  // from one row to the next
};

// A batch of matrices, dense: the view itself if it is dense already, else copied into `copy`.
Dense dense(const MatrixView& view, std::int64_t batch, std::int64_t rows, std::int64_t columns,
            std::vector<float>& copy) {
  const float* data = view.data + batch * view.batch_stride;
  if ((view.column_stride == 1 || columns == 1) && (view.row_stride >= columns || rows == 1))
    return {'N', data, rows == 1 ? columns : view.row_stride};
  if ((view.row_stride == 1 || rows == 1) && (view.column_stride >= rows || columns == 1))
    return {'T', data, columns == 1 ? rows : view.column_stride};
  copy.resize(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) copy[static_cast<std::size_t>(i * columns + j)] = view.at(batch, i, j);
  }
  return {'N', copy.data(), columns};
}

void compute_gemm(const Gemm::Sizes& s, const Operands& operands) {
  std::vector<float> a_copy;
  std::vector<float> b_copy;
  for (std::int64_t batch = 0; batch < s.batch; ++batch) {
    const Dense a = dense(operands.a, batch, s.m, s.k, a_copy);
    const Dense b = dense(operands.b, batch, s.k, s.n, b_copy);
    const dnnl::status status = dnnl::sgemm(a.transposed, b.transposed, s.m, s.n, s.k, 1.0F, a.data, a.line, b.data,
                                            b.line, 0.0F, operands.output + batch * s.m * s.n, s.n);
    util::require(status == dnnl::status::success, "host kernel", "oneDNN refused a matrix product");
  }
}

Sizes joined(Sizes sizes, const Sizes& more) {
  sizes.insert(sizes.end(), more.begin(), more.end());
  return sizes;
}

// Of each line of a row-major tensor so many elements.
Layout row_major(const Sizes& tensor, std::int64_t of_line) {
  Sizes strides(tensor.size(), 1);
  for (std::size_t d = tensor.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * tensor[d + 1];
  Sizes sizes = tensor;
  sizes.back() = of_line;
  return {sizes, dnnl::memory::data_type::f32, strides};
}

// The library chooses: channels in blocks of what a register holds.
Layout any_layout(Sizes sizes, std::int64_t of_line) {
  sizes.back() = of_line;
  return {sizes, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

// The same tensor in another layout; itself if that is its own.
dnnl::memory in_layout(const Layout& layout, dnnl::memory tensor, dnnl::stream& stream) {
  if (tensor.get_desc() == layout) return tensor;
  dnnl::memory copy(layout, tensor.get_engine());
  dnnl::reorder(tensor, copy).execute(stream, tensor, copy);
  return copy;
}

// Directly: the sums of Winograd's algorithm would not be exact for small integers.
dnnl::convolution_forward::primitive_desc plan(const Conv::Sizes& s, const Layout& x, const Layout& w, const Layout& y,
                                               const dnnl::engine& engine) {
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  Sizes gaps = s.dilation;  // between the elements of a kernel
  for (std::int64_t& gap : gaps) --gap;
#if DNNL_VERSION_MAJOR < 3
  return {{kKind, kDirect, x, w, y, s.stride, gaps, s.pad_begin, s.pad_end}, engine};
#else
  return {engine, kKind, kDirect, x, w, y, s.stride, gaps, s.pad_begin, s.pad_end};
#endif
}

// Of each line of the output the pixels first <= pixel < first + count, from the part of x under their kernels.
void compute_strip(const Conv& conv, const Operands& operands, std::int64_t first, std::int64_t count) {
  Conv::Sizes s = conv.sizes();
  const Sizes x = joined({s.batch, s.channels}, s.input);
  const Sizes w = joined({s.groups, s.filters / s.groups, s.channels / s.groups}, s.kernel);
  const Sizes y = joined({s.batch, s.filters}, conv.output());
  const std::int64_t begin = first * s.stride.back() - s.pad_begin.back();
  const std::int64_t end = begin + (count - 1) * s.stride.back() + (s.kernel.back() - 1) * s.dilation.back() + 1;
  const std::int64_t from = std::clamp(begin, std::int64_t{0}, x.back());
  const std::int64_t to = std::clamp(end, from, x.back());
  if (from == to) {  // padding alone
    const std::int64_t words = conv.multiplications() / conv.lowered().sizes().k;
    for (std::int64_t i = first; i < words; i += y.back()) std::fill_n(operands.output + i, count, 0.0F);
    return;
  }
  s.pad_begin.back() = from - begin;
  s.pad_end.back() = end - to;

  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto chosen = plan(s, any_layout(x, to - from), any_layout(w, w.back()), any_layout(y, count), engine);
  // The library's memory knows no const; it only reads these two.
  const dnnl::memory inputs(row_major(x, to - from), engine, const_cast<float*>(operands.a.data) + from);
  const dnnl::memory weights(row_major(w, w.back()), engine, const_cast<float*>(operands.b.data));
  dnnl::memory output(row_major(y, count), engine, operands.output + first);
  dnnl::memory sums = chosen.dst_desc() == output.get_desc() ? output : dnnl::memory(chosen.dst_desc(), engine);
  dnnl::convolution_forward(chosen).execute(stream,
                                            {{DNNL_ARG_SRC, in_layout(chosen.src_desc(), inputs, stream)},
                                             {DNNL_ARG_WEIGHTS, in_layout(chosen.weights_desc(), weights, stream)},
                                             {DNNL_ARG_DST, sums}});
  if (sums != output) dnnl::reorder(sums, output).execute(stream, sums, output);
  stream.wait();
}

// The library prepares itself for each pixel of a line, in memory that grows with the line.
void compute_conv(const Conv& conv, const Operands& operands) {
  constexpr std::int64_t kStrip = std::int64_t{1} << 14;
  const std::int64_t pixels = conv.output().back();
  for (std::int64_t first = 0; first < pixels; first += kStrip)
    compute_strip(conv, operands, first, std::min(kStrip, pixels - first));
}

// Window by window. The library leaves open what becomes of a NaN.
void compute_maxpool(const MaxPool& pool, const Operands& operands) {
  const workload::Im2col windows(pool.windows());
  const Gemm::Sizes& s = pool.windows().lowered().sizes();
  std::vector<float> window(static_cast<std::size_t>(s.k));
  for (std::int64_t channel = 0; channel < s.batch; ++channel) {
    for (std::int64_t row = 0; row < s.m; ++row) {
      windows.gather(operands.a.data, channel, row, window.data(), 1, util::kSmallest);
      operands.output[windows.output_index(channel, row, 0)] =
          std::accumulate(window.begin(), window.end(), util::kSmallest, util::larger);
    }
  }
}

}  // namespace

void compute_on_host(const Operation& operation, const Operands& operands) {
  try {
    if (const Conv* conv = std::get_if<Conv>(&operation)) {
      compute_conv(*conv, operands);
    } else if (const auto* pool = std::get_if<MaxPool>(&operation)) {
      compute_maxpool(*pool, operands);
    } else {
      compute_gemm(std::get<Gemm>(operation).sizes(), operands);
    }
  } catch (const dnnl::error& error) {
    util::require(false, "host kernel", error.what());
  }
}

}  // namespace cairn::engine
