// Write-back: results from the lines queue up and are stored in the global buffer. The reference retires only half of
// the queue, rounded up, in a cycle (spec dense 3.4), which stretches every burst and every tail; `all` stores what is
// there. On a flexible machine whose multipliers fold (Clusters::psum_multiplier) every result but the last of an
// output is a partial sum, and goes back to the read port of its virtual neuron in the same cycle. Where the loop over
// folds is outside, a result is added to the partial sum that the buffer holds (Round::adds).
#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "fabric/part.h"
#include "kernel/merged.h"

namespace cairn::fabric {
namespace {

enum class Drain { half, all };

// The queue in time, evaluated only in cycles in which something arrives or waits.
class QueueInTime {
 public:
  QueueInTime(Drain drain, Count stored) : drain_(drain), stored_(stored) {}

  // Goes on until `target` results are stored, or to the end of cycle `until` - 1. A pattern of arrivals that leaves
  // the queue as it found it is counted, not walked.
  void run(kernel::Merged& arrivals, Count target, Cycle until) {
    Count patience = 0;
    while (stored_ < target && !(arrivals.empty() && queued_ == 0)) {
      const kernel::Merged::Pattern pattern = patience-- > 0 ? kernel::Merged::Pattern{} : arrivals.pattern();
      if (pattern.times >= 3 && arrivals.next() + 3 * pattern.period < until) {
        run_periods(arrivals, target, until, pattern);
      } else if (!cycle(arrivals, until)) {
        return;
      }
      if (patience < 0) patience = arrivals.sources();
    }
  }

  Cycle now() const { return now_; }
  Count queued() const { return queued_; }
  Count stored() const { return stored_; }

 private:
  // One cycle, the next in which there is anything to do; false if that is not before `until`.
  bool cycle(kernel::Merged& arrivals, Cycle until) {
    const Cycle next = queued_ > 0 ? now_ + 1 : arrivals.empty() ? until : arrivals.next();
    if (next >= until) return false;
    now_ = next;
    for (; !arrivals.empty() && arrivals.next() == now_; arrivals.pop()) ++queued_;
    const Count leaving = drain_ == Drain::half ? (queued_ + 1) / 2 : queued_;
    queued_ -= leaving;
    stored_ += leaving;
    return true;
  }

  void run_periods(kernel::Merged& arrivals, Count target, Cycle until, const kernel::Merged::Pattern& pattern) {
    const Cycle begin = arrivals.next();
    const auto walk = [&](Cycle end) {
      while (stored_ < target && cycle(arrivals, end)) continue;
    };
    walk(begin + pattern.period);
    const Count queued = queued_;
    const Count stored = stored_;
    walk(begin + 2 * pattern.period);
    if (stored_ >= target || queued_ != queued) return;
    const Count each = stored_ - stored;
    const Count periods = std::min({pattern.times - 2, (until - begin) / pattern.period - 3,
                                    each == 0 ? pattern.times : (target - stored_ - 1) / each});
    if (periods <= 0) return;
    arrivals.skip(pattern, periods);
    stored_ += each * periods;
    now_ += pattern.period * periods;
  }

  Drain drain_;
  Count stored_;
  Cycle now_ = 0;
  Count queued_ = 0;
};

class WriteQueue final : public Part {
 public:
  struct Params {
    Drain drain = Drain::half;
    static auto fields() {
      return std::tuple{schema::choice(
          "drain", &Params::drain, {"half", "all"},
          "how much of the queue is stored in a cycle: half of it, rounded up, as the reference does, or all")};
    }
  };
  struct Counters {
    Count results = 0;
    Count output_writes = 0;
    Count psum_reads = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("results", &Counters::results, "results", "results that arrived, those of padding included"),
          stats::counter("output_writes", &Counters::output_writes, "words",
                         "outputs, and partial sums of outputs, written to the global buffer"),
          stats::counter("psum_reads", &Counters::psum_reads, "words",
                         "partial sums read from the global buffer to be added to")};
    }
  };

