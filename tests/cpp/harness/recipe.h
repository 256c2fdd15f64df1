// A program of a flexible machine, written down by a test.
#pragma once

#include <functional>

#include "fabric/program.h"
#include "harness/bench.h"

namespace cairn::testing {

struct Ingredients {
  fabric::Clusters groups{};
  Count rows_of_windows = 1;
  Count windows_in_row = 1;
  std::array<fabric::Multicasts, fabric::kStepKinds> steps{};  // by kind: weights, window, slide
  std::vector<fabric::Round> blocks{fabric::Round{}};
  std::function<float(const fabric::Position&, int packet)> word = [](const fabric::Position&, int packet) {
    return static_cast<float>(packet + 1);
  };
};

struct Recipe final : Ingredients, fabric::Rounds, fabric::Packets {
  Recipe(Ingredients given) : Ingredients(std::move(given)) {}
  // Rounds that configure the machine anew, each with groups and steps of its own.
  static Recipe anew(std::vector<Ingredients> each) {
    Recipe recipe(each.front());
    recipe.blocks.clear();
    for (const Ingredients& one : each) recipe.blocks.push_back(one.blocks.front());
    recipe.each_ = std::move(each);
    return recipe;
  }

  Count size() const override { return static_cast<Count>(blocks.size()); }
  fabric::Round at(Count index) const override { return blocks.at(static_cast<std::size_t>(index)); }
  fabric::Stored store(Count index, int lane, float value) override {
    entries.push_back({index, lane, value});
    return fabric::Stored::written;
  }
  bool reconfigures() const override { return !each_.empty(); }
  void enter(Count round) override {
    if (each_.empty()) return;
    const Ingredients& entered = each_.at(static_cast<std::size_t>(round));
    groups = entered.groups;
    rows_of_windows = entered.rows_of_windows;
    windows_in_row = entered.windows_in_row;
    steps = entered.steps;
    word = entered.word;
  }
  const fabric::Clusters& clusters() const override { return groups; }
  Count rows() const override { return rows_of_windows; }
  Count windows() const override { return windows_in_row; }
  const fabric::Multicasts& packets(fabric::StepKind kind) const override {
    return steps[static_cast<std::size_t>(kind)];
  }
  void words(const fabric::Position& at, std::span<const int> indices, float* out) const override {
    for (const int packet : indices) *out++ = word(at, packet);
  }
  Count reads(const fabric::Position& at) const override { return static_cast<Count>(packets(at.kind).size()); }

  // Products of a multiplier in a round.
  Count products() const { return rows_of_windows * windows_in_row * groups.folds; }
  fabric::Program program() { return {.rounds = this, .packets = this}; }

  std::vector<Ledger::Entry> entries;  // what was stored

 private:
  std::vector<Ingredients> each_;
};

// A round after which the next waits for `results` stored since the run began.
inline fabric::Round awaiting(Count results) {
  fabric::Round round;
  round.awaited = results;
  return round;
}

}  // namespace cairn::testing
