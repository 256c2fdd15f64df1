#include "engine/windows.h"

#include <algorithm>

namespace cairn::engine {

Windows::Windows(const Operation& operation, const Operands& operands)
    : sizes_(lowered(operation).sizes()), a_(operands.a) {
  const Conv* conv = std::get_if<Conv>(&operation);
  if (conv == nullptr) return;
  im2col_.emplace(*conv);
  const Conv::Sizes& s = conv->sizes();
  for (std::size_t d = 0; d < s.input.size(); ++d) {
    Dimension dimension;
    for (std::int64_t y = 0; y < conv->output()[d]; ++y) {
      Inside inside;
      for (std::int64_t r = 0; r < s.kernel[d]; ++r) {
        const std::int64_t x = y * s.stride[d] - s.pad_begin[d] + r * s.dilation[d];
        inside.push_back(x >= 0 && x < s.input[d]);
      }
      auto known = std::ranges::find(dimension.distinct, inside);
      if (known == dimension.distinct.end()) known = dimension.distinct.insert(known, std::move(inside));
      dimension.of.push_back(static_cast<std::uint32_t>(known - dimension.distinct.begin()));
    }
    dimensions_.push_back(std::move(dimension));
    taps_ *= s.kernel[d];
    pixels_ *= conv->output()[d];
  }
}

void Windows::gather(Count batch, Count window, float* out, Count stride) const {
  if (im2col_) return im2col_->gather(a_.data, batch, window, out, stride);
  for (Count k = 0; k < sizes_.k; ++k) out[k * stride] = a_.at(batch, window, k);
}

Count Windows::output_index(Count batch, Count window, Count column) const {
  return im2col_ ? im2col_->output_index(batch, window, column) : (batch * sizes_.m + window) * sizes_.n + column;
}

Count Windows::shapes() const {
  Count all = 1;
  for (const Dimension& dimension : dimensions_) all *= std::ssize(dimension.distinct);
  return all;
}

Count Windows::shape(Count window) const {
  Count pixel = window % pixels_;
  Count shape = 0;
  Count places = 1;
  for (std::size_t d = dimensions_.size(); d-- > 0;) {
    const Dimension& dimension = dimensions_[d];
    const Count size = std::ssize(dimension.of);
    shape += places * dimension.of[static_cast<std::size_t>(pixel % size)];
    places *= std::ssize(dimension.distinct);
    pixel /= size;
  }
  return shape;
}

bool Windows::padding(Count shape, Count weight) const {
  Count tap = weight % taps_;
  for (std::size_t d = dimensions_.size(); d-- > 0;) {
    const std::vector<Inside>& distinct = dimensions_[d].distinct;
    const Inside& inside = distinct[static_cast<std::size_t>(shape % std::ssize(distinct))];
    if (!inside[static_cast<std::size_t>(tap % std::ssize(inside))]) return true;
    shape /= std::ssize(distinct);
    tap /= std::ssize(inside);
  }
  return false;
}

// What is inside along one dimension is so along the others whatever it is there.
Count Windows::padding() const {
  if (dimensions_.empty()) return 0;
  Count inside = 1;
  for (const Dimension& dimension : dimensions_) {
    Count of_line = 0;
    for (const std::uint32_t i : dimension.of) of_line += std::ranges::count(dimension.distinct[i], true);
    inside *= of_line;
  }
  return (pixels_ * taps_ - inside) * (sizes_.m / pixels_) * (sizes_.k / taps_);
}

}  // namespace cairn::engine
