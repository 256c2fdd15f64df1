#include "engine/bitmap_program.h"

#include <algorithm>
#include <bit>

namespace cairn::engine {

using fabric::Position;
using fabric::StepKind;

BitmapProgram::BitmapProgram(const arch::SparseArray& array, const SparseOperands& operands,
                             const mapping::SparseTile& tile, Progress progress)
    : array_(array), operands_(operands), progress_(std::move(progress)) {
  const std::vector<std::int64_t>& begin = operands.stationary().begin;
  const std::int64_t vectors = operands.vectors();
  for (std::int64_t b = 0; b < operands.batch(); ++b) {
    std::vector<std::int64_t> sizes;
    for (std::int64_t v = b * vectors; v < (b + 1) * vectors; ++v)
      sizes.push_back(begin[static_cast<std::size_t>(v) + 1] - begin[static_cast<std::size_t>(v)]);
    const std::vector<std::int64_t> order = mapping::schedule(tile.policy, sizes, array.multipliers, tile.seed);
    order_.insert(order_.end(), order.begin(), order.end());
    cut(b);
  }
  fold_of_lane_.assign(static_cast<std::size_t>(array.multipliers), 0);
  enter(0);
}

BitmapProgram::Vector BitmapProgram::vector(const Fold& fold, int i) const {
  const auto at = static_cast<std::size_t>(fold.batch * operands_.vectors() + fold.position + i);
  const auto row = static_cast<std::size_t>(fold.batch * operands_.vectors() + order_[at]);
  const std::vector<std::int64_t>& begin = operands_.stationary().begin;
  if (fold.begin < fold.end) {  // a part
    return {order_[at], static_cast<std::size_t>(fold.begin), static_cast<std::size_t>(fold.end)};
  }
  return {order_[at], static_cast<std::size_t>(begin[row]), static_cast<std::size_t>(begin[row + 1])};
}

// Consecutive vectors share a fold while they fit.
void BitmapProgram::cut(std::int64_t batch) {
  for (std::int64_t position = 0; position < operands_.vectors();) {
    Fold fold{.batch = batch,
              .position = position,
              .begin = 0,
              .end = 0,
              .from = 0,
              .to = operands_.length(),
              .vectors = 0,
              .ones = 0,
              .continues = false,
              .before = 0};
    while (position < operands_.vectors()) {
      const Vector next = vector(fold, fold.vectors);
      const auto size = static_cast<std::int64_t>(next.end - next.begin);
      if (fold.ones + size > array_.multipliers) break;
      fold.ones += static_cast<int>(size);
      ++fold.vectors;
      ++position;
    }
    if (fold.vectors > 0) {
      add(fold);
    } else {
      cut_vector(batch, position++);
    }
  }
}

// A vector that does not fit takes several folds, the later ones with its partial sums, which take a multiplier where
// they stream. What was streamed past the entries of one fold is not streamed in the next.
void BitmapProgram::cut_vector(std::int64_t batch, std::int64_t position) {
  Fold fold{.batch = batch,
            .position = position,
            .begin = 0,
            .end = 0,
            .from = 0,
            .to = 0,
            .vectors = 1,
            .ones = 0,
            .continues = false,
            .before = 0};
  const Vector whole = vector(fold, 0);
  const auto end = static_cast<std::int64_t>(whole.end);
  const std::vector<std::int32_t>& column = operands_.stationary().column;
  for (auto begin = static_cast<std::int64_t>(whole.begin); begin < end; begin = fold.end) {
    const int room = array_.multipliers - (streams_psums(fold) ? 1 : 0);
    fold.begin = begin;
    fold.end = std::min<std::int64_t>(end, begin + room);
    fold.ones = static_cast<int>(fold.end - fold.begin);
    fold.to = fold.end == end ? operands_.length() : column[static_cast<std::size_t>(fold.end) - 1] + 1;
    add(fold);
    fold.from = fold.to;
    fold.continues = true;
  }
}

void BitmapProgram::add(Fold fold) {
  if (!folds_.empty()) fold.before = folds_.back().before + folds_.back().vectors * operands_.steps();
  folds_.push_back(fold);
}

fabric::Round BitmapProgram::at(Count index) const {
  const Fold& fold = folds_[static_cast<std::size_t>(index)];
  const std::vector<Count>& streamed = operands_.streamed_before(fold.batch);
  fabric::Round round;
  round.steps = 1;
  round.used = round.valid = {1, fold.vectors};
  round.results = round.outputs = fold.vectors * operands_.steps();
  round.weight_reads = fold.ones;
  round.input_reads = streamed[static_cast<std::size_t>(fold.to)] - streamed[static_cast<std::size_t>(fold.from)];
  round.dropped = index == 0 ? 0 : folds_[static_cast<std::size_t>(index) - 1].ones;
  round.adds = fold.continues && !array_.psums_streamed;
  round.before = fold.before;
  round.awaited = array_.fold_barrier || index + 1 == size() ? fold.before + round.results : 0;
  return round;
}

std::optional<BitmapProgram::Single> BitmapProgram::single(Count index) const {
  const Fold& fold = folds_[static_cast<std::size_t>(index)];
  if (fold.vectors > 1) return std::nullopt;
  return Single{fold.ones, streams_psums(fold), fold.continues && !array_.psums_streamed};
}

void BitmapProgram::enter(Count round) {
  fold_ = static_cast<std::size_t>(round);
  const Fold& fold = folds_[fold_];
  const int psums = streams_psums(fold) ? 1 : 0;
  clusters_.count = fold.vectors;
  clusters_.psum_multiplier = clusters_.psums_streamed = psums > 0;
  clusters_.ends.clear();
  int used = psums;
  entries_.clear();
  for (int i = 0; i < fold.vectors; ++i) {
    const Vector v = vector(fold, i);
    for (std::size_t entry = v.begin; entry < v.end; ++entry) entries_.push_back(entry);
    used += static_cast<int>(v.end - v.begin);
    clusters_.ends.push_back(used);
  }
  make_packets(fold);
}

// A weight to each multiplier; an input to all multipliers that hold its column, in the order of columns, after the
// partial sum.
void BitmapProgram::make_packets(const Fold& fold) {
  const int psums = streams_psums(fold) ? 1 : 0;
  fabric::Multicasts& weights = packets_[static_cast<std::size_t>(StepKind::weights)];
  fabric::Multicasts& inputs = packets_[static_cast<std::size_t>(StepKind::window)];
  weights.clear();
  inputs.clear();
  for (int m = psums; m < psums + fold.ones; ++m) weights.add(m);
  if (psums > 0) inputs.add(0);
  const std::vector<std::int32_t>& column = operands_.stationary().column;
  columns_.clear();
  if (fold.vectors > 1) return group_by_column();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    columns_.push_back(column[entries_[i]]);
    inputs.add(psums + static_cast<int>(i));
  }
}

