#include "stats/counters.h"

#include <fmt/format.h>

#include "util/diagnostics.h"

namespace cairn::stats {
namespace {

Count sum_of(const CounterTree& counters, const std::vector<std::string>& names) {
  Count sum = 0;
  for (const std::string& name : names) {
    const auto dot = name.find('.');
    sum += counters.at(name.substr(0, dot)).at(name.substr(dot + 1));
  }
  return sum;
}

}  // namespace

CounterTree difference(CounterTree after, const CounterTree& before) {
  accumulate(after, before, -1);
  return after;
}

void accumulate(CounterTree& total, const CounterTree& part, Count times) {
  for (const auto& [slot, counters] : part) {
    auto& sums = total[slot];
    auto next_sum = sums.begin();  // mostly both have the same names
    for (const auto& [name, value] : counters) {
      if (next_sum == sums.end() || next_sum->first != name) next_sum = sums.try_emplace(name, 0).first;
      Count& sum = next_sum++->second;
      Count next = 0;
      const auto product = util::checked_multiply(value, times);
      if (!product || __builtin_add_overflow(sum, *product, &next)) {
        throw Error(Code::too_large, fmt::format("{}.{}", slot, name), "the counter does not fit in 63 bits",
                    "simulate a smaller operation");
      }
      sum = next;
    }
  }
}

void check_conservation(const CounterTree& counters, const std::vector<Conservation>& laws) {
  for (const Conservation& law : laws) {
    const Count left = sum_of(counters, law.left);
    const Count right = sum_of(counters, law.right);
    if (left == right) continue;
    util::require(false, "conservation", fmt::format("{}: {} on one side, {} on the other", law.law, left, right));
  }
}

}  // namespace cairn::stats
