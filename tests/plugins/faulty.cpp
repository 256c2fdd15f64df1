// A plug-in with the fault that the environment asks for, each of which Cairn refuses or tells by name.
#include <cstdlib>
#include <stdexcept>

#include "fabric/plugin.h"

namespace {

using namespace cairn;

std::string fault() {
  const char* asked = std::getenv("FAULT");
  return asked == nullptr ? "" : asked;
}

// A wire from every accumulator to the write-back, as the direct read-out.
class Wire final : public fabric::Part {
 public:
  struct Params {
    std::int64_t latency = 0;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10}, "to the write-back")};
    }
  };
  struct Counters {
    Count results_in = 0;
    Count results_out = 0;
    static auto fields() {
      return std::tuple{stats::counter("results_in", &Counters::results_in, "results", "sums taken"),
                        stats::counter("results_out", &Counters::results_out, "results", "results sent")};
    }
  };

  Wire(std::string slot, const Params&, const fabric::Array&, fabric::Links& links)
      : Part(std::move(slot)), links_(links) {
    links.used.lines = kernel::LaneSet(links.results->lanes());
  }
  kernel::Wiring wiring() const override { return {{links_.sums}, {links_.results}}; }
  void configure(const fabric::Round&) override { links_.used.lines |= links_.used.points; }
  bool tick(Cycle now) override {
    if (fault() == "fails in a run") throw std::runtime_error("the wire broke");
    if (fault() == "is stuck") return false;
    const Count before = counters_.results_in;
    links_.sums->occupied().for_each([&](int lane) {
      if (!links_.sums->can_pop(lane, now)) return;
      links_.results->push(lane, links_.sums->pop(lane, now), now);
      ++counters_.results_in;
    });
    counters_.results_out = counters_.results_in + (fault() == "counts wrongly" ? 1 : 0);
    return counters_.results_in > before;
  }
  bool has_flow() const override { return false; }
  void flow() override {}
  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  Count units() const override { return links_.results->lanes(); }
  Count taking_part() const override { return links_.used.lines.count(); }

 private:
  fabric::Links& links_;
  Counters counters_;
};

fabric::PartInfo wire() {
  fabric::PartInfo row = fabric::declare<Wire>("collection", "wire", "A wire.", {"wires", {"results_out"}}, "systolic");
  const auto one_each = [](const schema::Values&, const schema::Costs::Array& array) {
    return array.rows * array.columns;
  };
  schema::Costs costs{.charges = {{"results_out", "collection_wire", "transfer"}},
                      .exemptions = {{"results_in", "the other end of the wire"}},
                      .units = {{"collection_wire", schema::Width::sum, one_each}}};
  schema::ComponentInfo& info = row.info;
  const std::string asked = fault();
  if (asked == "taken name") info.type = "bus";
  if (asked == "no name") info.type = "";
  if (asked == "no such slot") info.slot = "colection";
  if (asked == "no such family") info.family = "sistolic";
  if (asked == "controller") info.slot = "memory", info.family = "flexible";
  if (asked == "nothing makes it") row.make = nullptr;
  if (asked == "no sentence") info.doc = "";
  if (asked == "no unit") info.unit = "";
  if (asked == "missing parameter") info.parameters.clear();
  if (asked == "wider range") info.parameters.front().range->minimum = -1;
  if (asked == "parameter called type") info.parameters.push_back({"type", "", "a", false, {}, {}});
  if (asked == "bad default") info.parameters.front().initial = std::int64_t{1} << 20;
  if (asked == "missing counter") info.counters.pop_back();
  if (asked == "unpriced counter") costs.charges.clear();
  if (asked == "priced twice") costs.exemptions.push_back({"results_out", "a reason"});
  if (asked == "no reason") costs.exemptions.front().reason = "";
  if (asked == "unknown charge") costs.charges.push_back({"hops", "collection_wire", "transfer"});
  if (asked == "unknown exemption") costs.exemptions.push_back({"hops", "a reason"});
  if (asked == "unknown component") costs.charges.push_back({"results_out", "wire", "transfer"});
  if (asked == "unknown action") costs.charges.push_back({"results_out", "collection_wire", "push"});
  if (asked == "no such units") costs.charges.push_back({"results_out", "queue", "push"});
  if (asked == "units of another")
    costs.charges.push_back({"results_out", "queue", "push", schema::Width::sum, "reduction"});
  if (asked == "units not counted") costs.units.front().count = nullptr;
  if (asked == "units missing")
    costs.units.clear(), costs.charges.front() = {"results_out", "buffer", "write", schema::Width::sum, "memory"};
  if (asked != "no costs") info.costs = std::make_shared<const schema::Costs>(costs);
  return row;
}

std::vector<fabric::PartInfo> parts() {
  if (fault() == "throws") throw std::runtime_error("no licence");
  if (fault() == "throws something else") throw 1;
  if (fault() == "no parts") return {};
  if (fault() == "twice") return {wire(), wire()};
  return {wire()};
}

}  // namespace

extern "C" {
[[gnu::visibility("default")]] extern const char cairn_plugin_interface[];
const char cairn_plugin_interface[] = CAIRN_INTERFACE;
[[gnu::visibility("default")]] void cairn_plugin(fabric::Plugin& plugin);
void cairn_plugin(fabric::Plugin& plugin) { plugin = {fault() == "no plug-in name" ? "" : "faulty", "1.0", parts()}; }
}
