#include "engine/instance_counts.h"

#include <fmt/format.h>

#include <bit>
#include <initializer_list>

#include "cairn/error.h"

namespace cairn::engine {
namespace {

template <class Counts>
Named columns(const std::vector<Counts>& counts,
              std::initializer_list<std::pair<const char*, Count Counts::*>> members) {
  Named named;
  for (const auto& [name, member] : members) {
    std::vector<std::int64_t>& column = named[name];
    column.reserve(counts.size());
    for (const Counts& each : counts) column.push_back(each.*member);
  }
  return named;
}

}  // namespace

SwitchTrees::SwitchTrees(std::int64_t ports, std::int64_t endpoints) {
  const std::int64_t leaves = endpoints / ports;
  if (leaves * ports != endpoints || !std::has_single_bit(static_cast<std::uint64_t>(leaves)))
    throw Error(Code::unsupported_mapping, "distribution.bandwidth",
                fmt::format("{} ports do not divide {} endpoints into trees of switches", ports, endpoints),
                "a bandwidth that leaves each port a power of two of them");
  levels_ = std::countr_zero(static_cast<std::uint64_t>(leaves));
  packets_.fill(std::vector<Count>(static_cast<std::size_t>(ports)));
  words_.resize(static_cast<std::size_t>(2 * endpoints - ports));
}

void SwitchTrees::send(Kind kind, std::span<const int> to, Count times) {
  std::vector<Count>& packets = packets_.at(kind);
  std::size_t first = 0;  // node of the level
  for (int level = 0; level <= levels_; ++level) {
    int last = -1;
    for (const int endpoint : to) {
      const int node = endpoint >> (levels_ - level);
      if (node == last) continue;
      last = node;
      words_[first + static_cast<std::size_t>(node)] += times;
      if (level == 0) packets[static_cast<std::size_t>(node)] += times;
    }
    first += packets.size() << level;
  }
}

Named SwitchTrees::named() const {
  return {{"weights", packets_[weights]}, {"inputs", packets_[inputs]}, {"psums", packets_[psums]}, {"words", words_}};
}

Named named(const std::vector<MultiplierCounts>& counts) {
  using C = MultiplierCounts;
  return columns<C>(counts, {{"weights", &C::weights},
                             {"inputs", &C::inputs},
                             {"psums", &C::psums},
                             {"received", &C::received},
                             {"sent", &C::sent},
                             {"multiplications", &C::multiplications},
                             {"psum_forwards", &C::psum_forwards},
                             {"zeros", &C::zeros},
                             {"dropped", &C::dropped},
                             {"configurations", &C::configurations}});
}

Named named(const std::vector<ElementCounts>& counts) {
  using C = ElementCounts;
  return columns<C>(counts, {{"received_left", &C::received_left},
                             {"received_top", &C::received_top},
                             {"sent_right", &C::sent_right},
                             {"sent_bottom", &C::sent_bottom},
                             {"multiplications", &C::multiplications},
                             {"configurations", &C::configurations}});
}

Named named(const std::vector<AdderCounts>& counts) {
  using C = AdderCounts;
  return columns<C>(counts, {{"left", &C::left},
                             {"right", &C::right},
                             {"neighbour", &C::neighbour},
                             {"waiting_left", &C::waiting_left},
                             {"waiting_right", &C::waiting_right},
                             {"waiting_neighbour", &C::waiting_neighbour},
                             {"additions_2to1", &C::additions_2to1},
                             {"additions_3to1", &C::additions_3to1},
                             {"made", &C::made},
                             {"aside", &C::aside},
                             {"transfers_out", &C::transfers_out},
                             {"transfers_up", &C::transfers_up},
                             {"folded", &C::folded},
                             {"fold_results", &C::fold_results},
                             {"configurations", &C::configurations}});
}

Named named(const std::vector<AccumulatorCounts>& counts) {
  using C = AccumulatorCounts;
  return columns<C>(counts, {{"taken", &C::taken}, {"transfers", &C::transfers}, {"results", &C::results}});
}

Named named(const std::vector<OutputCounts>& counts) {
  using C = OutputCounts;
  return columns<C>(counts, {{"results", &C::results}, {"transfers", &C::transfers}});
}

}  // namespace cairn::engine
