// A machine is a checked graph of components and channels. It can only be had from Machine::build, which refuses a
// channel without exactly one producer and one consumer, and a combinational loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kernel/component.h"
#include "kernel/observer.h"

namespace cairn::kernel {

class Machine {
 public:
  // The order of `components` is free: the machine ticks producers of combinational channels before their consumers and
  // keeps the given order otherwise.
  static Machine build(std::vector<std::unique_ptr<Component>> components,
                       std::vector<std::unique_ptr<Channel>> channels);

  // Ticks until `done()`; returns the number of the last cycle. The clock starts at cycle 1. Throws machine_stuck
  // (I002), with who waits for what, when nothing has happened for longer than any latency in the machine. The
  // observer, if there is one, is shown every cycle.
  Cycle run(const std::function<bool()>& done, Observer* observer = nullptr);

  // The cycle that is being clocked.
  Cycle now() const { return now_; }

  bool has_flow() const;
  // Evaluates one round: every component's flow, producers before consumers.
  void flow();

  const std::vector<Component*>& components() const { return order_; }
  // Whether the i-th component did anything in the last cycle that was clocked.
  bool worked(std::size_t i) const { return worked_[i]; }
  const std::vector<std::unique_ptr<Channel>>& channels() const { return channels_; }

 private:
  Machine() = default;
  [[noreturn]] void report_stuck(Cycle now) const;

  std::vector<std::unique_ptr<Component>> components_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<Component*> order_;  // tick order
  std::vector<Component*> flow_order_;
  std::vector<bool> worked_;
  Cycle patience_ = 0;
  Cycle now_ = 0;
};

}  // namespace cairn::kernel
