#include "workload/operands.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "util/units.h"

namespace cairn::workload {
namespace {

// Adds 1 to each[i] for each words[i * stride] that is not zero, and returns how many there are. Neighbours are
// compared several at once.
template <class Count>
Count add_ones(const float* words, std::int64_t stride, std::int64_t count, Count* each) {
  const auto add = [&](auto step) {
    Count ones = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const Count one = words[i * step] != 0 ? 1 : 0;
      each[i] += one;
      ones += one;
    }
    return ones;
  };
  return stride == 1 ? add(std::integral_constant<std::int64_t, 1>{}) : add(stride);
}

Ones no_ones(std::int64_t rows, std::int64_t columns) {
  return {std::vector<std::int32_t>(static_cast<std::size_t>(rows)),
          std::vector<std::int64_t>(static_cast<std::size_t>(columns))};
}

}  // namespace

// In the order in which the matrix lies in memory.
Ones count_ones(const MatrixView& view, std::int64_t batch, std::int64_t rows, std::int64_t columns) {
  Ones ones = no_ones(rows, columns);
  const float* data = view.data + batch * view.batch_stride;
  if (view.column_stride <= view.row_stride) {
    for (std::int64_t row = 0; row < rows; ++row) {
      ones.of_row[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(
          add_ones(data + row * view.row_stride, view.column_stride, columns, ones.of_column.data()));
    }
  } else {
    for (std::int64_t column = 0; column < columns; ++column) {
      ones.of_column[static_cast<std::size_t>(column)] =
          add_ones(data + column * view.column_stride, view.row_stride, rows, ones.of_row.data());
    }
  }
  return ones;
}

MatrixView filter_columns(const Conv& conv, const float* w) {
  const Gemm::Sizes& s = conv.lowered().sizes();
  return {.data = w, .batch_stride = s.n * s.k, .row_stride = 1, .column_stride = s.k};
}

Im2col::Im2col(const Conv& conv)
    : images_(conv.sizes().batch),
      channels_per_group_(conv.sizes().channels / conv.sizes().groups),
      filters_per_group_(conv.sizes().filters / conv.sizes().groups),
      groups_(conv.sizes().groups) {
  const std::size_t rank = conv.sizes().input.size();
  for (std::size_t d = 0; d < rank; ++d) {
    const std::size_t to = 3 - rank + d;
    input_[to] = conv.sizes().input[d];
    kernel_[to] = conv.sizes().kernel[d];
    stride_[to] = conv.sizes().stride[d];
    pad_[to] = conv.sizes().pad_begin[d];
    dilation_[to] = conv.sizes().dilation[d];
    output_[to] = conv.output()[d];
    pixels_ *= conv.output()[d];
  }
}

Im2col::Pixel Im2col::pixel(std::int64_t row) const {
  Pixel p{row / pixels_, {}};
  std::int64_t rest = row % pixels_;
  for (std::size_t d = 3; d-- > 0;) {
    p.start[d] = rest % output_[d] * stride_[d] - pad_[d];
    rest /= output_[d];
  }
  return p;
}

// Calls visit(line) for lines of x that the kernel of a pixel lies on, in order of columns; nullptr beyond the edge.
template <class Visit>
void Im2col::each_line(const float* x, std::int64_t group, const Pixel& p, Terms lines, Visit visit) const {
  std::int64_t c = lines.first / kernel_[1] / kernel_[0];
  std::int64_t i = lines.first / kernel_[1] % kernel_[0];
  std::int64_t j = lines.first % kernel_[1];
  for (std::int64_t line = 0; line < lines.count; ++line) {
    const std::int64_t plane = (p.image * groups_ + group) * channels_per_group_ + c;
    const std::int64_t z = p.start[0] + i * dilation_[0];
    const std::int64_t y = p.start[1] + j * dilation_[1];
    visit(inside(0, z) && inside(1, y) ? x + ((plane * input_[0] + z) * input_[1] + y) * input_[2] : nullptr);
    if (++j < kernel_[1]) continue;
    j = 0;
    if (++i < kernel_[0]) continue;
    i = 0;
    ++c;
  }
}

void Im2col::gather(const float* x, std::int64_t group, std::int64_t row, Terms columns, float* out,
                    std::int64_t stride, float padding) const {
  const Pixel p = pixel(row);
  const std::int64_t first = columns.first / kernel_[2];
  const std::int64_t end = util::ceil_div(columns.first + columns.count, kernel_[2]);
  std::int64_t k = columns.first % kernel_[2];
  std::int64_t left = columns.count;
  each_line(x, group, p, {first, end - first}, [&](const float* line) {
    for (; k < kernel_[2] && left > 0; ++k, --left, out += stride) {
      const std::int64_t position = p.start[2] + k * dilation_[2];
      *out = line != nullptr && inside(2, position) ? line[position] : padding;
    }
    k = 0;
  });
}

// A line of pixels at a time: what is under one element of their kernels lies on a line of x.
Ones Im2col::count_ones(const float* x, std::int64_t group) const {
  Ones ones = no_ones(images_ * pixels_, columns());
  for (std::int64_t row = 0; row < images_ * pixels_; row += output_[2]) {
    const Pixel p = pixel(row);
    std::int64_t* of_column = ones.of_column.data();
    each_line(x, group, p, {0, lines()}, [&](const float* line) {
      for (std::int64_t k = 0; k < kernel_[2]; ++k, ++of_column) {
        const std::int64_t start = p.start[2] + k * dilation_[2];
        if (line == nullptr || start >= input_[2]) continue;
        const std::int64_t first = start < 0 ? util::ceil_div(-start, stride_[2]) : 0;
        const std::int64_t end = std::min((input_[2] - 1 - start) / stride_[2] + 1, output_[2]);
        *of_column +=
            add_ones(line + start + first * stride_[2], stride_[2], end - first, ones.of_row.data() + row + first);
      }
    });
  }
  return ones;
}

std::int64_t Im2col::output_index(std::int64_t group, std::int64_t row, std::int64_t column) const {
  const std::int64_t filter = group * filters_per_group_ + column;
  return (row / pixels_ * groups_ * filters_per_group_ + filter) * pixels_ + row % pixels_;
}

std::vector<float> reference_gemm(const Gemm& gemm, const MatrixView& a, const MatrixView& b) {
  const Gemm::Sizes& s = gemm.sizes();
  std::vector<float> c;
  c.reserve(static_cast<std::size_t>(s.batch * s.m * s.n));
  for (std::int64_t batch = 0; batch < s.batch; ++batch) {
    for (std::int64_t i = 0; i < s.m; ++i) {
      for (std::int64_t j = 0; j < s.n; ++j) {
        float sum = 0;
        for (std::int64_t k = 0; k < s.k; ++k) sum += a.at(batch, i, k) * b.at(batch, k, j);
        c.push_back(sum);
      }
    }
  }
  return c;
}

namespace {

// Walks the kernel of one output by its definition and calls visit(where in x, where in w) for what lies inside. Index
// arithmetic is spelled out with plain loops over a position vector.
template <class Visit>
void each_tap(const Conv& conv, std::int64_t image, std::int64_t filter, const std::vector<std::int64_t>& output,
              Visit visit) {
  const Conv::Sizes& s = conv.sizes();
  const std::size_t rank = s.input.size();
  const std::int64_t channels = s.channels / s.groups;
  const std::int64_t group = filter / (s.filters / s.groups);
  std::vector<std::int64_t> tap(rank, 0);
  std::int64_t weight = filter * channels;
  for (const std::int64_t size : s.kernel) weight *= size;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (bool more = true; more;) {
      std::int64_t index = image * s.channels + group * channels + c;
      bool inside = true;
      for (std::size_t d = 0; d < rank; ++d) {
        const std::int64_t position = output[d] * s.stride[d] - s.pad_begin[d] + tap[d] * s.dilation[d];
        inside = inside && position >= 0 && position < s.input[d];
        index = index * s.input[d] + position;
      }
      if (inside) visit(index, weight);
      ++weight;
      more = false;
      for (std::size_t d = rank; d-- > 0 && !more;) {
        if (++tap[d] < s.kernel[d])
          more = true;
        else
          tap[d] = 0;
      }
    }
  }
}

// Output after output, as they lie in memory.
template <class Value>
std::vector<float> each_output(const Conv& conv, Value value) {
  const Conv::Sizes& s = conv.sizes();
  std::vector<float> y;
  std::int64_t pixels = 1;
  for (const std::int64_t size : conv.output()) pixels *= size;
  for (std::int64_t image = 0; image < s.batch; ++image) {
    for (std::int64_t filter = 0; filter < s.filters; ++filter) {
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        std::vector<std::int64_t> position(conv.output().size());
        std::int64_t rest = pixel;
        for (std::size_t d = position.size(); d-- > 0; rest /= conv.output()[d]) position[d] = rest % conv.output()[d];
        y.push_back(value(image, filter, position));
      }
    }
  }
  return y;
}

}  // namespace

std::vector<float> reference_conv(const Conv& conv, const float* x, const float* w) {
  return each_output(conv, [&](std::int64_t image, std::int64_t filter, const std::vector<std::int64_t>& position) {
    float sum = 0;
    each_tap(conv, image, filter, position, [&](std::int64_t in, std::int64_t weight) { sum += x[in] * w[weight]; });
    return sum;
  });
}

std::vector<float> reference_maxpool(const MaxPool& pool, const float* x) {
  const Conv& windows = pool.windows();
  return each_output(windows, [&](std::int64_t image, std::int64_t channel, const std::vector<std::int64_t>& position) {
    float largest = -std::numeric_limits<float>::infinity();
    each_tap(windows, image, channel, position, [&](std::int64_t in, std::int64_t) {
      const bool zeros = x[in] == 0 && largest == 0;
      if (std::isnan(x[in]) || x[in] > largest || (zeros && !std::signbit(x[in]))) largest = x[in];
    });
    return largest;
  });
}

}  // namespace cairn::workload
