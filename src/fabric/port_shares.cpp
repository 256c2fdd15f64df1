#include "fabric/port_shares.h"

namespace cairn::fabric {

void PortShares::deal(const Multicasts& step, std::size_t first, int port_shift, std::size_t ports) {
  packets.assign(ports, 0);
  rank.assign(ports << port_shift, -1);
  words = hops = destinations = 0;
  for (std::size_t i = first; i < step.size(); ++i) {
    const std::span<const int> packet = step[i];
    destinations += std::ssize(packet);
    if (packet.size() == 1) {
      const auto multiplier = static_cast<std::size_t>(packet.front());
      rank[multiplier] = packets[multiplier >> port_shift]++;
      ++words;
      hops += port_shift;
      continue;
    }
    for (std::size_t own = 0, end = 0; own < packet.size(); own = end) {
      const int port = packet[own] >> port_shift;
      const int sent = packets[static_cast<std::size_t>(port)]++;
      for (; end < packet.size() && packet[end] >> port_shift == port; ++end)
        rank[static_cast<std::size_t>(packet[end])] = sent;
      ++words;
      hops += port_hops(packet.subspan(own, end - own), port_shift);
    }
  }
}

void PortShares::list(const Multicasts& step, std::size_t first, int port_shift) {
  begin.assign(1, 0);
  for (const int sent : packets) begin.push_back(begin.back() + static_cast<std::size_t>(sent));
  index.assign(begin.back(), 0);
  to.assign(begin.back(), {});
  for (std::size_t i = first; i < step.size(); ++i) {
    for (const int multiplier : step[i]) {
      const std::size_t at = begin[static_cast<std::size_t>(multiplier >> port_shift)] +
                             static_cast<std::size_t>(rank[static_cast<std::size_t>(multiplier)]);
      index[at] = static_cast<int>(i);
      to[at].push_back(multiplier);
    }
  }
  hops_of.clear();
  for (const Multicast& packet : to) hops_of.push_back(port_hops(packet, port_shift));
}

}  // namespace cairn::fabric
