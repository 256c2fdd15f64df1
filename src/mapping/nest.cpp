#include "mapping/nest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "util/diagnostics.h"

namespace cairn::mapping {
namespace {

struct Letter {
  const char* name;
  Loop loop;
};

// The letters of a tile, as the operation's own: those of a matrix product name the loops it is mapped to.
std::vector<Letter> letters(const Nest& nest) {
  if (nest.matrix) return {{"M", Loop::x}, {"N", Loop::k}, {"K", Loop::s}};
  if (nest.compares)
    return {{"R", Loop::r}, {"S", Loop::s}, {"C", Loop::g}, {"N", Loop::n}, {"X", Loop::x}, {"Y", Loop::y}};
  std::vector<Letter> all;
  all.reserve(kLoops);
  for (int i = 0; i < kLoops; ++i) all.push_back({kLoopNames[static_cast<std::size_t>(i)], static_cast<Loop>(i)});
  return all;
}

Nest product(const Gemm::Sizes& sizes) {
  Nest nest;
  nest.sizes[Loop::s] = sizes.k;
  nest.sizes[Loop::k] = sizes.n;
  nest.sizes[Loop::g] = sizes.batch;
  nest.sizes[Loop::x] = sizes.m;
  nest.matrix = true;
  return nest;
}

std::string_view called(const Nest& nest) {
  if (nest.compares) return "max-pooling";
  return nest.matrix ? "a matrix product" : "a convolution";
}

Nest nest_of(const Conv& conv) {
  const Conv::Sizes& s = conv.sizes();
  Nest nest;
  if (s.input.size() == 3) {
    nest = product(conv.lowered().sizes());
    nest.sizes[Loop::n] = s.batch;
    nest.sizes[Loop::x] /= s.batch;
    return nest;
  }
  nest.sizes[Loop::c] = s.channels / s.groups;
  nest.sizes[Loop::k] = s.filters / s.groups;
  nest.sizes[Loop::g] = s.groups;
  nest.sizes[Loop::n] = s.batch;
  // A single spatial dimension is the one along which windows slide.
  const std::size_t dimensions = s.input.size();
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::size_t axis = 2 - dimensions + d;
    nest.sizes[axis == 0 ? Loop::r : Loop::s] = s.kernel[d];
    nest.sizes[axis == 0 ? Loop::x : Loop::y] = conv.output()[d];
    nest.stride[axis] = s.stride[d];
    nest.dilation[axis] = s.dilation[d];
  }
  return nest;
}

}  // namespace

Nest nest_of(const Operation& operation) {
  if (const auto* gemm = std::get_if<Gemm>(&operation)) return product(gemm->sizes());
  if (const auto* conv = std::get_if<Conv>(&operation)) return nest_of(*conv);
  Nest nest = nest_of(std::get<MaxPool>(operation).windows());
  nest.matrix = false;
  nest.compares = true;
  return nest;
}

DenseTile dense_tile(const Nest& nest, const std::map<std::string, std::int64_t>& named) {
  util::Diagnostics faults;
  DenseTile tile;
  const std::vector<Letter> known = letters(nest);
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const Letter& letter : known) names.emplace_back(letter.name);
  for (const auto& [name, size] : named) {
    const auto letter = std::ranges::find(known, name, &Letter::name);
    const std::string where = fmt::format("tile.{}", name);
    if (letter == known.end()) {
      faults.add(Code::tile_does_not_fit, where, fmt::format("{} has no tile size '{}'", called(nest), name),
                 fmt::format("use {}", fmt::join(names, ", ")));
    } else if (size < 1) {
      faults.add(Code::tile_does_not_fit, where, fmt::format("tile size {} is not positive", size), "1 or more");
    } else {
      tile.sizes[letter->loop] = size;
    }
  }
  faults.raise_if_any();
  return tile;
}

std::map<std::string, std::int64_t> named_tile(const Nest& nest, const DenseTile& tile) {
  std::map<std::string, std::int64_t> named;
  for (const Letter& letter : letters(nest)) named[letter.name] = tile.sizes[letter.loop];
  return named;
}

Iterations::Iterations(const Nest& nest, const DenseTile& tile) {
  for (int i = 0; i < kLoops; ++i) {
    const auto loop = static_cast<Loop>(i);
    counts_[loop] = util::ceil_div(nest.sizes[loop], tile.sizes[loop]);
  }
}

}  // namespace cairn::mapping
