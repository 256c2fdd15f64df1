// A distribution network on a bench: steps are offered by hand, and what reaches each multiplier is written down.
#pragma once

#include <utility>

#include "harness/recipe.h"

namespace cairn::testing {

struct Network : Bench {
  Network(const std::string& type, int multipliers, int ports, Recipe given, schema::Values values = {})
      : Bench({.multipliers = multipliers, .ports = ports}, "distribution", type,
              with(std::move(values), "bandwidth", ports)),
        recipe(std::move(given)),
        times(static_cast<std::size_t>(multipliers)),
        words(times.size()),
        inputs(times.size()) {
    part->start(recipe.program());
    if (recipe.reconfigures()) enter(0);
  }

  void enter(Count round) {
    recipe.enter(round);
    part->configure(recipe.at(round));
  }

  // A step is offered in each of the cycles.
  void offer(const Times& cycles, Cycle last) {
    for (; now <= last; ++now) {
      for (const Cycle t : cycles) {
        if (t == now) links.offers->add(static_cast<Count>(recipe.packets(at.kind).size()), now), recipe.advance(at);
      }
      for (const auto& [t, psum] : psums) {
        if (t == now) links.psums->push(psum.multiplier / (array.lanes() / links.psums->lanes()), psum, now);
      }
      part->tick(now);
      auto& frame = links.words->incoming(now);
      frame.valid.for_each([&](int i) {
        const auto lane = static_cast<std::size_t>(i);
        times[lane].push_back(now);
        words[lane].push_back(frame.values[lane].value);
        if (!frame.values[lane].weight) inputs[lane].push_back(now);
      });
      frame.valid.clear_all();
    }
  }

  // The inputs of a round at rest whose steps are offered one a cycle from cycle 1 on, by the streams.
  std::vector<Times> flowed() {
    const Count steps = recipe.groups.folds + recipe.products();
    links.offers->streams[0] = kernel::Stream::regular(1, 1, steps);
    part->flow();
    std::vector<Times> seen;
    for (const kernel::Stream& stream : links.words->streams) seen.push_back(stream.times());
    return seen;
  }

  Recipe recipe;
  Cycle now = 1;
  fabric::Position at;
  std::vector<std::pair<Cycle, fabric::Psum>> psums;
  std::vector<Times> times;
  std::vector<std::vector<float>> words;
  std::vector<Times> inputs;  // of the times, those of inputs

 private:
  static schema::Values with(schema::Values values, const std::string& name, std::int64_t value) {
    values[name] = value;
    return values;
  }
};

// Each multiplier from `first` on gets at most one word of a step.
inline std::vector<fabric::Multicast> random_step(SplitMix64& random, int multipliers, int first = 0) {
  std::vector<fabric::Multicast> step(static_cast<std::size_t>(random.between(1, 6)));
  for (int i = first; i < multipliers; ++i) {
    if (!random.one_in(4)) step[static_cast<std::size_t>(random.between(0, std::ssize(step) - 1))].push_back(i);
  }
  return step;
}

}  // namespace cairn::testing
