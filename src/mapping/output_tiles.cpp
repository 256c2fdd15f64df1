#include "mapping/output_tiles.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/diagnostics.h"
#include "util/units.h"

namespace cairn::mapping {

Tile choose_tile(const arch::SystolicArray& array, const std::map<std::string, std::int64_t>& given) {
  Tile tile{array.rows, array.columns};
  util::Diagnostics faults;
  for (const auto& [dimension, size] : given) {
    if (dimension != "M" && dimension != "N") {
      faults.add(Code::tile_does_not_fit, "tile", fmt::format("a systolic array does not tile '{}'", dimension),
                 "M (rows of the array) and N (columns)");
      continue;
    }
    const std::int64_t limit = dimension == "M" ? array.rows : array.columns;
    if (size < 1 || size > limit) {
      faults.add(Code::tile_does_not_fit, "tile",
                 fmt::format("{} = {} on an array of {} x {}", dimension, size, array.rows, array.columns),
                 fmt::format("{} = 1 to {}", dimension, limit));
    }
    (dimension == "M" ? tile.m : tile.n) = size;
  }
  faults.raise_if_any();
  return tile;
}

OutputTiles::OutputTiles(const Gemm& gemm, const Tile& tile)
    : gemm_(gemm),
      tile_(tile),
      down_(util::ceil_div(gemm.sizes().m, tile.m)),
      across_(util::ceil_div(gemm.sizes().n, tile.n)) {}

Block OutputTiles::at(std::int64_t index) const {
  const std::int64_t row = index / across_ % down_ * tile_.m;
  const std::int64_t column = index % across_ * tile_.n;
  return {index / across_ / down_, row, column, std::min(tile_.m, gemm_.sizes().m - row),
          std::min(tile_.n, gemm_.sizes().n - column)};
}

std::vector<OutputTiles::Group> OutputTiles::groups() const {
  struct Side {
    std::int64_t length;
    std::int64_t count;
  };
  // Full tiles and, if the tile does not divide the side, one shorter tile.
  const auto sides = [](std::int64_t length, std::int64_t tile) {
    std::vector<Side> parts;
    if (length / tile > 0) parts.push_back({tile, length / tile});
    if (length % tile > 0) parts.push_back({length % tile, 1});
    return parts;
  };
  std::vector<Group> groups;
  for (const Side& down : sides(gemm_.sizes().m, tile_.m)) {
    for (const Side& across : sides(gemm_.sizes().n, tile_.n)) {
      groups.push_back({down.length, across.length, gemm_.sizes().batch * down.count * across.count});
    }
  }
  return groups;
}

}  // namespace cairn::mapping
