// The items of several streams in the order of their arrival, and how long they go on in the same pattern: what lets a
// server with many sources be evaluated without visiting every item.
#pragma once

#include <span>
#include <vector>

#include "kernel/stream.h"

namespace cairn::kernel {

class Merged {
 public:
  explicit Merged(std::span<const Stream> sources);

  bool empty() const { return heap_.empty(); }
  Cycle next() const { return heap_.front().time; }
  int source() const { return heap_.front().source; }
  Count sources() const { return static_cast<Count>(heap_.size()); }  // that are not at their end
  void pop();

  // From the next item on, every `period` cycles the same sources send `items` items at the same offsets, `times` times
  // over. `times` is 0 where no such pattern holds for two periods.
  struct Pattern {
    Cycle period = 0;
    Count items = 0;
    Count times = 0;
  };
  Pattern pattern() const;
  // Skips whole periods of the present pattern.
  void skip(const Pattern& pattern, Count periods);

 private:
  struct Head {
    Cycle time;
    int source;
  };
  struct Source {
    std::span<const Piece> pieces;
    std::size_t piece = 0;
    Count taken = 0;  // items of this piece
  };
  static bool later(const Head& a, const Head& b) { return a.time != b.time ? a.time > b.time : a.source > b.source; }
  static const Piece& piece_of(const Source& source) { return source.pieces[source.piece]; }

  std::vector<Source> sources_;
  std::vector<Head> heap_;  // the next item of each source that is not at its end; the earliest in front
};

// Sources that share a server which takes one item a cycle: when each item leaves, by source. `free_at` is the first
// cycle in which the server is free. Who goes first among items of one cycle changes no other departure times.
std::vector<Stream> arbitrate(std::span<const Stream> sources, Cycle free_at);

}  // namespace cairn::kernel
