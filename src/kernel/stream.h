// The flow algebra: time as data. A stream is a compressed, sorted sequence of arrival times on one lane; a component's
// `flow` maps streams to streams, exactly and without a loop over cycles. Operations are max-plus: delay adds, join
// takes the later, a server spaces. docs/design/0002-flow-algebra.md has the laws.
#pragma once

#include <span>
#include <vector>

#include "util/units.h"

namespace cairn::kernel {

// `count` items, the k-th (from 0) arriving at first + k * step.
struct Piece {
  Cycle first;
  Cycle step;
  Count count;

  Cycle at(Count k) const { return first + k * step; }
  Cycle last() const { return at(count - 1); }
  bool operator==(const Piece&) const = default;
};

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
  const std::vector<Piece>& pieces() const { return pieces_; }
  std::vector<Cycle> times() const;

  // Every item `cycles` later: a pipeline, a wire.
  Stream delayed(Cycle cycles) const;
  // The n-th, 2n-th, ... item: an accumulator that emits one sum for n products. The count must be a multiple of n.
  Stream every(Count n) const;
  // A server that takes the items in order and is busy `service` cycles with each; an item leaves when its service
  // starts.
  Stream served(Cycle service) const;

  bool operator==(const Stream&) const = default;

 private:
  friend Stream join(const Stream& a, const Stream& b);
  void append(Piece piece);

  std::vector<Piece> pieces_;
};

// The k-th item of the result is there when the k-th of both is: a multiplier that needs two operands. Equal counts.
Stream join(const Stream& a, const Stream& b);

// All items of all streams in order of arrival: several sources at one port. Costs the number of items.
Stream merge(std::span<const Stream> streams);

}  // namespace cairn::kernel
