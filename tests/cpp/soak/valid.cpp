#include "soak/valid.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "cairn/session.h"
#include "harness/cases.h"
#include "soak/public_run.h"

namespace cairn::soak {
namespace {

using testing::Case;

// One layer's document, without what tells the evaluators apart.
nlohmann::json comparable(const Session& session) {
  nlohmann::json document = nlohmann::json::parse(session.document());
  for (nlohmann::json& layer : document.at("layers")) {
    layer.erase("evaluator");
    layer.at("mapping").erase("evaluated_rounds");
  }
  return document;
}

// The first place in which two documents differ.
std::string difference(const nlohmann::json& a, const nlohmann::json& b) {
  const nlohmann::json patch = nlohmann::json::diff(a, b);
  if (patch.empty()) return "";
  const std::string path = patch[0].at("path");
  const auto at = [&](const nlohmann::json& document) {
    const nlohmann::json::json_pointer place(path);
    return document.contains(place) ? document.at(place).dump() : std::string("nothing");
  };
  return fmt::format("flow and step differ in {} places, first {}: {} against {}", patch.size(), path, at(a), at(b));
}

void count(const Case& c, const RunOptions& options, const nlohmann::json& flowed, Log& log) {
  for (const std::string& slot : arch::slots()) log.count(slot, c.description.part(slot).type);
  log.count("operation", kind(c.operation));
  log.count("tile", options.tile.empty() ? "chosen" : "given");
  const nlohmann::json& layer = flowed.at("layers").at(0);
  log.count("totals", "clocked cycles", layer.at("cycles"));
  log.count("totals", "multiplications", layer.at("multiplications"));
}

}  // namespace

std::string run_valid(std::uint64_t seed, Log& log, std::string& what) {
  SplitMix64 draw(seed);
  const std::vector<testing::MachineSpace> spaces = testing::spaces();
  const auto chosen = static_cast<std::size_t>(draw.between(0, std::ssize(spaces) - 1));
  const Case c(seed, spaces[chosen], draw.one_in(20));
  const RunOptions options = draw_options(draw, c);
  what = c.trace + (options.tile.empty() ? ", tile not given" : "");

  const Machine machine = load_machine(spaces[chosen].preset(), c.overrides);
  Session flow(machine, Evaluator::flow);
  Session step(machine, Evaluator::step);
  // An output starts as NaN, which equals nothing: what is never written is seen.
  const std::vector<float> unwritten(c.data.expected.size(), std::numeric_limits<float>::quiet_NaN());
  std::vector<float> flowed = unwritten;
  std::vector<float> stepped = unwritten;
  run(flow, c, options, flowed);
  run(step, c, options, stepped);
  if (flowed != c.data.expected) return "flow computes other values than the reference executor";
  if (stepped != c.data.expected) return "step computes other values than the reference executor";
  const nlohmann::json document = comparable(flow);
  if (std::string differs = difference(document, comparable(step)); !differs.empty()) return differs;
  log.count("evaluator", flow.layers().at(0).evaluator == "flow" ? "flow throughout" : "flow that steps some rounds");
  count(c, options, document, log);
  return "";
}

}  // namespace cairn::soak
