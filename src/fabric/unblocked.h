// Distribution networks in which no word blocks another: any word can go to any multiplier in any cycle, as many words
// a cycle as the global buffer gives. Every cycle belongs to one step of operands, partial sums go before them.
#pragma once

#include <array>
#include <deque>
#include <span>

#include "fabric/offered_steps.h"
#include "fabric/part.h"

namespace cairn::fabric {

struct UnblockedCounters {
  Count words = 0;
  Count hops = 0;
  Count broadcasts = 0;
};

class Unblocked : public Part {
 public:
  kernel::Wiring wiring() const override;
  void start(const Program& program) override;
  void configure(const Round&) override { dealt_ = false; }
  void round_begins(Cycle now) override;
  bool tick(Cycle now) override;
  bool has_flow() const override;
  void flow() override;
  void left_behind(std::vector<Cycle>& state) const override { state.push_back(free_at_ - links_.round.first_sum); }

 protected:
  // `copies`: the network copies a word on its way to several multipliers; else it enters once for each.
  Unblocked(std::string slot, Count bandwidth, bool copies, const Array& array, Links& links)
      : Part(std::move(slot), static_cast<int>(bandwidth)),
        bandwidth_(bandwidth),
        copies_(copies),
        links_(links),
        offered_at_once_(array.offered) {}

  // What a word to these multipliers, ascending, costs on its way.
  virtual UnblockedCounters cost_of(std::span<const int> to) const = 0;
  const UnblockedCounters& counted() const { return counters_; }

 private:
  struct Share {
    std::vector<int> word;   // by multiplier: which word of the step it gets; -1 = none
    UnblockedCounters cost;  // of a step
  };

  // What the network sends in a round, and how many ports can be at work at once: those of its largest step.
  struct Load {
    Count words = 0;
    Count ports = 0;
  };

  Load load() const;
  void keep_ledger(Count words, Cycle now);
  bool next_is_offered() const { return before_ + static_cast<Count>(next_) < offered_; }
  void send_next(Cycle now);
  void send(float value, bool weight, std::span<const int> to, Cycle now);
  void deal();
  Cycle serve(StepKind kind, const kernel::Piece& steps);

  Count bandwidth_;
  bool copies_;
  Links& links_;
  UnblockedCounters counters_;
  Count offered_at_once_;  // packets of a step of inputs; 0 = all
  Packets* packets_ = nullptr;
  std::array<Share, kStepKinds> shares_;  // flow
  bool dealt_ = false;                    // of this round
  OfferedSteps offers_;                   // flow: of the round
  Cycle first_ = 0;                       // flow: when the first word of the round is sent
  Cycle free_at_ = 0;                     // flow: when the next step may enter
  Position at_;                           // the step that is being sent
  std::size_t next_ = 0;                  // of its packets
  std::size_t copied_ = 0;                // multipliers of that packet that have it
  Count before_ = 0;                      // packets of all steps before this one
  Count offered_ = 0;                     // packets, since the run began
  Count reported_ = 0;                    // of them, as sent
  std::deque<Load> loads_;                // words to go of the rounds that have begun
};

}  // namespace cairn::fabric
