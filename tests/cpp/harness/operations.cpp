#include "harness/operations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <numeric>

namespace cairn::testing {
namespace {

// A matrix in memory in any of the layouts that callers have: row-major, transposed, with gaps, one for the whole
// batch.
workload::MatrixView random_layout(SplitMix64& random, std::int64_t batch, std::int64_t rows, std::int64_t columns,
                                   double density, std::vector<float>& words) {
  const std::int64_t gap = random.one_in(3) ? random.between(1, 3) : 0;
  const bool transposed = random.one_in(3);
  const bool shared = random.one_in(4);
  const std::int64_t line = (transposed ? rows : columns) + gap;
  const std::int64_t matrix = line * (transposed ? columns : rows);
  words = random_words(random, matrix * (shared ? 1 : batch), density);
  return {words.data(), shared ? 0 : matrix, transposed ? 1 : line, transposed ? line : 1};
}

void add_dimension(SplitMix64& random, Conv::Sizes& s, std::int64_t largest) {
  const std::int64_t kernel = random.between(1, 3);
  const std::int64_t dilation = random.between(1, 2);
  const std::int64_t begin = random.between(0, 2);
  const std::int64_t end = random.between(0, 2);
  const std::int64_t reach = (kernel - 1) * dilation + 1;
  const std::int64_t smallest = std::max(std::int64_t{1}, reach - begin - end);
  s.kernel.push_back(kernel);
  s.dilation.push_back(dilation);
  s.pad_begin.push_back(begin);
  s.pad_end.push_back(end);
  s.stride.push_back(random.between(1, 3));
  s.input.push_back(random.between(smallest, std::max(smallest, largest)));
}

}  // namespace

Gemm random_gemm(SplitMix64& random, std::int64_t largest) {
  const auto size = [&] { return random.one_in(6) ? 1 : random.between(1, largest); };
  return Gemm({.m = size(), .n = size(), .k = size(), .batch = random.one_in(3) ? random.between(2, 3) : 1});
}

Conv random_conv(SplitMix64& random) {
  Conv::Sizes s{.batch = random.between(1, 2), .groups = random.one_in(3) ? random.between(2, 3) : 1};
  s.channels = s.groups * random.between(1, 3);
  s.filters = s.groups * random.between(1, 5);
  const std::int64_t rank = random.between(1, 3);
  for (std::int64_t d = 0; d < rank; ++d) add_dimension(random, s, rank == 3 ? 4 : 7);
  return Conv(s);
}

MaxPool random_maxpool(SplitMix64& random) {
  const Conv::Sizes s = random_conv(random).sizes();
  MaxPool::Sizes pool{.batch = s.batch,
                      .channels = s.channels,
                      .input = s.input,
                      .kernel = s.kernel,
                      .stride = s.stride,
                      .pad_begin = s.pad_begin,
                      .pad_end = s.pad_end,
                      .dilation = s.dilation,
                      .ceil_mode = random.one_in(2)};
  if (random.one_in(2)) {  // windows that slide by one
    pool.stride.back() = pool.dilation.back() = 1;
    pool.input.back() += random.between(0, 4);
  }
  return MaxPool(pool);
}

Operation random_operation(SplitMix64& random) {
  if (random.one_in(2)) return random_conv(random);
  return random_gemm(random);
}

Operation random_sliding_operation(SplitMix64& random) {
  if (random.one_in(3)) return random_gemm(random, 14);
  Conv::Sizes s = random_conv(random).sizes();
  if (random.one_in(3)) return Conv(s);
  s.stride.back() = s.dilation.back() = 1;
  s.input.back() += random.between(0, 4);
  return Conv(s);
}

// The product of the sizes stays within the budget. Some tiles divide the operation, some hang over, and some are
// larger than a loop. Half of them take whole kernel rows and one window at a time, which then can slide.
NamedTile random_named_tile(SplitMix64& random, const Operation& operation, std::int64_t budget) {
  const mapping::Nest nest = mapping::nest_of(operation);
  const NamedTile whole = mapping::named_tile(nest, {nest.sizes});
  NamedTile tile = mapping::named_tile(nest, {{}});
  std::vector<std::string> letters;
  for (const auto& [letter, size] : tile) letters.push_back(letter);
  const bool dividing = random.one_in(2);
  if (random.one_in(2) && !nest.matrix && whole.at("S") <= budget) {
    tile["S"] = whole.at("S");
    budget /= whole.at("S");
    std::erase_if(letters, [](const std::string& letter) { return letter == "S" || letter == "Y"; });
  }
  while (!letters.empty() && budget > 1) {
    const auto chosen = letters.begin() + random.between(0, static_cast<std::int64_t>(letters.size()) - 1);
    const std::int64_t all = whole.at(*chosen);
    std::int64_t size = std::min(budget, random.between(1, all + (random.one_in(4) ? 2 : 0)));
    while (dividing && all % size != 0) --size;
    tile[*chosen] = size;
    budget /= size;
    letters.erase(chosen);
  }
  return tile;
}

namespace {

mapping::SparseTile random_order(SplitMix64& random, mapping::SparseTile tile) {
  if (random.one_in(2)) return tile;
  tile.policy = static_cast<mapping::Schedule>(random.between(0, 3));
  tile.seed = random.next();
  return tile;
}

// Of as many columns and as deep as fits. Virtual neurons of one multiplier would not always be legal.
mapping::SparseTile random_rows(SplitMix64& random, const arch::Machine& machine, const Operation& operation) {
  const arch::SparseArray array = arch::sparse_array(machine);
  const std::int64_t length = lowered(operation).sizes().k;
  const std::int64_t depth =
      array.only_over_time
          ? 1
          : random.between(array.folds_singles ? 1 : 2,
                           std::max<std::int64_t>(2, std::min<std::int64_t>(length, array.multipliers)));
  return random_order(random, {random.between(1, array.multipliers / depth), depth});
}

}  // namespace

engine::Tile random_tile(SplitMix64& random, const arch::Machine& machine, const Operation& operation) {
  if (machine.family == "systolic") {
    const arch::SystolicArray array = arch::systolic_array(machine);
    if (random.one_in(2)) return mapping::Tile{array.rows, array.columns};
    return mapping::Tile{random.between(1, array.rows), random.between(1, array.columns)};
  }
  if (arch::control(machine) == arch::Control::outputs) return std::monostate{};
  if (arch::control(machine) == arch::Control::bitmaps) return random_order(random, {});
  if (arch::control(machine) == arch::Control::rows) return random_rows(random, machine, operation);
  const arch::FlexibleArray array = arch::flexible_array(machine);
  const mapping::Nest nest = mapping::nest_of(operation);
  const bool matrix = nest.matrix;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::int64_t budget = random.one_in(2) ? array.multipliers : random.between(1, array.multipliers);
    NamedTile named = random_named_tile(random, operation, budget);
    if (array.only_over_time) {
      for (const char* letter : {"C", "K", "R", "S"}) {
        if (nest.compares ? *letter > 'K' : matrix == (*letter == 'K')) named[letter] = 1;
      }
    }
    try {
      return engine::tile_of(machine, operation, named);
    } catch (const Error&) {  // it does not fit: another
    }
  }
  return engine::tile_of(machine, operation, mapping::named_tile(mapping::nest_of(operation), {{}}));
}

