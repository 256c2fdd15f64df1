#include "mapping/candidates.h"

#include <algorithm>
#include <bit>

namespace cairn::mapping {
namespace {

using util::ceil_div;

// The smallest tile for each number of iterations, up to `limit`; or every tile.
std::vector<std::int64_t> sizes(std::int64_t size, std::int64_t limit, bool every) {
  std::vector<std::int64_t> all;
  if (every) {
    for (std::int64_t tile = 1; tile <= std::min(size, limit); ++tile) all.push_back(tile);
    return all;
  }
  for (std::int64_t tile = 1; tile <= std::min(size, limit);) {
    const std::int64_t iterations = ceil_div(size, tile);
    all.push_back(ceil_div(size, iterations));
    if (iterations == 1) break;
    tile = ceil_div(size, iterations - 1);
  }
  return all;
}

// How many different inputs a step takes along one axis.
std::int64_t positions(std::int64_t outputs, std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
  if (outputs == 1 || kernel == 1) return outputs * kernel;
  if (dilation > 1) return outputs + kernel - 1;  // or more: gaps of one window are filled by others
  return std::min(outputs * kernel, kernel + (outputs - 1) * stride);
}

// For each fold of a round.
Count weight_steps(const Nest& nest) { return nest.compares ? 0 : 1; }

class Enumeration {
 public:
  Enumeration(const Nest& nest, const arch::FlexibleArray& array) : nest_(nest), array_(array) {
    constexpr std::int64_t kFew = 200'000;
    std::int64_t tiles = 1;
    for (int i = 0; i < kLoops && tiles <= kFew; ++i)
      tiles *= std::min<std::int64_t>(nest.sizes[static_cast<Loop>(i)], array.multipliers);
    every_ = tiles <= kFew;
  }

  std::vector<Candidate> run() {
    choose(0, 1);
    std::ranges::stable_sort(found_, {}, &Candidate::bound);
    return std::move(found_);
  }

 private:
  void choose(int loop, std::int64_t used) {
    if (loop == kLoops) {
      consider();
      return;
    }
    const auto l = static_cast<Loop>(loop);
    // Over time alone a virtual neuron is one multiplier.
    const bool fixed = array_.only_over_time && (l == Loop::r || l == Loop::s || l == Loop::c);
    for (const std::int64_t size : sizes(nest_.sizes[l], fixed ? 1 : array_.multipliers / used, every_)) {
      tile_.sizes[l] = fixed ? 1 : size;
      choose(loop + 1, used * tile_.sizes[l]);
    }
    tile_.sizes[l] = 1;
  }

  void consider() {
    const Iterations iterations(nest_, tile_);
    const bool folded = iterations.folds() > 1;
    if (cluster_size(nest_, tile_, array_) * tile_.clusters() > array_.multipliers) return;
    if (folded && array_.folding == arch::Folding::reduction && !array_.folds_singles && tile_.cluster() == 1 &&
        tile_.clusters() > 1)
      return;
    const auto at = [&](Loop loop) { return tile_.sizes[loop]; };
    const std::int64_t weights = nest_.compares ? 0 : tile_.cluster() * at(Loop::k) * at(Loop::g);
    const std::int64_t across = at(Loop::n) * at(Loop::g) * at(Loop::c) *
                                positions(at(Loop::x), at(Loop::r), nest_.stride[0], nest_.dilation[0]);
    const std::int64_t inputs = across * positions(at(Loop::y), at(Loop::s), nest_.stride[1], nest_.dilation[1]);
    // In a step of a kind the busiest port sends no less than the mean; that may be another port for each kind.
    const auto busiest = [&](std::int64_t words) { return ceil_div(words, array_.ports); };
    const Count sliding = array_.forwards && slides(nest_, tile_) ? iterations[Loop::x] * (iterations[Loop::y] - 1) : 0;
    const Count whole = iterations.windows() - sliding;
    const Cycle steps = std::max({weight_steps(nest_) + iterations.windows(), whole * busiest(inputs),
                                  sliding * busiest(across), busiest(weights + whole * inputs + sliding * across)});
    found_.push_back({tile_, iterations.rounds() * iterations.folds() * steps});
  }