  WriteQueue(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        array_(array),
        links_(links),
        results_of_(static_cast<std::size_t>(array.lanes())),
        in_time_(params.drain, 0) {}

  kernel::Wiring wiring() const override {
    if (links_.psums == nullptr) return {{links_.results}, {links_.stored}};
    return {{links_.results}, {links_.stored, links_.psums}};
  }

  void start(const Program& program) override {
    rounds_ = program.rounds;
    if (program.packets != nullptr) clusters_ = program.packets->clusters();
    sends_psums_back_ = clusters_.psum_multiplier && !clusters_.psums_streamed;
    lanes_number_results_ = array_.overlapped || array_.adds_columns || program.panels == nullptr;
  }

  void configure(const Round& round) override {
    round_ = round;
    expected_ += round.results;
    ++begun_;
  }

  bool tick(Cycle now) override {
    take(now);
    if (queue_.empty()) return false;
    const std::size_t leaving = params_.drain == Drain::half ? (queue_.size() + 1) / 2 : queue_.size();
    for (std::size_t i = 0; i < leaving; ++i) {
      store(queue_.front(), now);
      queue_.pop_front();
    }
    stored_ += static_cast<Count>(leaving);
    links_.stored->add(static_cast<Count>(leaving), now);
    return true;
  }

  // In a cycle no more leaves the queue than all lines bring.
  Count units() const override { return links_.results->lanes(); }
  Count taking_part() const override { return links_.used.lines.count(); }

  bool finished() const override { return begun_ == rounds_->size() && stored_ == expected_; }

  bool has_flow() const override { return true; }

  // Sends one item: the cycle in which the results are stored that the next round waits for.
  void flow() override {
    if (links_.round.at_rest) {
      in_time_ = QueueInTime(params_.drain, round_.before);
      opened_.clear();
      ahead_.reset();
      next_opening_ = round_.before / round_.results;
    } else {
      settle();
    }
    arrivals_.clear();
    for (const kernel::Stream& stream : links_.results->streams) {
      if (!stream.empty()) arrivals_.push_back(stream);
    }
    counters_.results += round_.results;
    counters_.output_writes += round_.outputs;
    if (round_.adds) counters_.psum_reads += round_.outputs;
    links_.stored->streams[0] = {};
    if (round_.awaited == 0) return;
    if (in_time_.stored() >= round_.awaited) {
      const auto opened = opened_.find(round_.awaited);  // unless it was so at rest
      links_.stored->streams[0] = kernel::Stream::regular(opened == opened_.end() ? 0 : opened->second, 0, 1);
      return;
    }
    ahead_ = {in_time_, kernel::Merged(arrivals_), round_.awaited};
    ahead_->queue.run(ahead_->arrivals, round_.awaited, std::numeric_limits<Cycle>::max());
    links_.stored->streams[0] = kernel::Stream::regular(ahead_->queue.now(), 0, 1);
  }

  void left_behind(std::vector<Cycle>& state) const override {
    state.push_back(in_time_.queued());
    if (in_time_.queued() > 0) state.push_back(in_time_.now() - links_.round.first_sum);
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override {
    return stored_ < expected_ ? std::to_string(expected_ - stored_) + " more results" : "";
  }

 private:
  struct Waiting {
    Result result;
    Count index;
  };
  // Flow: the queue when so many results are stored, and what arrives after that.
  struct Ahead {
    QueueInTime queue;
    kernel::Merged arrivals;
    Count awaited;
  };

  // Flow: goes on to the first result of the round. On the way it notes when later rounds could begin, which may be
  // long before their turn comes.
  void settle() {
    const Cycle until = links_.round.first_sum + links_.results->latency();
    // What the round before has seen ahead need not be walked again, if it is final and no other opening is in there.
    const bool seen = ahead_ && ahead_->queue.now() < until && next_opening_ < rounds_->size() &&
                      rounds_->at(next_opening_).awaited == ahead_->awaited;
    if (seen) in_time_ = ahead_->queue;
    kernel::Merged last = seen ? std::move(ahead_->arrivals) : kernel::Merged(arrivals_);
    ahead_.reset();
    for (; next_opening_ < rounds_->size(); ++next_opening_) {
      const Count awaited = rounds_->at(next_opening_).awaited;
      if (awaited > in_time_.stored()) in_time_.run(last, awaited, until);
      if (awaited > in_time_.stored()) return;
      if (awaited > 0) opened_.try_emplace(awaited, in_time_.now());
    }
    in_time_.run(last, std::numeric_limits<Count>::max(), until);
  }

  void take(Cycle now) {
    if (links_.results->in_flight() == 0) return;
    auto& frame = links_.results->incoming(now);
    Count taken = 0;
    frame.valid.for_each([&](int line) {
      const Result& result = frame.values[static_cast<std::size_t>(line)];
      Count& results = results_of_[static_cast<std::size_t>(result.lane)];
      queue_.push_back({result, lanes_number_results_ ? results : begun_ - 1});
      ++results;
      ++taken;
    });
    links_.results->take_all(now, taken);
    counters_.results += taken;
  }

  void store(const Waiting& item, Cycle now) {
    const Stored stored = rounds_->store(item.index, item.result.lane, item.result.value);
    if (stored != Stored::dropped) ++counters_.output_writes;
    if (stored == Stored::added) ++counters_.psum_reads;
    if (!sends_psums_back_ || (item.index + 1) % clusters_.folds == 0) return;
    const int multiplier = clusters_.begin(item.result.lane);
    const int port = multiplier / (array_.lanes() / links_.psums->lanes());
    links_.psums->push(port, {item.result.value, multiplier}, now);
    ++counters_.psum_reads;
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Rounds* rounds_ = nullptr;
  Clusters clusters_;
  bool sends_psums_back_ = false;
  bool lanes_number_results_ = false;  // a lane makes many results in a round, or rounds overlap
  Round round_;
  std::deque<Waiting> queue_;
  std::vector<Count> results_of_;  // how many results each lane has made
  Count begun_ = 0;                // rounds begun
  Count expected_ = 0;             // results of those rounds
  Count stored_ = 0;
  QueueInTime in_time_;                   // flow: the queue when the first result of the round comes
  Count next_opening_ = 0;                // flow: the first round of which is not known when its successor could begin
  std::map<Count, Cycle> opened_;         // flow: when so many results were stored, for those that a round awaits
  std::vector<kernel::Stream> arrivals_;  // flow: results that come after that
  std::optional<Ahead> ahead_;            // flow: when the next round may begin
};

}  // namespace

PartInfo writeback_write_queue() {
  return declare<WriteQueue>("writeback", "write-queue", "Queue between the result lines and the global buffer.",
                             {"write ports", {"output_writes"}});
}

}  // namespace cairn::fabric
