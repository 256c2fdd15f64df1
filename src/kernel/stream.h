// The flow algebra: time as data. A stream is a compressed, sorted sequence of arrival times on one lane; a component's
// `flow` maps streams to streams, exactly and without a loop over cycles. Operations are max-plus: delay adds, join
// takes the later, a server spaces. docs/design/0002-flow-algebra.md has the laws.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "kernel/pieces.h"
#include "util/units.h"

namespace cairn::kernel {

class Stream {
 public:
  Stream() = default;
  // `count` items from cycle `first` on, one every `step` cycles.
  static Stream regular(Cycle first, Cycle step, Count count);
  // Compresses a sorted list of times.
  static Stream of(std::span<const Cycle> sorted_times);

  Count count() const;
  bool empty() const { return pieces_.empty(); }
  Cycle first() const { return pieces_.front().first; }
  Cycle last() const { return pieces_.back().last(); }
  const Pieces& pieces() const { return pieces_; }
  std::vector<Cycle> times() const;

  // Every item `cycles` later: a pipeline, a wire.
  Stream delayed(Cycle cycles) const;
  void delay(Cycle cycles);
  void clear() { pieces_.clear(); }
  // The n-th, 2n-th, ... item: an accumulator that emits one sum for n products. The count must be a multiple of n.
  Stream every(Count n) const;
  // A server that takes the items in order and is busy `service` cycles with each; an item leaves when its service
  // starts, not before `free_at`.
  Stream served(Cycle service, Cycle free_at = std::numeric_limits<Cycle>::min()) const;
  // Items `first` to `first + count - 1`, or to the end if there are fewer.
  Pieces slice(Count first, Count count) const;
  Count count_before(Cycle time) const;

  // Adds items at the end; none may come before the last.
  void append(Piece piece) {
    if (piece.count == 0) return;
    if (piece.count == 1) piece.step = 0;
    if (pieces_.empty() || !extend(pieces_.back(), piece)) pieces_.push_back(piece);
  }
  void append(const Stream& later);

  bool operator==(const Stream&) const = default;

 private:
  // Adds a piece to the one before it, if both together are one.
  static bool extend(Piece& back, const Piece& piece);

  Pieces pieces_;
};

// A server that is given its items piece by piece. They are served in that order, whatever their times: one that is
// there before its predecessor waits for it.
class Server {
 public:
  Server(Cycle service, Cycle free_at) : service_(service), free_at_(free_at) {}
  void take(const Piece& piece);
  Stream departures;

 private:
  Cycle service_;
  Cycle free_at_;
};

// Reads a stream from the front, a number of items at a time.
class Reader {
 public:
  explicit Reader(const Stream& stream) : pieces_(stream.pieces()) {}
  bool at_end() const { return piece_ == pieces_.size(); }
  // Calls f(piece) for each part of the next `count` items.
  template <class F>
  void take(Count count, F f) {
    while (count > 0 && !at_end()) {
      const Piece& piece = pieces_[piece_];
      const Count taken = std::min(count, piece.count - used_);
      f(Piece{piece.at(used_), piece.step, taken});
      count -= taken;
      used_ += taken;
      if (used_ == piece.count) ++piece_, used_ = 0;
    }
  }

 private:
  std::span<const Piece> pieces_;
  std::size_t piece_ = 0;
  Count used_ = 0;  // items of this piece
};

// The k-th item of the result is there when the k-th of both is: a multiplier that needs two operands. Equal counts.
Stream join(const Stream& a, const Stream& b);

// All items of all streams in order of arrival: several sources at one port. Costs the number of items.
Stream merge(std::span<const Stream> streams);

}  // namespace cairn::kernel
