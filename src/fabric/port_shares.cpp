#include "fabric/port_shares.h"

#include <algorithm>
#include <map>
#include <utility>

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

void PortShares::list(const Multicasts& step, std::size_t first, int port_shift, const PortGroups& groups) {
  first_turn.assign(1, 0);
  for (const PortGroups::Lanes& ports : groups.ports) {
    const int sent = packets[static_cast<std::size_t>(PortGroups::first(ports))];
    first_turn.push_back(first_turn.back() + static_cast<std::size_t>(sent));
  }
  turns.assign(first_turn.back(), {});
  packets_of.assign(groups.ports.size(), {});
  to.resize(static_cast<std::size_t>(destinations));
  const auto group_of = [&](int multiplier) {
    return groups.of_port[static_cast<std::size_t>(multiplier >> port_shift)];
  };
  const auto turn_of = [&](int multiplier) -> Turn& {
    return turns[first_turn[group_of(multiplier)] +
                 static_cast<std::size_t>(rank[static_cast<std::size_t>(multiplier)])];
  };
  for (std::size_t i = first; i < step.size(); ++i) {
    for (const int multiplier : step[i]) ++turn_of(multiplier).end;
  }
  for (std::size_t begin = 0; Turn & turn : turns) {
    const std::size_t size = std::exchange(turn.end, begin);
    turn.begin = begin;
    begin += size;
  }
  for (std::size_t i = first; i < step.size(); ++i) {
    const std::span<const int> packet = step[i];
    for (std::size_t n = 0; n < packet.size(); ++n) {
      const int multiplier = packet[n];
      Turn& turn = turn_of(multiplier);
      std::vector<int>& sent = packets_of[group_of(multiplier)];
      if (sent.empty() || sent.back() != static_cast<int>(i)) sent.push_back(static_cast<int>(i));
      to[turn.end++] = {multiplier, static_cast<int>(sent.size()) - 1};
      turn.last = static_cast<int>(i);
      if (n > 0 && packet[n - 1] >> port_shift == multiplier >> port_shift) {
        turn.hops += std::bit_width(static_cast<unsigned>(packet[n - 1] ^ multiplier));
      } else {
        ++turn.words;
        turn.hops += port_shift;
      }
    }
  }
}

PortGroups group_ports(const std::array<PortShares, kStepKinds>& shares, bool alone) {
  PortGroups groups;
  std::map<std::array<int, kStepKinds>, std::size_t> known;
  for (std::size_t p = 0; p < shares.front().packets.size(); ++p) {
    const std::array<int, kStepKinds> packets{shares[0].packets[p], shares[1].packets[p], shares[2].packets[p]};
    const std::size_t group = alone ? p : known.try_emplace(packets, known.size()).first->second;
    groups.of_port.push_back(group);
    groups.ports.resize(std::max(groups.ports.size(), group + 1));
    PortGroups::Lanes& ports = groups.ports[group];
    if (ports.empty() || ports.back().first != p / 64) ports.emplace_back(p / 64, 0);
    ports.back().second |= std::uint64_t{1} << p % 64;
  }
  return groups;
}

void packets_of_round(const std::array<PortShares, kStepKinds>& shares, const Packets& packets, int port_shift,
                      std::vector<Count>& all) {
  const std::array<Count, kStepKinds> steps = packets.steps_by_kind();
  const Clusters& clusters = packets.clusters();
  const Count windows = packets.rows() * packets.windows();
  all.assign(shares.front().packets.size(), 0);
  for (std::size_t kind = 0; kind < steps.size(); ++kind) {
    for (std::size_t p = 0; p < all.size(); ++p) all[p] += steps.at(kind) * shares.at(kind).packets[p];
  }
  if (clusters.psums_streamed) {
    all[0] += windows;
  } else if (clusters.psum_multiplier) {
    for (int v = 0; v < clusters.count; ++v)
      all[static_cast<std::size_t>(clusters.begin(v) >> port_shift)] += windows * (clusters.folds - 1);
  }
}

// A packet leaves when the later of two ports would send it: one that is busy all the time, and one that had nothing
// to do before, which from the second step on is as far behind the offers as ever, or falls behind at a steady rate.
std::vector<kernel::Stream> PortShares::sent(std::size_t group, const Offer& offer) const {
  const std::span<const Turn> all = turns_of(group);
  const Cycle busy = std::ssize(all) * offer.interval;
  const auto send = [&](Cycle first, Cycle free_at) {
    std::vector<Cycle> times;
    for (const Turn& turn : all) {
      times.push_back(std::max(first + (offer.at_once == 0 ? 0 : turn.last / offer.at_once), free_at));
      free_at = times.back() + offer.interval;
    }
    return times;
  };
  const std::vector<Cycle> first = send(offer.steps.first, offer.steps.first);
  const std::vector<Cycle> second = send(offer.steps.at(1), first.back() + offer.interval);
  std::vector<kernel::Stream> streams;
  for (std::size_t j = 0; j < all.size(); ++j) {
    kernel::Stream fresh = kernel::Stream::regular(first[j], 0, 1);
    fresh.append({second[j], std::max(busy, offer.steps.step), offer.steps.count - 1});
    const Cycle waited = offer.free_at + static_cast<Cycle>(j) * offer.interval;
    streams.push_back(join(kernel::Stream::regular(waited, busy, offer.steps.count), fresh));
  }
  return streams;
}

}  // namespace cairn::fabric
