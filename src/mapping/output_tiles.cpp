#include "mapping/output_tiles.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/diagnostics.h"
#include "util/units.h"

namespace cairn::mapping {
namespace {

std::string kind(const arch::SystolicArray& array) {
  if (!array.holds) return "a systolic array";
  return array.stationary_inputs ? "an input-stationary array" : "a weight-stationary array";
}

}  // namespace

Letters letters(const arch::SystolicArray& array) {
  if (!array.holds) return {"M", "N"};
  return {"K", array.stationary_inputs ? "M" : "N"};
}

Tile choose_tile(const arch::SystolicArray& array, const std::map<std::string, std::int64_t>& given) {
  Tile tile{array.rows, array.columns};
  const Letters known = letters(array);
  util::Diagnostics faults;
  for (const auto& [dimension, size] : given) {
    if (dimension != known.rows && dimension != known.columns) {
      faults.add(Code::tile_does_not_fit, "tile", fmt::format("{} does not tile '{}'", kind(array), dimension),
                 fmt::format("{} (rows of the array) and {} (columns)", known.rows, known.columns));
      continue;
    }
    const std::int64_t limit = dimension == known.rows ? array.rows : array.columns;
    if (size < 1 || size > limit) {
      faults.add(Code::tile_does_not_fit, "tile",
                 fmt::format("{} = {} on an array of {} x {}", dimension, size, array.rows, array.columns),
                 fmt::format("{} = 1 to {}", dimension, limit));
    }
    (dimension == known.rows ? tile.rows : tile.columns) = size;
  }
  faults.raise_if_any();
  return tile;
}

std::vector<Parts> cut(std::int64_t length, std::int64_t part) {
  std::vector<Parts> parts;
  if (length / part > 0) parts.push_back({part, length / part});
  if (length % part > 0) parts.push_back({length % part, 1});
  return parts;
}

OutputTiles::OutputTiles(const Gemm& gemm, const Tile& tile)
    : gemm_(gemm),
      tile_(tile),
      down_(util::ceil_div(gemm.sizes().m, tile.rows)),
      across_(util::ceil_div(gemm.sizes().n, tile.columns)) {}

Block OutputTiles::at(std::int64_t index) const {
  const std::int64_t row = index / across_ % down_ * tile_.rows;
  const std::int64_t column = index % across_ * tile_.columns;
  return {index / across_ / down_, row, column, std::min(tile_.rows, gemm_.sizes().m - row),
          std::min(tile_.columns, gemm_.sizes().n - column)};
}

std::vector<OutputTiles::Group> OutputTiles::groups() const {
  std::vector<Group> groups;
  for (const Parts& down : cut(gemm_.sizes().m, tile_.rows)) {
    for (const Parts& across : cut(gemm_.sizes().n, tile_.columns)) {
      groups.push_back({down.length, across.length, gemm_.sizes().batch * down.count * across.count});
    }
  }
  return groups;
}

}  // namespace cairn::mapping
