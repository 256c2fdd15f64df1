// Results as values, and the versioned JSON document made from them (docs/design/0003-result-document.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cairn/machine.h"
#include "cairn/operation.h"

namespace cairn {

struct LayerResult {
  std::string name;
  Operation operation;
  std::map<std::string, std::int64_t> tile{};  // "M" -> rows of outputs in the array at once
  std::int64_t rounds = 0;
  std::int64_t distinct_rounds = 0;
  std::string evaluator{};  // "flow", "step", or "flow, N rounds stepped"
  std::int64_t cycles = 0;
  std::int64_t multipliers = 0;      // of the machine
  std::int64_t multiplications = 0;  // that the operation needs
  std::int64_t buffer_reads = 0;     // words
  std::int64_t buffer_writes = 0;    // words
  std::map<std::string, std::map<std::string, std::int64_t>> counters{};

  // Useful multiplications over multipliers x cycles, 0 to 1.
  double utilisation() const;
};

std::string to_json(const LayerResult& layer);

// The result document: {"schema": "cairn.result/1", "context", "units", "layers", "totals"}. `context_json` is an
// object whose members join the context; version and machine are filled in. Throws Error: E104 if it is not a JSON
// object, U203 if the totals do not fit in 63 bits.
std::string document(const Machine& machine, const std::vector<LayerResult>& layers,
                     const std::string& context_json = "{}");

const char* version();

}  // namespace cairn
