#include "kernel/stream.h"

#include <algorithm>
#include <utility>

#include "util/diagnostics.h"

namespace cairn::kernel {

using util::ceil_div;

// Keeps pieces maximal, so that equal sequences have equal representations most of the time and stay short.
bool Stream::extend(Piece& back, const Piece& piece) {
  const Cycle gap = piece.first - back.last();
  const bool fits_back = back.count == 1 || back.step == gap;
  const bool fits_piece = piece.count == 1 || piece.step == gap;
  if (!fits_back || !fits_piece) return false;
  back.step = gap;
  back.count += piece.count;
  return true;
}

Stream Stream::regular(Cycle first, Cycle step, Count count) {
  Stream stream;
  stream.append({first, step, count});
  return stream;
}

Stream Stream::of(std::span<const Cycle> sorted_times) {
  Stream stream;
  for (const Cycle time : sorted_times) stream.append({time, 0, 1});
  return stream;
}

Count Stream::count() const {
  Count total = 0;
  for (const Piece& piece : pieces_) total += piece.count;
  return total;
}

std::vector<Cycle> Stream::times() const {
  std::vector<Cycle> all;
  for (const Piece& piece : pieces_) {
    for (Count k = 0; k < piece.count; ++k) all.push_back(piece.at(k));
  }
  return all;
}

Stream Stream::delayed(Cycle cycles) const {
  Stream later = *this;
  later.delay(cycles);
  return later;
}

void Stream::delay(Cycle cycles) {
  for (Piece& piece : pieces_) piece.first += cycles;
}

Stream Stream::every(Count n) const {
  if (n == 1) return *this;
  Stream chosen;
  Count skip = n - 1;  // items to pass over before the next one that counts
  for (const Piece& piece : pieces_) {
    if (skip < piece.count) {
      const Count taken = (piece.count - 1 - skip) / n + 1;
      chosen.append({piece.at(skip), piece.step * n, taken});
      skip += taken * n;
    }
    skip -= piece.count;
  }
  util::require(skip == n - 1, "kernel.stream", "a stream must hold a whole number of groups");
  return chosen;
}

Stream Stream::served(Cycle service, Cycle free_at) const {
  Server server(service, free_at);
  for (const Piece& piece : pieces_) server.take(piece);
  return std::move(server.departures);
}

void Server::take(const Piece& piece) {
  const Cycle start = std::max(piece.first, free_at_);
  // While there is a backlog items leave `service` apart; where arrivals are slower than that it melts away.
  Count queued = piece.count;
  if (piece.step > service_) queued = std::min(piece.count, ceil_div(start - piece.first, piece.step - service_));
  departures.append({start, service_, queued});
  if (queued < piece.count) departures.append({piece.at(queued), piece.step, piece.count - queued});
  free_at_ = departures.last() + service_;
}

Pieces Stream::slice(Count first, Count count) const {
  Reader reader(*this);
  Pieces cut;
  reader.take(first, [](const Piece&) {});
  reader.take(count, [&](const Piece& piece) { cut.push_back(piece); });
  return cut;
}

Count Stream::count_before(Cycle time) const {
  Count before = 0;
  for (const Piece& piece : pieces_) {
    if (piece.first >= time) break;
    before += piece.last() < time ? piece.count : ceil_div(time - piece.first, piece.step);
  }
  return before;
}

void Stream::append(const Stream& later) {
  for (const Piece& piece : later.pieces_) append(piece);
}

Stream join(const Stream& a, const Stream& b) {
  util::require(a.count() == b.count(), "kernel.stream", "joined streams must have equally many items");
  Stream later;
  std::size_t i = 0;
  std::size_t j = 0;
  Count used_a = 0;  // items already taken of piece i and of piece j
  Count used_b = 0;
  while (i < a.pieces().size()) {
    const Piece& x = a.pieces()[i];
    const Piece& y = b.pieces()[j];
    const Count n = std::min(x.count - used_a, y.count - used_b);
    Piece low{x.at(used_a), x.step, n};
    Piece high{y.at(used_b), y.step, n};
    // Two straight lines cross at most once: `high` is the one that is later at first, `low` overtakes it, if ever, at
    // `k`.
    if (low.first > high.first || (low.first == high.first && low.step > high.step)) std::swap(low, high);
    Count k = n;
    if (low.step > high.step) k = std::min(n, ceil_div(high.first - low.first, low.step - high.step));
    later.append({high.first, high.step, k});
    if (k < n) later.append({low.at(k), low.step, n - k});
    used_a += n;
    used_b += n;
    if (used_a == x.count) ++i, used_a = 0;
    if (used_b == y.count) ++j, used_b = 0;
  }
  return later;
}

Stream merge(std::span<const Stream> streams) {
  std::vector<Cycle> all;
  for (const Stream& stream : streams) {
    for (const Piece& piece : stream.pieces()) {
      for (Count k = 0; k < piece.count; ++k) all.push_back(piece.at(k));
    }
  }
  std::ranges::sort(all);
  return Stream::of(all);
}

}  // namespace cairn::kernel
