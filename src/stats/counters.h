// A counter is a number with a name, a unit and a sentence, declared beside the member that holds it.
//
//   struct BusCounters {
//     Count results_in = 0;
//     static auto fields() { return std::tuple{stats::counter("results_in", &BusCounters::results_in, "results",
//     "...")}; }
//   };
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "schema/catalog.h"
#include "util/units.h"

namespace cairn::stats {

template <class Counters>
struct CounterField {
  const char* name;
  const char* unit;
  const char* doc;
  Count Counters::*member;
};

template <class Counters>
constexpr auto counter(const char* name, Count Counters::*member, const char* unit, const char* doc) {
  return CounterField<Counters>{name, unit, doc, member};
}

template <class Counters>
std::vector<schema::CounterInfo> describe() {
  return std::apply(
      [](auto... field) {
        return std::vector<schema::CounterInfo>{{field.name, field.unit, field.doc}...};
      },
      Counters::fields());
}

// Slot -> counter -> how often.
using CounterTree = std::map<std::string, std::map<std::string, Count>>;

template <class Counters>
std::map<std::string, Count> values(const Counters& counters) {
  std::map<std::string, Count> all;
  std::apply([&](const auto&... field) { (all.emplace(field.name, counters.*field.member), ...); }, Counters::fields());
  return all;
}

// What was counted in between.
CounterTree difference(CounterTree after, const CounterTree& before);

// total += times * part. Throws too_large (U203) rather than wrap.
void accumulate(CounterTree& total, const CounterTree& part, Count times);

// A law that the counters of a finished run obey, whatever the machine: the sums of both sides are equal.
struct Conservation {
  std::string law;                // "every product is accumulated"
  std::vector<std::string> left;  // "slot.counter"
  std::vector<std::string> right;
};

// Throws internal_error (I001) naming the first law that the counters break.
void check_conservation(const CounterTree& counters, const std::vector<Conservation>& laws);

}  // namespace cairn::stats
