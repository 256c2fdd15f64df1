// Flow: when a multiplier works that takes the first window of each row from the distribution network and the others
// from its neighbour, a cycle after that used them. Those of the first window may wait until it is `ready`, through
// with the round before. Pure.
#pragma once

#include <utility>

#include "kernel/stream.h"

namespace cairn::fabric {

// `window`: inputs of a window; `windows`: in a row.
inline kernel::Stream handed_on(const kernel::Stream& own, const kernel::Stream& neighbour, Count window, Count windows,
                                Cycle ready) {
  kernel::Reader first_windows(own);
  kernel::Reader left_over(neighbour);
  kernel::Server multiplier(1, ready);
  while (!left_over.at_end()) {
    first_windows.take(window, [&](const kernel::Piece& piece) { multiplier.take(piece); });
    left_over.take(window * (windows - 1), [&](kernel::Piece piece) {
      ++piece.first;
      multiplier.take(piece);
    });
    left_over.take(window, [](const kernel::Piece&) {});  // of no use beyond the row
  }
  return std::move(multiplier.departures);
}

}  // namespace cairn::fabric
