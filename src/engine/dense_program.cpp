#include "engine/dense_program.h"

#include <algorithm>

namespace cairn::engine {

using fabric::Multicast;
using fabric::Position;
using fabric::StepKind;
using mapping::Loop;

namespace {

// The input positions that a tile of `outputs` needs along one axis, from the first on.
std::vector<std::int64_t> offsets(std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t dilation) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < outputs; ++i) {
    for (std::int64_t r = 0; r < kernel; ++r) all.push_back(i * stride + r * dilation);
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// How many of `offsets` a kernel position lies over that is inside the layer: `left` of its positions, those of this
// tile included, are.
Count read(const std::vector<std::int64_t>& offsets, std::int64_t left, std::int64_t tile, std::int64_t dilation) {
  const std::int64_t outside = std::max<std::int64_t>(0, tile - left) * dilation;
  return std::ranges::count_if(offsets, [&](std::int64_t at) { return at <= offsets.back() - outside; });
}

// The same for all tiles of the kernel; only the last one can hang over.
Count read_by_all(const std::vector<std::int64_t>& offsets, std::int64_t size, std::int64_t tile,
                  std::int64_t dilation) {
  const std::int64_t last = size % tile;
  return size / tile * static_cast<Count>(offsets.size()) + (last == 0 ? 0 : read(offsets, last, tile, dilation));
}

std::int64_t place(const std::array<std::int64_t, 5>& strides, std::int64_t n, std::int64_t g, std::int64_t c,
                   std::int64_t x, std::int64_t y) {
  return n * strides[0] + g * strides[1] + c * strides[2] + x * strides[3] + y * strides[4];
}

}  // namespace

DenseProgram::DenseProgram(const mapping::Nest& nest, const mapping::DenseTile& tile, const arch::FlexibleArray& array,
                           const NestOperands& operands, Progress progress)
    : nest_(nest),
      tile_(tile),
      array_(array),
      iterations_(nest, tile),
      operands_(operands),
      progress_(std::move(progress)) {
  clusters_.compares = nest.compares;
  clusters_.folds = array.folding == arch::Folding::buffer ? 1 : iterations_.folds();
  clusters_.psum_multiplier = clusters_.folds > 1 && array.folding == arch::Folding::multipliers;
  clusters_.count = static_cast<int>(tile.clusters());
  clusters_.size = static_cast<int>(tile.cluster()) + (clusters_.psum_multiplier ? 1 : 0);
  const bool slides = array.forwards && tile_.sizes[Loop::y] == 1 && nest.stride[1] == 1 && nest.dilation[1] == 1 &&
                      size(Loop::s) % tile_.sizes[Loop::s] == 0 && tile_.sizes[Loop::s] > 1;
  clusters_.slide = slides ? static_cast<int>(tile_.sizes[Loop::s]) : 0;
  clusters_.rightward = slides && array.rightward;
  passes_ = clusters_.psum_multiplier ? clusters_.folds : 1;
  if (!nest.compares) make_weights();
  make_inputs();
}

int DenseProgram::cluster(std::int64_t n, std::int64_t g, std::int64_t k, std::int64_t x, std::int64_t y) const {
  return static_cast<int>((((n * tile(Loop::g) + g) * tile(Loop::k) + k) * tile(Loop::x) + x) * tile(Loop::y) + y);
}

// The multiplier of a virtual neuron for a product. The newest inputs are needed by the last kernel column, which is
// where they enter, at the end from which they are handed on.
int DenseProgram::slot(std::int64_t c, std::int64_t r, std::int64_t s) const {
  const std::int64_t column = clusters_.rightward ? tile(Loop::s) - 1 - s : s;
  return static_cast<int>((c * tile(Loop::r) + r) * tile(Loop::s) + column) + (clusters_.psum_multiplier ? 1 : 0);
}

// A weight goes to the virtual neurons of its filter, one for each image and pixel of the tile.
void DenseProgram::make_weights() {
  Multicast to;
  for (std::int64_t g = 0; g < tile(Loop::g); ++g) {
    for (std::int64_t k = 0; k < tile(Loop::k); ++k) {
      for (std::int64_t c = 0; c < tile(Loop::c); ++c) {
        for (std::int64_t r = 0; r < tile(Loop::r); ++r) {
          for (std::int64_t s = 0; s < tile(Loop::s); ++s) {
            to.clear();
            for (std::int64_t n = 0; n < tile(Loop::n); ++n) {
              for (std::int64_t x = 0; x < tile(Loop::x); ++x) {
                for (std::int64_t y = 0; y < tile(Loop::y); ++y)
                  to.push_back(cluster(n, g, k, x, y) * clusters_.size + slot(c, r, s));
              }
            }
            packets_[0].add(to);
            weights_.push_back({g, k, c, r, s});
          }
        }
      }
    }
  }
}

// An input goes to every multiplier of the tile whose kernel position lies over it, in all filters.
void DenseProgram::make_inputs() {
  offsets_x_ = offsets(tile(Loop::x), tile(Loop::r), nest_.stride[0], nest_.dilation[0]);
  offsets_y_ = offsets(tile(Loop::y), tile(Loop::s), nest_.stride[1], nest_.dilation[1]);
  struct Use {
    std::int64_t output, kernel;
  };
  const auto uses = [](std::int64_t at, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                       std::int64_t dilation) {
    std::vector<Use> found;
    for (std::int64_t i = 0; i < outputs; ++i) {
      const std::int64_t from = at - i * stride;
      if (from >= 0 && from % dilation == 0 && from / dilation < kernel) found.push_back({i, from / dilation});
    }
    return found;
  };
  Multicast to;
  std::vector<std::int64_t> ys = offsets_y_;
  if (clusters_.rightward) std::ranges::reverse(ys);  // in the order of the multipliers
  std::vector<std::vector<Use>> uses_of_ys;
  uses_of_ys.reserve(ys.size());
  for (const std::int64_t y : ys)
    uses_of_ys.push_back(uses(y, tile(Loop::y), tile(Loop::s), nest_.stride[1], nest_.dilation[1]));
  for (const std::int64_t x : offsets_x_) {
    const std::vector<Use> rows = uses(x, tile(Loop::x), tile(Loop::r), nest_.stride[0], nest_.dilation[0]);
    for (std::size_t i = 0; i < ys.size(); ++i) {
      const std::int64_t y = ys[i];
      const std::vector<Use>& columns = uses_of_ys[i];
      for (std::int64_t n = 0; n < tile(Loop::n); ++n) {
        for (std::int64_t g = 0; g < tile(Loop::g); ++g) {
          for (std::int64_t c = 0; c < tile(Loop::c); ++c) {
            to.clear();  // ascending, as virtual neurons are
            for (std::int64_t k = 0; k < tile(Loop::k); ++k) {
              for (const Use& row : rows) {
                for (const Use& column : columns) {
                  to.push_back(cluster(n, g, k, row.output, column.output) * clusters_.size +
                               slot(c, row.kernel, column.kernel));
                }
              }
            }
            if (clusters_.slide > 0 && y == offsets_y_.back()) {
              packets_[static_cast<std::size_t>(StepKind::slide)].add(to);
              slides_.push_back(inputs_.size());
            }
            packets_[static_cast<std::size_t>(StepKind::window)].add(to);
            inputs_.push_back({x, y, n, g, c});
            places_.push_back(place(operands_.input_strides, n, g, c, x, y));
          }
        }
      }
    }
  }
}

DenseProgram::Block DenseProgram::block(Count round) const {
  const std::int64_t k = round % iterations_[Loop::k];
  round /= iterations_[Loop::k];
  const Count fold = round % rounds_of_block();
  round /= rounds_of_block();
  return {round / iterations_[Loop::g], round % iterations_[Loop::g], k, fold};
}

DenseProgram::Fold DenseProgram::fold(Count index) const {
  const std::int64_t s = index % iterations_[Loop::s];
  const std::int64_t r = index / iterations_[Loop::s] % iterations_[Loop::r];
  return {r, s, index / iterations_[Loop::s] / iterations_[Loop::r]};
}

Count DenseProgram::results_of_round() const { return iterations_.windows() * passes_ * clusters_.count; }

// The controller counts finished channels: outputs stored, over the outputs of a channel (spec dense 3.3). Where tiles
// hang over the layer the extra outputs count as well, so the next round begins before this one is through; images
// after the first are not counted at all and follow each other freely. Rounds that add to what others have stored, or
// that begin behind a barrier, wait for everything.
Count DenseProgram::awaited(Count round) const {
  if (round + 1 == size() || folds_outside() || array_.row_barrier) return results_of_round() * (round + 1);
  const Block next = block(round + 1);
  if (next.n > 0) return 0;
  const Count channels = next.g * tile(Loop::g) * size(Loop::k) + next.k * tile(Loop::k) * tile(Loop::g);
  return channels * size(Loop::x) * size(Loop::y) * passes_;
}

fabric::Round DenseProgram::at(Count index) const {
  const Block at = block(index);
  fabric::Round round;
  round.steps = clusters_.folds;
  round.used = {1, clusters_.count};
  round.valid = round.used;
  round.results = results_of_round();
  const auto valid = [&](Loop loop, std::int64_t tile_index) {
    return std::min(tile(loop), size(loop) - tile_index * tile(loop));
  };
  round.outputs =
      valid(Loop::n, at.n) * valid(Loop::g, at.g) * valid(Loop::k, at.k) * size(Loop::x) * size(Loop::y) * passes_;
  if (!nest_.compares)
    round.weight_reads = folds_outside() ? reads({index, 0, 0, 0, StepKind::weights}) : weight_reads(at);
  round.input_reads = folds_outside() ? input_reads_of_fold(index) : input_reads();
  round.dropped = index == 0 || nest_.compares ? 0 : clusters_.used() * clusters_.folds;
  round.adds = at.fold > 0;
  round.before = index * round.results;
  round.awaited = awaited(index);
  return round;
}

// What a round leaves to be awaited grows evenly but for the ends of a group's filters and of an image, so the first
// round that is not awaited to its end is the first of all, or one of those.
Count DenseProgram::first_overlapping() const {
  const Count group = iterations_[Loop::k] * rounds_of_block();
  for (const Count rounds : {Count{1}, group, group * iterations_[Loop::g]}) {
    if (rounds < size() && awaited(rounds - 1) != rounds * results_of_round()) return rounds;
  }
  return size();
}

std::array<Count, DenseProgram::kDigits> DenseProgram::digits() const {
  const auto fold = [&](Loop loop) { return folds_outside() ? iterations_[loop] : 1; };
  return {iterations_[Loop::n], iterations_[Loop::g], fold(Loop::c),
          fold(Loop::r),        fold(Loop::s),        iterations_[Loop::k]};
}

// A number below `end` shares some leading digits with it, has a smaller one next, and any after that.
DenseProgram::Kinds DenseProgram::kinds(Count end) const {
  const std::array<Count, kDigits> radix = digits();
  Kinds kinds;
  Count weight = size();
  Count shared = 0;
  for (std::size_t digit = 0; digit < kDigits; ++digit) {
    weight /= radix.at(digit);
    const Count smaller = (end - shared) / weight;
    if (smaller > 0) add_kinds(kinds, digit, smaller, shared, 1);
    shared += smaller * weight;
  }
  return kinds;
}

// Rounds differ where a loop begins (the first round of all, the first fold) and where it ends (its tile may hang
// over), so of each digit the first and the last value stand for themselves, the second for all between.
void DenseProgram::add_kinds(Kinds& kinds, std::size_t digit, Count limit, Count round, Count times) const {
  const std::array<Count, kDigits> radix = digits();
  Count weight = 1;
  for (std::size_t lower = digit + 1; lower < kDigits; ++lower) weight *= radix.at(lower);
  const auto stand_for = [&](Count value, Count values) {
    if (values <= 0) return;
    const Count chosen = round + value * weight;
    if (digit + 1 < kDigits) {
      add_kinds(kinds, digit + 1, radix.at(digit + 1), chosen, times * values);
      return;
    }
    fabric::Round kind = at(chosen);
    kind.before = 0;
    kind.awaited = kind.results;
    kinds[kind] += times * values;
  };
  const bool ends = limit == radix.at(digit) && limit > 1;
  stand_for(0, 1);
  stand_for(1, limit - 1 - (ends ? 1 : 0));
  if (ends) stand_for(limit - 1, 1);
}

fabric::Stored DenseProgram::store(Count index, int lane, float value) {
  if (progress_) progress_(index, size() * results_of_round() / clusters_.count);
  const Count window = index / passes_;
  const Block at = block(window / iterations_.windows());
  const Count within = window % iterations_.windows();
  std::int64_t rest = lane;
  const auto next = [&](Loop loop) {
    const std::int64_t digit = rest % tile(loop);
    rest /= tile(loop);
    return digit;
  };
  const std::int64_t y = within % iterations_[Loop::y] * tile(Loop::y) + next(Loop::y);
  const std::int64_t x = within / iterations_[Loop::y] * tile(Loop::x) + next(Loop::x);
  const std::int64_t k = at.k * tile(Loop::k) + next(Loop::k);
  const std::int64_t g = at.g * tile(Loop::g) + next(Loop::g);
  const std::int64_t n = at.n * tile(Loop::n) + next(Loop::n);
  if (y >= size(Loop::y) || x >= size(Loop::x) || k >= size(Loop::k) || g >= size(Loop::g) || n >= size(Loop::n))
    return fabric::Stored::dropped;
  if (operands_.present()) {
    const auto& s = operands_.output_strides;
    float& output = operands_.output[n * s[0] + g * s[1] + k * s[2] + x * s[3] + y * s[4]];
    output = at.fold > 0 ? clusters_.combined(output, value) : value;
  }
  return at.fold > 0 ? fabric::Stored::added : fabric::Stored::written;
}

void DenseProgram::words(const Position& at, std::span<const int> indices, float* out) const {
  if (!operands_.present()) {
    std::fill_n(out, indices.size(), 0.0F);
    return;
  }
  if (at != origin_.at) origin_ = origin(at);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto packet = static_cast<std::size_t>(indices[i]);
    if (at.kind == StepKind::weights) {
      out[i] = weight(weights_[packet]);
      continue;
    }
    const std::size_t index = at.kind == StepKind::slide ? slides_[packet] : packet;
    out[i] = origin_.input != nullptr ? origin_.input[places_[index]] : input(inputs_[index]);
  }
}

