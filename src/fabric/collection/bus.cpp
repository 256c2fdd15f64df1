// Collection bus (spec dense 8): `lines` result lines, dealt out to the accumulation points in turn. Where these come
// in pairs (Array::output_pairs: two neighbouring adders of a tree) both of a pair drive the same line. A line carries
// one result a cycle and serves its inputs round-robin. Points that come alone are dealt out where the pairs end, or
// from the first line on again (`restart`).
#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "fabric/collection/counters.h"
#include "fabric/lines.h"
#include "fabric/part.h"
#include "kernel/merged.h"

namespace cairn::fabric {
namespace {

class Bus final : public Part {
 public:
  struct Params {
    std::int64_t lines = 0;
    bool pairs = true;
    bool restart = false;
    std::int64_t latency = 1;
    static auto fields() {
      return std::tuple{
          schema::integer("lines", &Params::lines, "results/cycle", {0, 1 << 20},
                          "result lines, one result a cycle each; 0 = one an accumulator, or a column that adds up"),
          schema::boolean("pairs", &Params::pairs,
                          "two neighbouring adders that a link could join share an input port; else each accumulation "
                          "point has its own"),
          schema::boolean("restart", &Params::restart,
                          "accumulation points without a neighbour to share an input with are dealt out to the lines "
                          "from the first one on, not from where those with one end"),
          schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10}, "from the bus input to the write-back")};
    }
  };
  using Counters = CollectionCounters;

  Bus(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        links_(links),
        paired_(params.pairs ? 2 * array.output_pairs : 0),
        lines_(static_cast<std::size_t>(links.results->lanes())),
        pending_(static_cast<std::size_t>(links.sums->lanes())) {
    links.used.lines = kernel::LaneSet(count_of_lines());
    for (int lane = 0; lane < links.sums->lanes(); ++lane)
      line_of_.push_back(static_cast<std::size_t>(bus_line(lane, paired_ / 2, count_of_lines(), params_.restart)));
  }

  kernel::Wiring wiring() const override { return {{links_.sums}, {links_.results}}; }
  void configure(const Round&) override {
    if (links_.used.points.words() == points_.words() && links_.used.lines.count() > 0) return;
    points_ = links_.used.points;
    points_.for_each(
        [&](int lane) { links_.used.lines.set(static_cast<int>(line_of(static_cast<std::size_t>(lane)))); });
  }
  Count units() const override { return count_of_lines(); }
  Count taking_part() const override { return links_.used.lines.count(); }

  bool tick(Cycle now) override {
    if (links_.sums->in_flight() == 0) return false;
    // For each line the waiting input that the round-robin pointer meets first.
    chosen_.assign(lines_.size(), kNobody);
    links_.sums->occupied().for_each([&](int lane) {
      if (!links_.sums->can_pop(lane, now)) return;
      int& chosen = chosen_[line_of(static_cast<std::size_t>(lane))];
      if (chosen == kNobody || turn_of(lane) < turn_of(chosen)) chosen = lane;
    });
    bool progress = false;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      const int lane = chosen_[line];
      if (lane == kNobody) continue;
      links_.results->push(static_cast<int>(line), links_.sums->pop(lane, now), now);
      lines_[line].next = (input_of(lane) + 1) % inputs();
      ++counters_.results_in;
      ++counters_.results_out;
      progress = true;
    }
    return progress;
  }

  bool has_flow() const override { return true; }

