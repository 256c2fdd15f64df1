// What the instances of a machine count: include/cairn/instances.h says what each is.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cairn/instances.h"
#include "util/units.h"

namespace cairn::engine {

using Named = std::map<std::string, std::vector<std::int64_t>>;

// The trees of switches between read ports and endpoints.
class SwitchTrees {
 public:
  // Throws Error U204 if the endpoints of a port are no power of two.
  SwitchTrees(std::int64_t ports, std::int64_t endpoints);

  enum Kind { weights, inputs, psums };
  // A packet to these endpoints, ascending, so often.
  void send(Kind kind, std::span<const int> to, Count times);
  // Whether each port has a single endpoint.
  bool wires() const { return levels_ == 0; }
  Named named() const;

 private:
  int levels_ = 0;
  std::array<std::vector<Count>, 3> packets_;  // by kind
  std::vector<Count> words_;
};

struct MultiplierCounts {
  Count weights = 0, inputs = 0, psums = 0;
  Count received = 0, sent = 0;
  Count multiplications = 0, psum_forwards = 0, zeros = 0, dropped = 0, configurations = 0;
};

struct ElementCounts {  // of a mesh
  Count received_left = 0, received_top = 0, sent_right = 0, sent_bottom = 0;
  Count multiplications = 0, configurations = 0;
};

struct AdderCounts {
  Count left = 0, right = 0, neighbour = 0;
  Count waiting_left = 0, waiting_right = 0, waiting_neighbour = 0;
  Count additions_2to1 = 0, additions_3to1 = 0, made = 0, aside = 0;
  Count transfers_out = 0, transfers_up = 0;
  Count folded = 0, fold_results = 0, configurations = 0;
};

struct AccumulatorCounts {
  Count taken = 0, transfers = 0, results = 0;
};

struct OutputCounts {
  Count results = 0, transfers = 0;
};

Named named(const std::vector<MultiplierCounts>& counts);
Named named(const std::vector<ElementCounts>& counts);
Named named(const std::vector<AdderCounts>& counts);
Named named(const std::vector<AccumulatorCounts>& counts);
Named named(const std::vector<OutputCounts>& counts);

}  // namespace cairn::engine
