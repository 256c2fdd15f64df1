// A reduction network on a bench, with virtual neurons and their products.
#pragma once

#include "harness/recipe.h"

namespace cairn::testing {

// Product i of multiplier m is 2 ^ i, times m + 1.
struct Reduction : Bench {
  Reduction(const std::string& type, int multipliers, const fabric::Clusters& clusters,
            const schema::Values& changed = {})
      : Bench({.multipliers = multipliers}, "reduction", type, changed), recipe({.groups = clusters}) {
    part->start(recipe.program());
    part->configure(recipe.at(0));
  }

  // The cycles in which results of each virtual neuron become visible; their values are in `values`.
  std::vector<Times> stepped(const std::vector<Times>& products, Cycle last) {
    std::vector<Times> seen(static_cast<std::size_t>(recipe.groups.count));
    values.assign(seen.size(), {});
    lanes.assign(static_cast<std::size_t>(links.sums->lanes()), {});
    std::vector<std::size_t> sent(products.size());
    for (Cycle now = 1; now <= last; ++now) {
      for (std::size_t m = 0; m < products.size(); ++m) {
        if (sent[m] == products[m].size() || products[m][sent[m]] != now) continue;
        links.products->push(static_cast<int>(m), product(m, sent[m]), now);
        ++sent[m];
      }
      part->tick(now);
      for (int lane = 0; lane < links.sums->lanes(); ++lane) {
        for (; links.sums->can_pop(lane, now); lanes[static_cast<std::size_t>(lane)].push_back(now)) {
          const fabric::Result result = links.sums->pop(lane, now);
          seen.at(static_cast<std::size_t>(result.lane)).push_back(now);
          values[static_cast<std::size_t>(result.lane)].push_back(result.value);
        }
      }
    }
    return seen;
  }

  std::vector<Times> flowed(const std::vector<Times>& products) { return flow(*links.products, *links.sums, products); }

  static float product(std::size_t multiplier, std::size_t index) {
    return static_cast<float>(static_cast<std::size_t>(1) << (index % 12)) * static_cast<float>(multiplier + 1);
  }

  // What virtual neuron `v` makes of its products from `first` to `first + count - 1`.
  float sum(int v, std::size_t first, std::size_t count) const {
    float total = 0;
    for (int m = recipe.groups.begin(v); m < recipe.groups.end(v); ++m) {
      for (std::size_t i = first; i < first + count; ++i) total += product(static_cast<std::size_t>(m), i);
    }
    return total;
  }

  Recipe recipe;
  std::vector<std::vector<float>> values;
  std::vector<Times> lanes;  // cycles in which results come out, by accumulation point
};

}  // namespace cairn::testing