  // A line is a server of all its inputs. Which of them goes first changes who waits, never when the line is busy.
  // Results keep their source: lane i of the streams is what accumulation point i sends.
  void flow() override {
    links_.round.first_sum = std::numeric_limits<Cycle>::max();
    for (const kernel::Stream& sums : links_.sums->streams) {
      if (!sums.empty()) links_.round.first_sum = std::min(links_.round.first_sum, sums.first());
    }
    settle();
    links_.results->streams.resize(pending_.size());
    for (const auto& [line, lane] : inputs_) links_.results->streams[lane].clear();
    inputs_.clear();
    for (std::size_t lane = 0; lane < pending_.size(); ++lane) {
      const kernel::Stream& sums = links_.sums->streams[lane];
      if (sums.empty() && pending_[lane].empty()) continue;
      const Count results = sums.count();
      counters_.results_in += results;
      counters_.results_out += results;
      pending_[lane].append(sums);
      inputs_.emplace_back(line_of(lane), lane);
    }
    std::ranges::sort(inputs_);
    for (std::size_t i = 0, end = 0; i < inputs_.size(); i = end) {
      const std::size_t line = inputs_[i].first;
      while (end < inputs_.size() && inputs_[end].first == line) ++end;
      serve(std::span(inputs_).subspan(i, end - i), lines_[line].free_at);
    }
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

  void left_behind(std::vector<Cycle>& state) const override {
    for (std::size_t lane = 0; lane < pending_.size(); ++lane) {
      if (pending_[lane].empty()) continue;
      state.push_back(lines_[line_of(lane)].free_at - links_.round.first_sum);
      for (const kernel::Piece& piece : pending_[lane].pieces())
        state.insert(state.end(), {piece.first - links_.round.first_sum, piece.step, piece.count});
    }
  }

  std::vector<int> state() const override {
    std::vector<int> pointers;
    for (const Line& line : lines_) pointers.push_back(line.next);
    return pointers;
  }

 private:
  using Input = std::pair<std::size_t, std::size_t>;  // line, lane

  // Flow: a line with its inputs.
  void serve(std::span<const Input> inputs, Cycle free_at) {
    if (inputs.size() == 1) {
      const std::size_t lane = inputs.front().second;
      links_.results->streams[lane] = pending_[lane].served(1, free_at);
      links_.results->streams[lane].delay(params_.latency);
      return;
    }
    std::vector<kernel::Stream> sources;
    for (const auto& [line, lane] : inputs) sources.push_back(pending_[lane]);
    std::vector<kernel::Stream> sent = kernel::arbitrate(sources, free_at);
    for (std::size_t i = 0; i < sent.size(); ++i) {
      sent[i].delay(params_.latency);
      links_.results->streams[inputs[i].second] = std::move(sent[i]);
    }
  }

  static constexpr int kNobody = -1;
  struct Line {
    int next = 0;       // the input that the round-robin pointer stands at
    Cycle free_at = 0;  // flow: when the line can take the first pending sum
  };

  int count_of_lines() const { return static_cast<int>(lines_.size()); }
  std::size_t line_of(std::size_t lane) const { return line_of_[lane]; }
  int input_of(int lane) const {
    if (lane < paired_) return 2 * (lane / 2 / count_of_lines()) + lane % 2;
    return paired_ / count_of_lines() + 1 + (lane - paired_) / count_of_lines();
  }
  int inputs() const { return input_of(links_.sums->lanes() - 1) + 2; }
  // Flow: sums that left before the first of the round comes are done with.
  void settle() {
    if (links_.round.at_rest) {
      for (Line& line : lines_) line.free_at = 0;
    }
    for (const auto& [line, lane] : inputs_) {  // of the round before
      if (links_.round.at_rest) {
        pending_[lane].clear();
      } else {
        settle(lane, lines_[line]);
      }
    }
  }

  void settle(std::size_t lane, Line& line) {
    const kernel::Stream& sent = links_.results->streams[lane];
    const Count gone = sent.count_before(links_.round.first_sum + params_.latency);
    if (gone == 0) return;
    const Cycle last = gone == sent.count() ? sent.last() : sent.slice(gone - 1, 1).front().first;
    line.free_at = std::max(line.free_at, last - params_.latency + 1);
    kernel::Stream left;
    for (const kernel::Piece& piece : pending_[lane].slice(gone, pending_[lane].count())) left.append(piece);
    pending_[lane] = left;
  }

  // How many inputs the round-robin pointer passes before it comes to this one.
  int turn_of(int lane) const {
    return (input_of(lane) - lines_[line_of(static_cast<std::size_t>(lane))].next + inputs()) % inputs();
  }

  Params params_;
  Links& links_;
  Counters counters_;
  int paired_;  // accumulation points in pairs: lanes 0 to paired_ - 1
  std::vector<Line> lines_;
  std::vector<std::size_t> line_of_;  // by lane
  std::vector<int> chosen_;
  kernel::LaneSet points_{0};            // used so far
  std::vector<kernel::Stream> pending_;  // flow: sums that may still be waiting, by accumulation point
  std::vector<Input> inputs_;            // flow: points with such sums
};

}  // namespace

PartInfo collection_bus() {
  PartInfo row = declare<Bus>("collection", "bus", "Shared result lines with round-robin arbitration.",
                              {"result lines", {"results_out"}});
  row.lanes = [](const schema::Values& values, const Array& array) {
    const auto lines = static_cast<int>(std::get<std::int64_t>(values.at("lines")));
    return lines == 0 ? array.feet() : lines;
  };
  return row;
}

}  // namespace cairn::fabric
