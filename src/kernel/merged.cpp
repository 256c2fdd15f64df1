#include "kernel/merged.h"

#include <algorithm>
#include <numeric>

namespace cairn::kernel {
namespace {

// A pattern of more items than this is not worth looking for, one of a longer period would not be safe to add up.
constexpr Count kMostItems = 1 << 12;
constexpr Cycle kLongestPeriod = Cycle{1} << 40;

}  // namespace

Merged::Merged(std::span<const Stream> sources) {
  sources_.reserve(sources.size());
  heap_.reserve(sources.size());
  for (const Stream& stream : sources) {
    if (!stream.empty()) heap_.push_back({stream.first(), static_cast<int>(sources_.size())});
    sources_.push_back({stream.pieces()});
  }
  std::ranges::make_heap(heap_, later);
}

void Merged::pop() {
  Head head = heap_.front();
  Source& source = sources_[static_cast<std::size_t>(head.source)];
  if (++source.taken == piece_of(source).count) {
    ++source.piece;
    source.taken = 0;
  }
  if (source.piece < source.pieces.size()) {
    head.time = piece_of(source).at(source.taken);
  } else {  // the last one takes its place
    head = heap_.back();
    heap_.pop_back();
    if (heap_.empty()) return;
  }
  // Down to where it belongs: cheaper than out and in again.
  std::size_t at = 0;
  for (std::size_t below = 1; below < heap_.size(); below = 2 * at + 1) {
    if (below + 1 < heap_.size() && later(heap_[below], heap_[below + 1])) ++below;
    if (!later(head, heap_[below])) break;
    heap_[at] = heap_[below];
    at = below;
  }
  heap_[at] = head;
}

// A source takes part if it sends within a step of its own; one that begins later ends the pattern.
Merged::Pattern Merged::pattern() const {
  if (empty()) return {};
  const Cycle begin = next();
  Cycle end = begin;  // of the pattern, exclusive
  bool bounded = false;
  const auto limit = [&](Cycle time) {
    end = bounded ? std::min(end, time) : time;
    bounded = true;
  };
  Pattern found{1, 0, 0};
  for (const Head& head : heap_) {
    const Source& source = sources_[static_cast<std::size_t>(head.source)];
    const Piece& piece = piece_of(source);
    const Count left = piece.count - source.taken;
    if (left < 2 || head.time >= begin + piece.step) {
      limit(head.time);
      continue;
    }
    const Cycle times = piece.step / std::gcd(found.period, piece.step);
    if (times > kLongestPeriod / found.period) return {};
    found.period *= times;
    limit(head.time + piece.step * (left - 1));
  }
  for (const Head& head : heap_) {
    const Source& source = sources_[static_cast<std::size_t>(head.source)];
    const Piece& piece = piece_of(source);
    if (piece.count - source.taken >= 2 && head.time < begin + piece.step) found.items += found.period / piece.step;
  }
  if (found.items > kMostItems) return {};
  found.times = std::max<Count>(0, (end - begin) / found.period);
  return found.times >= 2 ? found : Pattern{};
}

void Merged::skip(const Pattern& pattern, Count periods) {
  const Cycle until = next() + pattern.period * periods;
  for (Head& head : heap_) {
    if (head.time >= until) continue;
    Source& source = sources_[static_cast<std::size_t>(head.source)];
    const Piece& piece = piece_of(source);
    source.taken += pattern.period / piece.step * periods;
    head.time = piece.at(source.taken);
  }
  std::ranges::make_heap(heap_, later);
}

namespace {

struct Departure {
  int source;
  Cycle time;
};

// Appends `periods` repetitions of the departures of one period, each `shift` cycles after the last.
void repeat(std::vector<Stream>& streams, const std::vector<Departure>& period, Cycle shift, Count periods) {
  std::vector<Count> each(streams.size(), 0);
  for (const Departure& d : period) ++each[static_cast<std::size_t>(d.source)];
  for (const Departure& d : period) {
    if (each[static_cast<std::size_t>(d.source)] == 1)
      streams[static_cast<std::size_t>(d.source)].append({d.time + shift, shift, periods});
  }
  for (Count i = 1; i <= periods; ++i) {
    bool some = false;
    for (const Departure& d : period) {
      if (each[static_cast<std::size_t>(d.source)] == 1) continue;
      streams[static_cast<std::size_t>(d.source)].append({d.time + shift * i, 0, 1});
      some = true;
    }
    if (!some) break;
  }
}

// The server: one item a cycle.
class SharedServer {
 public:
  SharedServer(std::span<const Stream> sources, Cycle free_at)
      : items_(sources), free_at_(free_at), departures_(sources.size()) {}

  std::vector<Stream> run() {
    while (!items_.empty()) {
      const Merged::Pattern pattern = items_.pattern();
      // Looking for a pattern costs a visit to each source, so look again only after as many items.
      if (pattern.times >= 3) {
        run_periods(pattern);
      } else {
        for (std::size_t i = 0; i < departures_.size() && !items_.empty(); ++i) take();
      }
    }
    return std::move(departures_);
  }

 private:
  Departure take() {
    const Departure left{items_.source(), std::max(items_.next(), free_at_)};
    free_at_ = left.time + 1;
    departures_[static_cast<std::size_t>(left.source)].append({left.time, 0, 1});
    items_.pop();
    return left;
  }

  Cycle backlog() const { return std::max<Cycle>(0, free_at_ - items_.next()); }

  // Two periods one by one. If the backlog has settled, or the server is never idle, so it goes on.
  void run_periods(const Merged::Pattern& pattern) {
    for (Count i = 0; i < pattern.items; ++i) take();
    const Cycle backlog_before = backlog();
    const Cycle free_before = free_at_;
    std::vector<Departure> period;
    for (Count i = 0; i < pattern.items; ++i) period.push_back(take());
    const Cycle growth = backlog() - backlog_before;
    const bool never_idle = free_at_ - free_before == pattern.items && backlog_before > 0;
    Count periods = pattern.times - 2;
    if (never_idle && growth < 0) periods = std::min(periods, (backlog() - pattern.period) / -growth);
    if (periods <= 0 || (growth != 0 && !never_idle)) return;
    repeat(departures_, period, pattern.period + growth, periods);
    items_.skip(pattern, periods);
    free_at_ += (pattern.period + growth) * periods;
  }

  Merged items_;
  Cycle free_at_;
  std::vector<Stream> departures_;
};

}  // namespace

std::vector<Stream> arbitrate(std::span<const Stream> sources, Cycle free_at) {
  if (sources.size() == 1) return {sources[0].served(1, free_at)};
  return SharedServer(sources, free_at).run();
}

}  // namespace cairn::kernel
