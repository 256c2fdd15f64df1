// Collection bus (spec section 2.3): `lines` result lines; accumulator i drives input i / lines of line i mod lines. A
// line carries one result a cycle and serves its inputs round-robin.
#include <algorithm>

#include "fabric/collection/counters.h"
#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class Bus final : public Part {
 public:
  struct Params {
    std::int64_t lines = 0;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{
          schema::integer("lines", &Params::lines, "results/cycle", {0, 1 << 20},
                          "result lines, one result a cycle each; 0 = one an accumulator"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10}, "from the bus input to the write-back")};
    }
  };
  using Counters = CollectionCounters;

  Bus(std::string slot, const Params& params, const Array&, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        lines_(static_cast<std::size_t>(links.results->lanes())) {}

  kernel::Wiring wiring() const override { return {{links_.sums}, {links_.results}}; }
  void configure(const Round&) override {}

  bool tick(Cycle now) override {
    if (links_.sums->in_flight() == 0) return false;
    // For each line the waiting input that the round-robin pointer meets first.
    chosen_.assign(lines_.size(), kNobody);
    links_.sums->occupied().for_each([&](int lane) {
      if (!links_.sums->can_pop(lane, now)) return;
      int& chosen = chosen_[line_of(lane)];
      if (chosen == kNobody || turn_of(lane) < turn_of(chosen)) chosen = lane;
    });
    bool progress = false;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      const int lane = chosen_[line];
      if (lane == kNobody) continue;
      links_.results->push(static_cast<int>(line), {links_.sums->pop(lane, now), lane}, now);
      lines_[line].next = (input_of(lane) + 1) % inputs();
      ++counters_.results_in;
      ++counters_.results_out;
      progress = true;
    }
    return progress;
  }

  bool has_flow() const override { return true; }

  // A line is a server of all its inputs. Which of them goes first changes who waits, never when the line is busy.
  void flow() override {
    std::vector<std::vector<kernel::Stream>> inputs(lines_.size());
    for (std::size_t lane = 0; lane < links_.sums->streams.size(); ++lane) {
      const kernel::Stream& sums = links_.sums->streams[lane];
      if (sums.empty()) continue;
      inputs[line_of(static_cast<int>(lane))].push_back(sums);
      counters_.results_in += sums.count();
      counters_.results_out += sums.count();
    }
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      links_.results->streams[line] = kernel::merge(inputs[line]).served(1).delayed(params_.latency);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

 private:
  static constexpr int kNobody = -1;
  struct Line {
    int next = 0;  // the input that the round-robin pointer stands at
  };

  std::size_t line_of(int lane) const { return static_cast<std::size_t>(lane) % lines_.size(); }
  int input_of(int lane) const { return lane / static_cast<int>(lines_.size()); }
  int inputs() const { return (links_.sums->lanes() - 1) / static_cast<int>(lines_.size()) + 1; }
  // How many inputs the round-robin pointer passes before it comes to this one.
  int turn_of(int lane) const { return (input_of(lane) - lines_[line_of(lane)].next + inputs()) % inputs(); }

  Params params_;
  Links& links_;
  Counters counters_;
  std::vector<Line> lines_;
  std::vector<int> chosen_;
};

}  // namespace

PartInfo collection_bus() {
  PartInfo row = declare<Bus>("collection", "bus", "Shared result lines with round-robin arbitration.");
  row.lanes = [](const schema::Values& values, const Array& array) {
    const auto lines = static_cast<int>(std::get<std::int64_t>(values.at("lines")));
    return lines == 0 ? array.lanes() : lines;
  };
  return row;
}

}  // namespace cairn::fabric
