// A machine of one part that does in each cycle what a script says, and a sink that writes down what it gets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trace/recorder.h"

namespace cairn::testing {

// A letter a cycle: '0' to '9' so many words, '.' waits for 7 words, ' ' nothing.
class Script final : public kernel::Component {
 public:
  Script(std::string signs, const kernel::Channel& slow) : signs_(std::move(signs)), slow_(slow) {}
  std::string name() const override { return "distribution"; }
  kernel::Wiring wiring() const override { return {{&slow_}, {&slow_}}; }
  bool tick(Cycle now) override {
    sign_ = signs_.at(static_cast<std::size_t>(now - 1));
    const bool works = sign_ >= '0';
    if (works) words_ += sign_ - '0';
    if (works) twice_ += 2 * (sign_ - '0');
    return works;
  }
  bool has_flow() const override { return false; }
  void flow() override {}
  std::map<std::string, Count> counters() const override { return {{"twice", twice_}, {"words", words_}}; }
  std::string waiting() const override { return sign_ == '.' ? "7 words, -3 of 12 lines" : ""; }

 private:
  std::string signs_;
  const kernel::Channel& slow_;  // carries nothing, but lets the machine wait for long
  char sign_ = ' ';
  Count words_ = 0;
  Count twice_ = 0;
};

inline std::vector<trace::Layout::Part> script_parts() {
  return {{"distribution", {{"words", "words", true}, {"twice", "words", false}}}};
}

// Runs a script before an observer; rounds begin in the cycles that are given.
inline void play(const std::string& signs, kernel::Observer& observer, const std::vector<Cycle>& rounds = {1},
                 Cycle uncounted = 0) {
  std::vector<std::unique_ptr<kernel::Channel>> channels;
  channels.push_back(std::make_unique<kernel::Tally>("slow", 1000, true));
  std::vector<std::unique_ptr<kernel::Component>> parts;
  parts.push_back(std::make_unique<Script>(signs, *channels[0]));
  kernel::Machine machine = kernel::Machine::build(std::move(parts), std::move(channels));
  observer.begins(machine, uncounted);
  Count begun = 0;
  machine.run(
      [&] {
        const Cycle next = machine.now() + 1;
        const std::vector<kernel::Fact> facts{{"round", begun + 1}};
        if (std::ranges::find(rounds, next) != rounds.end()) observer.round_begins(next, facts), ++begun;
        return machine.now() == std::ssize(signs);
      },
      &observer);
}

}  // namespace cairn::testing