void BitmapProgram::group_by_column() {
  const std::vector<std::int32_t>& column = operands_.stationary().column;
  present_.assign(static_cast<std::size_t>(operands_.length() / 64) + 1, 0);
  const auto bit = [](std::int32_t k) { return std::uint64_t{1} << (static_cast<unsigned>(k) % 64); };
  for (const std::size_t entry : entries_) present_[static_cast<std::size_t>(column[entry]) / 64] |= bit(column[entry]);
  rank_.clear();
  for (std::size_t word = 0; word < present_.size(); ++word) {
    rank_.push_back(static_cast<int>(columns_.size()));
    for (std::uint64_t bits = present_[word]; bits != 0; bits &= bits - 1)
      columns_.push_back(static_cast<std::int32_t>(word * 64) + std::countr_zero(bits));
  }
  const auto packet = [&](std::size_t entry) {
    const auto word = static_cast<std::size_t>(column[entry]) / 64;
    const int before = rank_[word] + std::popcount(present_[word] & (bit(column[entry]) - 1));
    return static_cast<std::size_t>(before);
  };
  packet_of_.clear();
  for (const std::size_t entry : entries_) packet_of_.push_back(packet(entry));
  packets_[static_cast<std::size_t>(StepKind::window)].group(packet_of_, columns_.size());
}

void BitmapProgram::words(const Position& at, std::span<const int> indices, float* out) const {
  if (!operands_.present()) {
    std::fill_n(out, indices.size(), 0.0F);
    return;
  }
  const Fold& fold = folds_[fold_];
  const int psums = streams_psums(fold) ? 1 : 0;
  for (const int index : indices) {
    if (at.kind == StepKind::weights) {
      *out++ = operands_.stationary().value[entries_[static_cast<std::size_t>(index)]];
    } else if (index < psums) {
      *out++ = operands_.output(fold.batch, vector(fold, 0).index, at.window);
    } else {
      *out++ = operands_.streaming(fold.batch, at.window, columns_[static_cast<std::size_t>(index - psums)]);
    }
  }
}

Count BitmapProgram::reads(const Position& at) const {
  const Fold& fold = folds_[fold_];
  if (at.kind == StepKind::weights) return fold.ones;
  return operands_.streamed(fold.batch, at.window, fold.from, fold.to);
}

// Every virtual neuron makes an output of each streaming vector in every fold in which there is one.
fabric::Stored BitmapProgram::store(Count index, int lane, float value) {
  const Count steps = operands_.steps();
  std::size_t& at = fold_of_lane_[static_cast<std::size_t>(lane)];
  if (index > 0 && index % steps == 0) ++at;
  while (folds_[at].vectors <= lane) ++at;
  const Fold& fold = folds_[at];
  if (progress_) progress_(static_cast<Count>(at), size());
  const bool adds = fold.continues && !array_.psums_streamed;
  if (operands_.present()) {
    float& output = operands_.output(fold.batch, vector(fold, lane).index, index % steps);
    output = adds ? output + value : value;
  }
  return adds ? fabric::Stored::added : fabric::Stored::written;
}

}  // namespace cairn::engine
