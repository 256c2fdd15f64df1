// Write-back: results from the lines queue up and are stored in the global buffer. The reference retires only half of
// the queue, rounded up, in a cycle (spec 2.3), which stretches every burst and every tail; `all` stores what is there.
#include <algorithm>
#include <deque>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

enum class Drain { half, all };

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
    static auto fields() {
      return std::tuple{
          stats::counter("results", &Counters::results, "results", "results that arrived, those of padding included"),
          stats::counter("output_writes", &Counters::output_writes, "words", "outputs written to the global buffer")};
    }
  };

  WriteQueue(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        array_(array),
        links_(links),
        outputs_of_(static_cast<std::size_t>(array.lanes())) {}

  kernel::Wiring wiring() const override { return {{links_.results}, {links_.done}}; }

  void start(const Program& program) override { rounds_ = program.rounds; }

  void configure(const Round& round) override {
    round_ = round;
    expected_ += static_cast<Count>(round.used.rows) * round.used.columns;
    ++begun_;
  }

  bool tick(Cycle now) override {
    take(now);
    if (queue_.empty()) return false;
    const std::size_t retired = params_.drain == Drain::half ? (queue_.size() + 1) / 2 : queue_.size();
    for (std::size_t i = 0; i < retired; ++i) {
      store(queue_.front());
      queue_.pop_front();
    }
    if (retired_ == expected_) links_.done->raise(now);
    return true;
  }

  bool finished() const override { return begun_ == rounds_->size() && retired_ == expected_; }

  bool has_flow() const override { return true; }

  // Sends one item: the cycle in which the last output of the round is stored.
  void flow() override {
    const kernel::Stream arrivals = kernel::merge(links_.results->streams);
    links_.done->streams[0] =
        kernel::Stream::regular(params_.drain == Drain::half ? halved(arrivals) : arrivals.last(), 0, 1);
    counters_.results += arrivals.count();
    counters_.output_writes += static_cast<Count>(round_.valid.rows) * round_.valid.columns;
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override {
    return retired_ < expected_ ? std::to_string(expected_ - retired_) + " more results" : "";
  }

 private:
  struct Waiting {
    Result result;
    Count round;
  };

  void take(Cycle now) {
    if (links_.results->in_flight() == 0) return;
    auto& frame = links_.results->incoming(now);
    Count taken = 0;
    frame.valid.for_each([&](int line) {
      const Result& result = frame.values[static_cast<std::size_t>(line)];
      // Where rounds overlap every lane makes one output in each of them, so its n-th output belongs to round n.
      Count& outputs = outputs_of_[static_cast<std::size_t>(result.lane)];
      queue_.push_back({result, array_.overlapped ? outputs : begun_ - 1});
      ++outputs;
      ++taken;
    });
    links_.results->take_all(now, taken);
    counters_.results += taken;
  }

  void store(const Waiting& item) {
    ++retired_;
    const int row = item.result.lane / array_.extent.columns;
    const int column = item.result.lane % array_.extent.columns;
    const Extent valid = array_.overlapped ? rounds_->at(item.round).valid : round_.valid;
    if (row >= valid.rows || column >= valid.columns) return;  // padding
    rounds_->store(item.round, row, column, item.result.value);
    ++counters_.output_writes;
  }

  // The queue holds n results and stores ceil(n / 2) of them a cycle: replayed, since what is left over depends on the
  // whole history; the cost is one step a cycle in which something is queued.
  static Cycle halved(const kernel::Stream& arrivals) {
    const std::vector<Cycle> times = arrivals.times();
    Cycle now = 0;
    std::size_t arrived = 0;
    std::size_t queued = 0;
    while (arrived < times.size() || queued > 0) {
      now = queued > 0 ? now + 1 : times[arrived];
      for (; arrived < times.size() && times[arrived] == now; ++arrived) ++queued;
      queued /= 2;
    }
    return now;
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Rounds* rounds_ = nullptr;
  Round round_;
  std::deque<Waiting> queue_;
  std::vector<Count> outputs_of_;  // how many outputs each lane has made
  Count begun_ = 0;                // rounds begun
  Count expected_ = 0;             // results of those rounds
  Count retired_ = 0;
};

}  // namespace

PartInfo writeback_write_queue() {
  return declare<WriteQueue>("writeback", "write-queue", "Queue between the result lines and the global buffer.");
}

}  // namespace cairn::fabric
