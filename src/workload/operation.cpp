#include "cairn/operation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

void fill_list(std::string_view name, std::vector<std::int64_t>& list, std::size_t rank, std::int64_t initial,
               std::int64_t minimum, util::Diagnostics& faults) {
  if (list.empty()) list.assign(rank, initial);
  if (list.size() != rank) {
    faults.add(Code::bad_size, "conv",
               fmt::format("{} has {} entries for {} spatial dimensions", name, list.size(), rank),
               "one entry a dimension");
    return;
  }
  for (const std::int64_t size : list) check_size("conv", name, size, minimum, faults);
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

Conv::Sizes checked(Conv::Sizes s) {
  util::Diagnostics faults;
  const std::size_t rank = s.input.size();
  if (rank < 1 || rank > 3) {
    faults.add(Code::bad_size, "conv", fmt::format("input has {} spatial dimensions", rank),
               "1 to 3, for instance 56x56");
  }
  check_channels(s, faults);
  fill_list("input", s.input, rank, 1, 1, faults);
  fill_list("kernel", s.kernel, rank, 0, 1, faults);  // no default: an absent kernel is a size of 0
  fill_list("stride", s.stride, rank, 1, 1, faults);
  fill_list("pad_begin", s.pad_begin, rank, 0, 0, faults);
  fill_list("pad_end", s.pad_end, rank, 0, 0, faults);
  fill_list("dilation", s.dilation, rank, 1, 1, faults);
  faults.raise_if_any();
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t padded = s.input[d] + s.pad_begin[d] + s.pad_end[d];
    const auto reach = util::checked_multiply(s.kernel[d] - 1, s.dilation[d]);
    if (!reach || *reach + 1 > padded) {
      faults.add(Code::bad_size, "conv",
                 fmt::format("in dimension {} the kernel of {} (dilation {}) is larger than the padded input of {}", d,
                             s.kernel[d], s.dilation[d], padded),
                 "a smaller kernel, or more padding");
    }
  }
  faults.raise_if_any();
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

}  // namespace

Gemm::Gemm(const Sizes& sizes) : sizes_(checked(sizes)) {}

Conv::Conv(Sizes sizes)
    : sizes_(checked(std::move(sizes))), output_(output_sizes(sizes_)), lowered_(lowered_sizes(sizes_, output_)) {}

std::string kind(const Operation& operation) { return std::holds_alternative<Gemm>(operation) ? "gemm" : "conv"; }

const Gemm& lowered(const Operation& operation) {
  const Conv* conv = std::get_if<Conv>(&operation);
  return conv != nullptr ? conv->lowered() : std::get<Gemm>(operation);
}

std::int64_t multiplications(const Operation& operation) { return lowered(operation).multiplications(); }

}  // namespace cairn
