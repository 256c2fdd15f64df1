// How the packets of a kind of step are dealt out to read ports, each with a tree of switches over 2 ^ `port_shift`
// multipliers of its own. A packet for several ports is sent by each of them. A multiplier gets one packet of a step at
// most. Pure: it knows no time.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "fabric/program.h"
#include "kernel/stream.h"

namespace cairn::fabric {

// Ports that send in the same cycles.
struct PortGroups {
  using Lanes = std::vector<std::pair<std::size_t, std::uint64_t>>;  // which of the n-th 64 ports
  std::vector<std::size_t> of_port;
  std::vector<Lanes> ports;
  static int first(const Lanes& ports) {
    return static_cast<int>(ports.front().first) * 64 + std::countr_zero(ports.front().second);
  }
};

struct PortShares {
  std::vector<int> packets;  // by port
  std::vector<int> rank;     // by multiplier: which of its port's packets it gets; -1 = none
  Count words = 0;           // packets of all ports
  Count hops = 0;            // words that switches pass on
  Count destinations = 0;    // multipliers that get one

  // Leaves out the packets before `first`.
  void deal(const Multicasts& step, std::size_t first, int port_shift, std::size_t ports);

  // Turn by turn, as clocked runs and steps that are offered in part need them: in the n-th turn of a group each of its
  // ports sends its n-th packet of the step.
  struct Destination {
    int multiplier;
    int packet;  // among those of the group
  };
  struct Turn {
    int last = 0;  // packet of the step among those sent
    Count words = 0;
    Count hops = 0;
    std::size_t begin = 0;  // in `to`
    std::size_t end = 0;
  };
  std::vector<std::size_t> first_turn;       // by group, and the end of the last
  std::vector<Turn> turns;                   // group by group
  std::vector<Destination> to;               // turn by turn
  std::vector<std::vector<int>> packets_of;  // by group: those of the step that it sends, ascending
  std::span<const Turn> turns_of(std::size_t group) const {
    return std::span(turns).subspan(first_turn[group], first_turn[group + 1] - first_turn[group]);
  }

  // In time: when a group sends its packets of steps, turn by turn, each step before the next.
  struct Offer {
    kernel::Piece steps;  // packets are offered from here on
    Cycle free_at;        // from here on the ports can send
    Count at_once;        // packets offered in a cycle; 0 = all
    Cycle interval;       // between two packets of a port
  };
  std::vector<kernel::Stream> sent(std::size_t group, const Offer& offer) const;

  void list(const Multicasts& step, std::size_t first, int port_shift, const PortGroups& groups);
};

// Ports with equally many packets of every kind of step, `shares` of them, send these in the same cycles if steps are
// offered whole and nothing else is sent; otherwise each is `alone`.
PortGroups group_ports(const std::array<PortShares, kStepKinds>& shares, bool alone);

// How many packets each port sends in a round, `shares` of them by kind of step: partial sums as well, those that
// stream from port 0 and those that come back to the ports of their multipliers.
void packets_of_round(const std::array<PortShares, kStepKinds>& shares, const Packets& packets, int port_shift,
                      std::vector<Count>& all);

// Words that the switches of a port pass on for a packet to `multipliers`, all its own: one a level, and one more for
// each level below where two of them part.
inline Count port_hops(std::span<const int> multipliers, int port_shift) {
  Count hops = port_shift;
  for (std::size_t i = 1; i < multipliers.size(); ++i)
    hops += std::bit_width(static_cast<unsigned>(multipliers[i - 1] ^ multipliers[i]));
  return hops;
}

}  // namespace cairn::fabric
