// The dense controller of a flexible machine (paper Fig. 3 "DC"; spec dense 3). It walks the loops of a tiled layer,
// weights stationary: a round loads the weights of a block of filters, one step for each fold, and then streams every
// window of the inputs past them. A step is offered to the read ports whole, in one cycle, and waits there; how fast it
// goes out is the ports' affair. A round begins when as many results are stored as it asks for (spec dense 3.3).
//
// A controller in hardware may read fewer words of inputs in a cycle, and may be a machine of states that is through
// with one thing before it begins the next: weights, the first window of a row, the rest of the row (`row_barrier`).
#include <algorithm>

#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

enum class Folds { inner, outer };

class Dense final : public Part {
 public:
  struct Params {
    std::int64_t words_per_cycle = 0;
    std::int64_t setup_cycles = 0;
    bool row_barrier = false;
    Folds folds = Folds::inner;
    static auto fields() {
      return std::tuple{
          schema::integer("words_per_cycle", &Params::words_per_cycle, "words/cycle", {0, 1 << 14},
                          "distinct words of inputs offered to the read ports in a cycle; 0 = all of a step. Weights "
                          "are offered whole, each port has its own"),
          schema::integer("setup_cycles", &Params::setup_cycles, "cycles", {0, 1 << 20},
                          "configuration of the multipliers before the weights of a round and before each row"),
          schema::boolean(
              "row_barrier", &Params::row_barrier,
              "after weights and after the first window of a row wait until the ports are idle, after a row "
              "until its results are stored"),
          schema::choice(
              "folds", &Params::folds, {"inner", "outer"},
              "where the loop over the folds of an output is: around its window, for whoever adds them up, or "
              "around all windows, a round for each fold, and the global buffer adds them up")};
    }
  };
  struct Counters {
    Count weight_reads = 0;
    Count input_reads = 0;
    Count steps = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("weight_reads", &Counters::weight_reads, "words",
                         "words of weights read from the global buffer"),
          stats::counter("input_reads", &Counters::input_reads, "words", "words of inputs read from the global buffer"),
          stats::counter("steps", &Counters::steps, "steps", "steps of operands offered to the ports")};
    }
  };

  Dense(std::string slot, const Params& params, const Array&, Links& links)
      : Part(std::move(slot)), params_(params), links_(links) {}

  kernel::Wiring wiring() const override {
    if (links_.sent == nullptr) return {{links_.stored}, {links_.offers}};
    return {{links_.stored, links_.sent}, {links_.offers}};
  }

  void start(const Program& program) override { program_ = program; }

  void configure(const Round& round) override { round_ = round; }

  bool tick(Cycle now) override {
    stored_ += links_.stored->take(now);
    if (links_.sent != nullptr) unsent_ -= links_.sent->take(now);
    if (stored_ < row_stored_ || (awaits_ports_ && unsent_ > 0)) return false;
    awaits_ports_ = false;
    if (!offering_) {
      if (begun_ == program_.rounds->size() || stored_ < round_.awaited) return false;
      at_ = {begun_, 0, 0, 0, StepKind::weights};
      program_.configure(program_.rounds->at(begun_));
      ++begun_;
      offering_ = true;
      setup_left_ = params_.setup_cycles;
    }
    if (setup_left_ > 0) {
      --setup_left_;
    } else {
      offer(now);
    }
    return true;
  }

  bool finished() const override { return !offering_ && begun_ == program_.rounds->size(); }

  bool has_flow() const override { return !params_.row_barrier; }

  // Sends the cycles in which the steps are offered, of a step the first one.
  void flow() override {
    const Packets& packets = *program_.packets;
    Cycle begin = links_.round.at_rest ? 1 : end_ + 1;
    if (!links_.round.at_rest && !links_.stored->streams[0].empty())
      begin = std::max(begin, links_.stored->streams[0].last() + 1);
    begin_ = begin;
    followed_at_once_ = begin == end_ + 1;
    end_ = begin + params_.setup_cycles - 1;
    kernel::Stream& offers = links_.offers->streams[0];
    offers.clear();
    const auto offer = [&](StepKind kind, Count steps) {
      const Cycle length = util::ceil_div(packets_of(kind), offered_at_once(kind));
      offers.append({end_ + 1, length, steps});
      end_ += steps * length;
    };
    const Count folds = packets.clusters().folds;
    const Count slides = packets.clusters().slide > 0 ? packets.windows() - 1 : 0;
    const Count alike = slides == 0 && params_.setup_cycles == 0 ? packets.rows() : 1;  // rows that are one long row
    offer(StepKind::weights, folds);
    for (Count row = 0; row < packets.rows(); row += alike) {
      end_ += params_.setup_cycles;
      offer(StepKind::window, (packets.windows() - slides) * folds * alike);
      if (slides > 0) offer(StepKind::slide, slides * folds);
    }
    const Count steps = folds * (1 + packets.rows() * packets.windows());
    counters_.weight_reads += round_.weight_reads;
    counters_.input_reads += round_.input_reads;
    counters_.steps += steps;
  }

  // When the round began is of no interest if every port had still to send. One that waited for results began when they
  // were there, which no other round did.
  void left_behind(std::vector<Cycle>& state) const override {
    if (!links_.round.port_waited) return;
    state.push_back(followed_at_once_ ? begin_ - links_.round.first_sum : begin_);
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override {
    const Count missing = std::max(round_.awaited, row_stored_) - stored_;
    return begun_ < program_.rounds->size() ? std::to_string(missing) + " more stored results" : "";
  }

 private:
  Count packets_of(StepKind kind) const { return static_cast<Count>(program_.packets->packets(kind).size()); }
  Count offered_at_once(StepKind kind) const {
    return kind == StepKind::weights || params_.words_per_cycle == 0 ? packets_of(kind) : params_.words_per_cycle;
  }

  // What this cycle offers of the present step.
  void offer(Cycle now) {
    if (offered_ == 0) {
      (at_.kind == StepKind::weights ? counters_.weight_reads : counters_.input_reads) += program_.packets->reads(at_);
      ++counters_.steps;
    }
    const Count packets = std::min(offered_at_once(at_.kind), packets_of(at_.kind) - offered_);
    links_.offers->add(packets, now);
    if (links_.sent != nullptr) unsent_ += packets;
    offered_ += packets;
    if (offered_ < packets_of(at_.kind)) return;
    offered_ = 0;
    const Position done = at_;
    program_.packets->advance(at_);
    offering_ = at_.round < begun_;
    if (at_.fold == 0) end_window(done);
  }

  // The controller is through with the weights or with a window.
  void end_window(const Position& done) {
    const bool weights = done.kind == StepKind::weights;
    const bool row_ends = !weights && at_.window == 0;
    if (params_.row_barrier) {
      awaits_ports_ = weights || done.window == 0;
      const Count of_row = round_.results / program_.packets->rows();
      if (row_ends && !finished()) row_stored_ = round_.before + of_row * (done.row + 1);
    }
    if (weights || (row_ends && offering_)) setup_left_ = params_.setup_cycles;
  }

  Params params_;
  Links& links_;
  Counters counters_;
  Program program_;
  Position at_;
  bool offering_ = false;  // in the middle of a round
  Count offered_ = 0;      // packets of the present step
  Cycle setup_left_ = 0;
  Count begun_ = 0;  // rounds begun
  Round round_;      // the last one begun
  Count stored_ = 0;
  Count row_stored_ = 0;       // results that must be stored before the next row may begin
  Count unsent_ = 0;           // packets offered that the ports have not sent yet
  bool awaits_ports_ = false;  // until all are sent
  // Flow.
  Cycle begin_ = 1;  // of the round
  Cycle end_ = 0;    // its last step
  bool followed_at_once_ = false;
};

}  // namespace

PartInfo memory_dense() {
  return declare<Dense>("memory", "dense",
                        "Controller of a flexible dense machine: weights of a block of filters, then all inputs.",
                        "flexible");
}

}  // namespace cairn::fabric