// The ports are mostly at the same step, so its origin is kept.
DenseProgram::Origin DenseProgram::origin(const Position& at) const {
  const Block b = block(at.round);
  const Fold f = fold(b.fold + at.fold);
  Origin origin{.at = at};
  origin.n = b.n * tile(Loop::n);
  origin.g = b.g * tile(Loop::g);
  origin.k = b.k * tile(Loop::k);
  origin.c = f.c * tile(Loop::c);
  origin.r = begin(Loop::r, f.r);
  origin.s = begin(Loop::s, f.s);
  origin.x = at.row * tile(Loop::x) * nest_.stride[0] + origin.r * nest_.dilation[0] - operands_.pad[0];
  origin.y = at.window * tile(Loop::y) * nest_.stride[1] + origin.s * nest_.dilation[1] - operands_.pad[1];
  if (at.kind != StepKind::weights && inside(origin)) {
    origin.input = operands_.inputs + place(operands_.input_strides, origin.n, origin.g, origin.c, origin.x, origin.y);
  }
  return origin;
}

float DenseProgram::weight(const Weight& packet) const {
  const std::int64_t g = origin_.g + packet.g;
  const std::int64_t k = origin_.k + packet.k;
  const std::int64_t c = origin_.c + packet.c;
  const std::int64_t r = origin_.r + packet.r;
  const std::int64_t s = origin_.s + packet.s;
  if (g >= size(Loop::g) || k >= size(Loop::k) || c >= size(Loop::c) || r >= size(Loop::r) || s >= size(Loop::s))
    return fabric::padding_weight();
  const auto& strides = operands_.weight_strides;
  return operands_.weights[g * strides[0] + k * strides[1] + c * strides[2] + r * strides[3] + s * strides[4]];
}

