#include "mapping/folds.h"

#include <algorithm>

#include "util/units.h"

namespace cairn::mapping {

Gemm exchanged(const Gemm& gemm) {
  Gemm::Sizes sizes = gemm.sizes();
  std::swap(sizes.m, sizes.n);
  return Gemm(sizes);
}

Folds::Folds(const Gemm& gemm, const Tile& tile)
    : gemm_(gemm),
      tile_(tile),
      across_(util::ceil_div(gemm.sizes().n, tile.columns)),
      deep_(util::ceil_div(gemm.sizes().k, tile.rows)) {}

Fold Folds::at(std::int64_t index) const {
  const std::int64_t term = index % deep_ * tile_.rows;
  const std::int64_t column = index / deep_ % across_ * tile_.columns;
  return {index / deep_ / across_,
          term,
          column,
          std::min(tile_.rows, gemm_.sizes().k - term),
          std::min(tile_.columns, gemm_.sizes().n - column),
          term > 0};
}

Folds::Sum Folds::sum(std::int64_t index, std::int64_t column, std::int64_t used_last) const {
  const std::int64_t steps = gemm_.sizes().m;
  const std::int64_t folds = (column < used_last ? across_ : across_ - 1) * deep_;  // of a batch
  const std::int64_t fold = index / steps;
  return {fold / folds * across_ * deep_ + fold % folds, index % steps};
}

std::int64_t Folds::last_columns() const { return gemm_.sizes().n - (across_ - 1) * tile_.columns; }

std::vector<Folds::Group> Folds::groups() const {
  std::vector<Group> groups;
  const std::int64_t first = std::min(tile_.rows, gemm_.sizes().k);
  for (const Parts& across : cut(gemm_.sizes().n, tile_.columns)) {
    const std::int64_t count = gemm_.sizes().batch * across.count;
    groups.push_back({first, across.length, false, count});
    for (const Parts& deep : cut(gemm_.sizes().k - first, tile_.rows))
      groups.push_back({deep.length, across.length, true, count * deep.count});
  }
  return groups;
}

}  // namespace cairn::mapping
