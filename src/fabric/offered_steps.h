// Flow: the steps that the memory offers in a round, by kind.
#pragma once

#include <utility>
#include <vector>

#include "fabric/program.h"
#include "kernel/stream.h"

namespace cairn::fabric {

using OfferedSteps = std::vector<std::pair<StepKind, kernel::Piece>>;

// `offers`: when each step is offered. Weights, then for each row the steps of its first window and those that slide.
inline void offered_steps(const kernel::Stream& offers, const Packets& packets, OfferedSteps& steps) {
  steps.clear();
  kernel::Reader reader(offers);
  const auto next = [&](StepKind kind, Count count) {
    reader.take(count, [&](const kernel::Piece& piece) { steps.emplace_back(kind, piece); });
  };
  const auto [weights, firsts, slides] = packets.steps_by_kind();
  const Count rows = slides == 0 ? 1 : packets.rows();
  next(StepKind::weights, weights);
  for (Count row = 0; row < rows; ++row) {
    next(StepKind::window, firsts / rows);
    next(StepKind::slide, slides / rows);
  }
}

}  // namespace cairn::fabric