bool DenseProgram::inside(const Origin& origin) const {
  return origin.n + tile(Loop::n) <= size(Loop::n) && origin.g + tile(Loop::g) <= size(Loop::g) &&
         origin.c + tile(Loop::c) <= size(Loop::c) && origin.x >= 0 && origin.y >= 0 &&
         origin.x + offsets_x_.back() < operands_.input_sizes[0] &&
         origin.y + offsets_y_.back() < operands_.input_sizes[1];
}

float DenseProgram::input(const Input& packet) const {
  const std::int64_t n = origin_.n + packet.n;
  const std::int64_t g = origin_.g + packet.g;
  const std::int64_t c = origin_.c + packet.c;
  const std::int64_t x = origin_.x + packet.x;
  const std::int64_t y = origin_.y + packet.y;
  if (n >= size(Loop::n) || g >= size(Loop::g) || c >= size(Loop::c)) return clusters_.nothing();
  if (x < 0 || y < 0 || x >= operands_.input_sizes[0] || y >= operands_.input_sizes[1]) return clusters_.nothing();
  return operands_.inputs[place(operands_.input_strides, n, g, c, x, y)];
}

Count DenseProgram::reads(const Position& at) const {
  const Block b = block(at.round);
  const Fold f = fold(b.fold + at.fold);
  const auto left = [&](Loop loop, std::int64_t index) { return size(loop) - begin(loop, index); };
  const auto inside = [&](Loop loop, std::int64_t index) { return std::min(tile(loop), left(loop, index)); };
  const Count channels = inside(Loop::c, f.c);
  if (at.kind == StepKind::weights) {
    return tile(Loop::g) * inside(Loop::k, b.k) * channels * inside(Loop::r, f.r) * inside(Loop::s, f.s);
  }
  const Count columns = at.kind == StepKind::slide
                            ? 1  // where windows slide the kernel is a whole number of tiles
                            : read(offsets_y_, left(Loop::s, f.s), tile(Loop::s), nest_.dilation[1]);
  return tile(Loop::n) * tile(Loop::g) * channels *
         read(offsets_x_, left(Loop::r, f.r), tile(Loop::r), nest_.dilation[0]) * columns;
}

