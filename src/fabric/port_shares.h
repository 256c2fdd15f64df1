// How the packets of a kind of step are dealt out to read ports, each with a tree of switches over 2 ^ `port_shift`
// multipliers of its own. A packet for several ports is sent by each of them. A multiplier gets one packet of a step at
// most. Pure: it knows no time.
#pragma once

#include <array>
#include <bit>
#include <span>
#include <vector>

#include "fabric/program.h"

namespace cairn::fabric {

struct PortShares {
  std::vector<int> packets;  // by port
  std::vector<int> rank;     // by multiplier: which of its port's packets it gets; -1 = none
  Count words = 0;           // packets of all ports
  Count hops = 0;            // words that switches pass on
  Count destinations = 0;    // multipliers that get one

  // Leaves out the packets before `first`.
  void deal(const Multicasts& step, std::size_t first, int port_shift, std::size_t ports);

  // The packets port by port, as clocked runs and steps that are offered in part need them.
  std::vector<std::size_t> begin;  // by port, and the end of the last
  std::vector<int> index;          // of the packet, in the step
  std::vector<Multicast> to;
  std::vector<Count> hops_of;

  // In time: when port `p` sends its packets of a step.
  struct Offer {
    Cycle first;     // packets are offered from here on
    Cycle free_at;   // from here on the port can send
    Count at_once;   // packets offered in a cycle; 0 = all
    Cycle interval;  // between two packets of a port
  };
  std::vector<Cycle> sent(std::size_t p, Offer offer) const;

  void list(const Multicasts& step, std::size_t first, int port_shift);
};

// How many packets each port sends in a round, `shares` of them by kind of step: partial sums as well, those that
// stream from port 0 and those that come back to the ports of their multipliers.
std::vector<Count> packets_of_round(const std::array<PortShares, kStepKinds>& shares, const Packets& packets,
                                    int port_shift);

// Words that the switches of a port pass on for a packet to `multipliers`, all its own: one a level, and one more for
// each level below where two of them part.
inline Count port_hops(std::span<const int> multipliers, int port_shift) {
  Count hops = port_shift;
  for (std::size_t i = 1; i < multipliers.size(); ++i)
    hops += std::bit_width(static_cast<unsigned>(multipliers[i - 1] ^ multipliers[i]));
  return hops;
}

}  // namespace cairn::fabric
