// What every read-out counts: sums go in, results come out.
#pragma once

#include "stats/counters.h"

namespace cairn::fabric {

struct CollectionCounters {
  Count results_in = 0;
  Count results_out = 0;
  static auto fields() {
    return std::tuple{
        stats::counter("results_in", &CollectionCounters::results_in, "results", "sums taken from the accumulators"),
        stats::counter("results_out", &CollectionCounters::results_out, "results", "results sent to the write-back")};
  }
};

}  // namespace cairn::fabric
