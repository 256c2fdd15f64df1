#include "cairn/operation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "util/diagnostics.h"
#include "util/units.h"

namespace cairn {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 40;
constexpr std::int64_t kMostMultiplications = std::int64_t{1} << 60;

void check_size(const std::string& place, std::string_view name, std::int64_t size, std::int64_t minimum,
                util::Diagnostics& faults) {
  if (size < minimum) {
    faults.add(Code::bad_size, place, fmt::format("{} = {} must be at least {}", name, size, minimum),
               fmt::format("{} >= {}", name, minimum));
  } else if (size > kLargestSize) {
    faults.add(Code::too_large, place, fmt::format("{} = {} is too large", name, size),
               fmt::format("{} <= {}", name, kLargestSize));
  }
}

// The product of sizes that are each in range, or a diagnostic if it cannot be counted.
std::int64_t product(const std::string& place, std::string_view what, const std::vector<std::int64_t>& sizes) {
  std::int64_t total = 1;
  for (const std::int64_t size : sizes) {
    const auto next = util::checked_multiply(total, size);
    if (!next || *next > kMostMultiplications) {
      throw Error(Code::too_large, place, fmt::format("{} {} are too many to count", fmt::join(sizes, " x "), what),
                  fmt::format("at most 2^60 {}", what));
    }
    total = *next;
  }
  return total;
}

Gemm::Sizes checked(const Gemm::Sizes& s) {
  util::Diagnostics faults;
  const auto check = [&](std::string_view name, std::int64_t size) { check_size("gemm", name, size, 1, faults); };
  check("m", s.m);
  check("n", s.n);
  check("k", s.k);
  check("batch", s.batch);
  faults.raise_if_any();
  product("gemm", "multiplications", {s.batch, s.m, s.n, s.k});
  return s;
}

void fill_list(const std::string& place, std::string_view name, std::vector<std::int64_t>& list, std::size_t rank,
               std::int64_t initial, std::int64_t minimum, util::Diagnostics& faults) {
  if (list.empty()) list.assign(rank, initial);
  if (list.size() != rank) {
    faults.add(Code::bad_size, place,
               fmt::format("{} has {} entries for {} spatial dimensions", name, list.size(), rank),
               "one entry a dimension");
    return;
  }
  for (const std::int64_t size : list) check_size(place, name, size, minimum, faults);
}

void check_channels(const Conv::Sizes& s, util::Diagnostics& faults) {
  for (const auto& [name, size] :
       {std::pair{"batch", s.batch}, {"channels", s.channels}, {"filters", s.filters}, {"groups", s.groups}}) {
    check_size("conv", name, size, 1, faults);
  }
  if (s.groups < 1) return;
  for (const auto& [name, size] : {std::pair{"channels", s.channels}, {"filters", s.filters}}) {
    if (size % s.groups != 0) {
      faults.add(Code::bad_size, "conv", fmt::format("{} groups do not divide {} {}", s.groups, size, name),
                 fmt::format("{} a multiple of groups", name));
    }
  }
}

// Fills in and checks the lists of a convolution or of max-pooling: both have windows. The last one may hang over the
// end where output sizes are rounded up.
template <class Sizes>
void check_windows(const std::string& place, Sizes& s, bool rounded_up, util::Diagnostics& faults) {
  const std::size_t rank = s.input.size();
  if (rank < 1 || rank > 3) {
    faults.add(Code::bad_size, place, fmt::format("input has {} spatial dimensions", rank),
               "1 to 3, for instance 56x56");
  }
  const auto fill = [&](std::string_view name, std::vector<std::int64_t>& list, std::int64_t initial,
                        std::int64_t minimum) { fill_list(place, name, list, rank, initial, minimum, faults); };
  fill("input", s.input, 1, 1);
  fill("kernel", s.kernel, 0, 1);  // no default: an absent kernel is a size of 0
  fill("stride", s.stride, 1, 1);
  fill("pad_begin", s.pad_begin, 0, 0);
  fill("pad_end", s.pad_end, 0, 0);
  fill("dilation", s.dilation, 1, 1);
  faults.raise_if_any();
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t padded = s.input[d] + s.pad_begin[d] + s.pad_end[d];
    const auto reach = util::checked_multiply(s.kernel[d] - 1, s.dilation[d]);
    if (!reach || *reach + 1 > padded + (rounded_up ? s.stride[d] - 1 : 0)) {
      faults.add(Code::bad_size, place,
                 fmt::format("in dimension {} the kernel of {} (dilation {}) is larger than the padded input of {}", d,
                             s.kernel[d], s.dilation[d], padded),
                 "a smaller kernel, or more padding");
    }
  }
  faults.raise_if_any();
}