std::string text(const NamedTile& tile) {
  std::vector<std::string> sizes;
  for (const auto& [letter, size] : tile) sizes.push_back(fmt::format("{}={}", letter, size));
  return fmt::format("--tile {}", fmt::join(sizes, ","));
}

std::string text(const Operation& operation) {
  const Gemm::Sizes& g = lowered(operation).sizes();
  const std::string matrices = fmt::format("gemm {} x {} x {}, batch {}", g.m, g.n, g.k, g.batch);
  if (const auto* pool = std::get_if<MaxPool>(&operation)) {
    const MaxPool::Sizes& s = pool->sizes();
    return fmt::format("maxpool batch {} channels {} input {} kernel {} stride {} pads {} {} dilation {} ceil {}",
                       s.batch, s.channels, s.input, s.kernel, s.stride, s.pad_begin, s.pad_end, s.dilation,
                       s.ceil_mode);
  }
  const Conv* conv = std::get_if<Conv>(&operation);
  if (conv == nullptr) return matrices;
  const Conv::Sizes& s = conv->sizes();
  return fmt::format(
      "conv batch {} channels {} filters {} groups {} input {} kernel {} stride {} pads {} {} dilation {} = {}",
      s.batch, s.channels, s.filters, s.groups, s.input, s.kernel, s.stride, s.pad_begin, s.pad_end, s.dilation,
      matrices);
}

std::vector<float> random_words(SplitMix64& random, std::int64_t count, double density) {
  std::vector<float> words(static_cast<std::size_t>(count));
  for (float& word : words) word = random.operand(density) * (random.one_in(2) ? 1.0F : -1.0F);
  return words;
}

std::int64_t product(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

Densities random_densities(SplitMix64& random) {
  const auto any = [&] { return static_cast<double>(random.between(0, 10)) / 10; };  // all zero and all full too
  return {any(), any()};
}

Data random_data(SplitMix64& random, const Operation& operation, Densities densities) {
  Data data;
  if (const Conv* conv = std::get_if<Conv>(&operation)) {
    const Conv::Sizes& s = conv->sizes();
    data.a = random_words(random, s.batch * s.channels * product(s.input), densities.a);
    data.b = random_words(random, s.filters * (s.channels / s.groups) * product(s.kernel), densities.b);
    data.a_view = {data.a.data(), 0, 0, 0};
    data.b_view = workload::filter_columns(*conv, data.b.data());
    data.expected = workload::reference_conv(*conv, data.a.data(), data.b.data());
    return data;
  }
  if (const auto* pool = std::get_if<MaxPool>(&operation)) {
    data.a = random_words(random, pool->sizes().batch * pool->sizes().channels * product(pool->sizes().input));
    data.a_view.data = data.a.data();
    data.expected = workload::reference_maxpool(*pool, data.a.data());
    return data;
  }
  const Gemm& gemm = std::get<Gemm>(operation);
  const Gemm::Sizes& s = gemm.sizes();
  data.a_view = random_layout(random, s.batch, s.m, s.k, densities.a, data.a);
  data.b_view = random_layout(random, s.batch, s.k, s.n, densities.b, data.b);
  data.expected = workload::reference_gemm(gemm, data.a_view, data.b_view);
  return data;
}

}  // namespace cairn::testing
