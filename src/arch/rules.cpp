#include "arch/rules.h"

#include <fmt/format.h>

namespace cairn::arch {
namespace {

class RuleBook {
 public:
  RuleBook(const Machine& machine, std::string source, util::Diagnostics& faults)
      : machine_(machine), source_(std::move(source)), faults_(faults) {}

  void check() {
    const Part& multiplier = machine_.part("multiplier");
    const std::int64_t elements = multiplier.integer("rows") * multiplier.integer("columns");
    const std::int64_t endpoints = multiplier.integer("rows") + multiplier.integer("columns");
    const std::int64_t bandwidth = machine_.part("distribution").integer("bandwidth");
    rule(bandwidth <= endpoints, "distribution.bandwidth",
         fmt::format("bandwidth {} exceeds the {} edge endpoints (rows + columns)", bandwidth, endpoints),
         fmt::format("bandwidth = {} or less, or 0 for one port an endpoint", endpoints));
    const Part& collection = machine_.part("collection");
    for (const char* slot : {"multiplier", "collection"}) {
      // Each cycle of latency is a register an element; beyond this the simulation would not fit in memory.
      constexpr std::int64_t kMostRegisters = std::int64_t{1} << 24;
      const std::int64_t latency = machine_.part(slot).integer("latency");
      rule(elements * latency <= kMostRegisters, fmt::format("{}.latency", slot),
           fmt::format("latency {} on {} elements (rows x columns) is {} registers", latency, elements,
                       elements * latency),
           fmt::format("latency = {} or less", kMostRegisters / elements));
    }
    if (collection.type == "bus") {
      const std::int64_t lines = collection.integer("lines");
      rule(lines <= elements, "collection.lines",
           fmt::format("{} lines for {} accumulators (rows x columns)", lines, elements),
           fmt::format("lines = {} or less, or 0 for one an accumulator", elements));
    }
    if (machine_.part("memory").flag("overlap")) check_overlap(bandwidth, endpoints);
  }

 private:
  // Overlapped tiles need a data path in which nothing of one tile can wait behind another.
  void check_overlap(std::int64_t bandwidth, std::int64_t endpoints) {
    const std::string why = "overlapped tiles (memory.overlap) need ";
    rule(bandwidth == 0 || bandwidth == endpoints, "distribution.bandwidth", why + "one port an endpoint",
         "bandwidth = 0");
    rule(machine_.part("collection").type != "bus", "collection.type", why + "a read-out without shared lines",
         R"(type = "shift" or "direct")");
    rule(machine_.part("writeback").word("drain") == "all", "writeback.drain", why + "a write-back that keeps up",
         R"(drain = "all")");
    rule(machine_.part("multiplier").integer("queue_depth") == 0, "multiplier.queue_depth",
         why + "operands that never wait", "queue_depth = 0");
    rule(machine_.part("distribution").integer("queue_depth") == 0, "distribution.queue_depth",
         why + "steps that never wait", "queue_depth = 0");
  }

  void rule(bool holds, const std::string& where, std::string message, std::string remedy) {
    if (!holds) faults_.add(Code::inconsistent_machine, source_ + ": " + where, std::move(message), std::move(remedy));
  }

  const Machine& machine_;
  std::string source_;
  util::Diagnostics& faults_;
};

}  // namespace

void check_rules(const Machine& machine, const std::string& source, util::Diagnostics& faults) {
  RuleBook(machine, source, faults).check();
}

}  // namespace cairn::arch