Count DenseProgram::weight_reads(const Block& block) const {
  const std::int64_t filters = std::min(tile(Loop::k), size(Loop::k) - block.k * tile(Loop::k));
  return tile(Loop::g) * filters * size(Loop::c) * size(Loop::r) * size(Loop::s);
}

Count DenseProgram::input_reads() const {
  const Count slides = clusters_.slide > 0 ? windows() - 1 : 0;
  // Where no tile hangs over, each is read whole.
  const auto over = [&](Loop loop) { return nest_.compares ? iterations_[loop] * tile(loop) : size(loop); };
  const Count columns =
      read_by_all(offsets_y_, over(Loop::s), tile(Loop::s), nest_.dilation[1]) * (windows() - slides) +
      iterations_[Loop::s] * slides;
  return tile(Loop::n) * tile(Loop::g) * size(Loop::c) *
         read_by_all(offsets_x_, over(Loop::r), tile(Loop::r), nest_.dilation[0]) * columns * rows();
}

Count DenseProgram::input_reads_of_fold(Count round) const {
  const Count slides = clusters_.slide > 0 ? windows() - 1 : 0;
  return rows() * (reads({round, 0, 0, 0, StepKind::window}) * (windows() - slides) +
                   (slides > 0 ? reads({round, 0, 1, 0, StepKind::slide}) * slides : 0));
}

}  // namespace cairn::engine
