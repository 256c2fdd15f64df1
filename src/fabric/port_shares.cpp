#include "fabric/port_shares.h"

#include <algorithm>

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

std::vector<Count> packets_of_round(const std::array<PortShares, kStepKinds>& shares, const Packets& packets,
                                    int port_shift) {
  const std::array<Count, kStepKinds> steps = packets.steps_by_kind();
  const Clusters& clusters = packets.clusters();
  const Count windows = packets.rows() * packets.windows();
  std::vector<Count> all(shares.front().packets.size(), 0);
  for (std::size_t kind = 0; kind < steps.size(); ++kind) {
    for (std::size_t p = 0; p < all.size(); ++p) all[p] += steps.at(kind) * shares.at(kind).packets[p];
  }
  if (clusters.psums_streamed) {
    all[0] += windows;
  } else if (clusters.psum_multiplier) {
    for (int v = 0; v < clusters.count; ++v)
      all[static_cast<std::size_t>(clusters.begin(v) >> port_shift)] += windows * (clusters.folds - 1);
  }
  return all;
}

std::vector<Cycle> PortShares::sent(std::size_t p, Offer offer) const {
  std::vector<Cycle> times;
  for (std::size_t i = begin[p]; i < begin[p + 1]; ++i) {
    const Cycle offered = offer.at_once == 0 ? 0 : index[i] / offer.at_once;
    times.push_back(std::max(offer.first + offered, offer.free_at));
    offer.free_at = times.back() + offer.interval;
  }
  return times;
}

}  // namespace cairn::fabric