Conv::Sizes checked(Conv::Sizes s) {
  util::Diagnostics faults;
  check_channels(s, faults);
  check_windows("conv", s, false, faults);
  return s;
}

MaxPool::Sizes checked(MaxPool::Sizes s) {
  util::Diagnostics faults;
  check_size("maxpool", "batch", s.batch, 1, faults);
  check_size("maxpool", "channels", s.channels, 1, faults);
  check_windows("maxpool", s, s.ceil_mode, faults);
  return s;
}

std::vector<std::int64_t> output_sizes(const Conv::Sizes& s) {
  std::vector<std::int64_t> output;
  for (std::size_t d = 0; d < s.input.size(); ++d) {
    const std::int64_t reach = (s.kernel[d] - 1) * s.dilation[d] + 1;
    output.push_back((s.input[d] + s.pad_begin[d] + s.pad_end[d] - reach) / s.stride[d] + 1);
  }
  return output;
}

Gemm::Sizes lowered_sizes(const Conv::Sizes& s, const std::vector<std::int64_t>& output) {
  std::vector<std::int64_t> rows{s.batch};
  rows.insert(rows.end(), output.begin(), output.end());
  std::vector<std::int64_t> steps{s.channels / s.groups};
  steps.insert(steps.end(), s.kernel.begin(), s.kernel.end());
  std::vector<std::int64_t> inputs{s.batch, s.channels};
  inputs.insert(inputs.end(), s.input.begin(), s.input.end());
  product("conv", "input words", inputs);
  return {.m = product("conv", "output pixels", rows),
          .n = s.filters / s.groups,
          .k = product("conv", "weights", steps),
          .batch = s.groups};
}

// Rounded up, there may be one window more, for which the end is padded further.
Conv::Sizes window_sizes(const MaxPool::Sizes& s) {
  Conv::Sizes windows{.batch = s.batch,
                      .channels = s.channels,
                      .filters = s.channels,
                      .groups = s.channels,
                      .input = s.input,
                      .kernel = s.kernel,
                      .stride = s.stride,
                      .pad_begin = s.pad_begin,
                      .pad_end = s.pad_end,
                      .dilation = s.dilation};
  for (std::size_t d = 0; d < s.input.size() && s.ceil_mode; ++d) {
    const std::int64_t reach = (s.kernel[d] - 1) * s.dilation[d] + 1;
    const std::int64_t begins = s.input[d] + s.pad_begin[d];
    std::int64_t last = (begins + s.pad_end[d] - reach + s.stride[d] - 1) / s.stride[d] * s.stride[d];
    if (last >= begins) last -= s.stride[d];
    windows.pad_end[d] = std::max<std::int64_t>(0, last + reach - begins);
  }
  return windows;
}

}  // namespace

Gemm::Gemm(const Sizes& sizes) : sizes_(checked(sizes)) {}

Conv::Conv(Sizes sizes)
    : sizes_(checked(std::move(sizes))), output_(output_sizes(sizes_)), lowered_(lowered_sizes(sizes_, output_)) {}

MaxPool::MaxPool(Sizes sizes) : sizes_(checked(std::move(sizes))), windows_(window_sizes(sizes_)) {}

std::int64_t MaxPool::comparisons() const {
  const Gemm::Sizes& s = windows_.lowered().sizes();
  return s.batch * s.m * (s.k - 1);
}

std::string kind(const Operation& operation) {
  static constexpr std::array kKinds{"gemm", "conv", "maxpool"};
  return kKinds.at(operation.index());
}

const Gemm& lowered(const Operation& operation) {
  if (const auto* pool = std::get_if<MaxPool>(&operation)) return pool->windows().lowered();
  const Conv* conv = std::get_if<Conv>(&operation);
  return conv != nullptr ? conv->lowered() : std::get<Gemm>(operation);
}

std::int64_t products(const Operation& operation) { return lowered(operation).multiplications(); }

std::int64_t multiplications(const Operation& operation) {
  return std::holds_alternative<MaxPool>(operation) ? 0 : products(operation);
}

}  // namespace cairn
