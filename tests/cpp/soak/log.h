// What a long run of random configurations has seen, as counts under headings; kept as one JSON document.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cairn::soak {

struct Log {
  std::map<std::string, std::map<std::string, std::int64_t>> counts;  // heading -> what -> how often
  std::vector<std::string> faults;                                    // each with its seed and the case
  std::int64_t passed = 0;
  double slowest_seconds = 0;
  std::string slowest;

  void count(const std::string& heading, const std::string& what, std::int64_t times = 1) {
    counts[heading][what] += times;
  }
};

}  // namespace cairn::soak