  const Nest& nest_;
  const arch::FlexibleArray& array_;
  bool every_;  // tile, where there are few: one that hangs over may suit the ports and lines better
  DenseTile tile_;
  std::vector<Candidate> found_;
};

// What a multiplier takes in a step, as numbers that are equal where the word is the same.
struct Takes {
  std::int64_t weight;
  std::int64_t input;
  bool delivered;  // in every window, not only in the first of a row
};

std::vector<Takes> takes(const Nest& nest, const DenseTile& tile, std::int64_t size, bool sliding) {
  std::vector<Takes> all;
  const auto at = [&](Loop loop) { return tile.sizes[loop]; };
  const std::int64_t psum = size - tile.cluster();
  constexpr std::int64_t kSpan = 1 << 15;  // more than any position in a tile
  for (std::int64_t v = 0; v < tile.clusters(); ++v) {
    std::int64_t rest = v;
    const auto digit = [&](Loop loop) {
      const std::int64_t d = rest % at(loop);
      rest /= at(loop);
      return d;
    };
    const std::int64_t y = digit(Loop::y);
    const std::int64_t x = digit(Loop::x);
    const std::int64_t k = digit(Loop::k);
    const std::int64_t g = digit(Loop::g);
    for (std::int64_t i = 0; i < psum; ++i) all.push_back({-1, -1, false});
    for (std::int64_t slot = 0; slot < tile.cluster(); ++slot) {
      const std::int64_t s = slot % at(Loop::s);
      const std::int64_t r = slot / at(Loop::s) % at(Loop::r);
      const std::int64_t c = slot / at(Loop::s) / at(Loop::r);
      const std::int64_t row = x * nest.stride[0] + r * nest.dilation[0];
      const std::int64_t column = y * nest.stride[1] + s * nest.dilation[1];
      const std::int64_t image = (rest * at(Loop::g) + g) * at(Loop::c) + c;
      all.push_back({(g * at(Loop::k) + k) * tile.cluster() + slot, (image * kSpan + row) * kSpan + column,
                     !sliding || s == at(Loop::s) - 1});
    }
  }
  return all;
}

struct PortLoad {
  Count weights = 0;
  Count inputs = 0;
  Count slides = 0;
};

// How many different words a port has to send for its multipliers.
PortLoad port_load(const std::vector<Takes>& all, std::size_t begin, std::size_t end) {
  PortLoad load;
  for (std::size_t i = begin; i < end; ++i) {
    if (all[i].weight < 0) continue;
    bool new_weight = true;
    bool new_input = true;
    bool new_slide = all[i].delivered;
    for (std::size_t j = begin; j < i; ++j) {
      new_weight = new_weight && all[j].weight != all[i].weight;
      if (all[j].input == all[i].input) {
        new_input = false;
        new_slide = new_slide && !all[j].delivered;
      }
    }
    load.weights += new_weight ? 1 : 0;
    load.inputs += new_input ? 1 : 0;
    load.slides += new_slide ? 1 : 0;
  }
  return load;
}

// Words that the tile takes from the buffer at least. What hangs over the layer is sent, but not read.
Count least_reads(const Nest& nest, const DenseTile& tile, Count sliding) {
  const Iterations iterations(nest, tile);
  const auto all = [&](Loop loop) { return iterations[loop] * tile.sizes[loop]; };
  // Over all iterations of a dimension of the kernel, the last of which may be smaller.
  const auto reads = [&](Loop output, Loop kernel, std::size_t dimension) {
    const auto at_once = [&](std::int64_t size) {
      return positions(tile.sizes[output], size, nest.stride[dimension], nest.dilation[dimension]);
    };
    if (nest.compares) return iterations[kernel] * at_once(tile.sizes[kernel]);  // none hangs over
    const std::int64_t rest = nest.sizes[kernel] % tile.sizes[kernel];
    return nest.sizes[kernel] / tile.sizes[kernel] * at_once(tile.sizes[kernel]) + (rest > 0 ? at_once(rest) : 0);
  };
  const Count weights = weight_steps(nest) * iterations[Loop::n] * all(Loop::g) * nest.sizes[Loop::k] *
                        nest.sizes[Loop::c] * nest.sizes[Loop::r] * nest.sizes[Loop::s];
  const Count columns = reads(Loop::y, Loop::s, 1) * (iterations.windows() - sliding) + iterations[Loop::s] * sliding;
  return weights +
         all(Loop::n) * all(Loop::g) * iterations[Loop::k] * nest.sizes[Loop::c] * reads(Loop::x, Loop::r, 0) * columns;
}

}  // namespace

Cycle Loads::least() const { return std::max({distribution, multipliers, collection}) + drain; }

bool slides(const Nest& nest, const DenseTile& tile) {
  return tile.sizes[Loop::y] == 1 && nest.stride[1] == 1 && nest.dilation[1] == 1 && tile.sizes[Loop::s] > 1 &&
         nest.sizes[Loop::s] % tile.sizes[Loop::s] == 0;
}

bool rounds_wait(const Nest& nest, const DenseTile& tile) {
  const auto divides = [&](Loop loop) { return nest.sizes[loop] % tile.sizes[loop] == 0; };
  return tile.sizes[Loop::n] == 1 && nest.sizes[Loop::n] == 1 && divides(Loop::x) && divides(Loop::y) &&
         (nest.sizes[Loop::g] == 1 || divides(Loop::k));
}

std::int64_t cluster_size(const Nest& nest, const DenseTile& tile, const arch::FlexibleArray& array) {
  return tile.cluster() + (Iterations(nest, tile).folds() > 1 && array.folding == arch::Folding::multipliers ? 1 : 0);
}

std::vector<Candidate> candidates(const Nest& nest, const arch::FlexibleArray& array) {
  return Enumeration(nest, array).run();
}

Loads loads(const Nest& nest, const DenseTile& tile, const arch::FlexibleArray& array, Count per_line) {
  const Iterations iterations(nest, tile);
  const std::int64_t size = cluster_size(nest, tile, array);
  const bool hands_on = array.forwards && slides(nest, tile);
  const std::vector<Takes> all = takes(nest, tile, size, hands_on);
  const Count folds = iterations.folds();
  const Count sliding = hands_on ? iterations[Loop::x] * (iterations[Loop::y] - 1) : 0;
  const Count windows = iterations.windows() - sliding;
  Loads loads;
  loads.reads = least_reads(nest, tile, sliding);
  // Ports of their own groups, or all together.
  const int together = array.reaches_all ? array.ports : 1;
  const int group = array.reaches_all ? array.multipliers : array.multipliers / array.ports;
  const auto leaves = static_cast<std::size_t>(group);
  for (std::size_t begin = 0; begin < all.size(); begin += leaves) {
    const PortLoad port = port_load(all, begin, std::min(all.size(), begin + leaves));
    const auto of_steps = [&](Count at_once) {
      return folds * iterations.rounds() *
             (weight_steps(nest) * ceil_div(port.weights, at_once) + windows * ceil_div(port.inputs, at_once) +
              sliding * ceil_div(port.slides, at_once));
    };
    loads.words += of_steps(1);
    loads.distribution = std::max(loads.distribution, of_steps(together));
  }
  loads.multipliers = iterations.rounds() * folds * (weight_steps(nest) + iterations.windows());
  const Count passes = folds > 1 && array.folding != arch::Folding::reduction ? folds : 1;
  loads.collection = per_line * iterations.rounds() * iterations.windows() * passes;
  loads.results = iterations.rounds() * iterations.windows() * passes * tile.clusters();
  const Count sums = iterations.rounds() * iterations.windows() * folds * tile.clusters();
  loads.products = sums * tile.cluster();
  loads.additions = loads.products - sums + (passes > 1 ? sums : sums - loads.results);
  // From the last packet of a round to its last result stored: distribution, multiplier, a level of adders for each
  // doubling of the virtual neuron, bus, write-back.
  const auto path = static_cast<Cycle>(std::bit_width(static_cast<std::uint64_t>(tile.cluster() - 1))) + 3;
  loads.drain = path * (rounds_wait(nest, tile) ? iterations.rounds() : 1);
  return loads;
}

}  // namespace cairn::mapping
