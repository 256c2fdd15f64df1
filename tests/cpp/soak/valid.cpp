#include "soak/valid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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

// On independent lanes half of the operations go into a rectifier; their inputs are not negative then.
bool rectify(SplitMix64& draw, Case& c, RunOptions& options) {
  if (arch::control(c.description) != arch::Control::outputs || draw.one_in(2)) return false;
  options.rectified.emplace();
  for (float& input : c.data.a) input = std::abs(input);
  const auto* conv = std::get_if<Conv>(&c.operation);
  c.data.expected = conv != nullptr
                        ? workload::reference_conv(*conv, c.data.a.data(), c.data.b.data())
                        : workload::reference_gemm(std::get<Gemm>(c.operation), c.data.a_view, c.data.b_view);
  return true;
}

std::vector<float> behind_rectifier(std::vector<float> values) {
  for (float& value : values) value = std::max(0.0F, value);
  return values;
}

// What is wrong with the values of the two evaluators. A machine that predicts zeros may be wrong about them.
std::string check_values(const Case& c, bool rectified, const std::vector<float>& flowed,
                         const std::vector<float>& stepped) {
  if (flowed != stepped) return "flow and step compute different values";
  if (!rectified) return flowed == c.data.expected ? "" : "the values are not those of the reference executor";
  if (c.description.part("memory").integer("prefix") > 0) return "";
  return behind_rectifier(flowed) == behind_rectifier(c.data.expected) ? ""
                                                                       : "the values behind the rectifier are wrong";
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
  Case c(seed, spaces[chosen], draw.one_in(20));
  RunOptions options = draw_options(draw, c);
  const bool rectified = rectify(draw, c, options);
  what = c.trace + (options.tile.empty() ? ", tile not given" : "") + (rectified ? ", rectified" : "");

  const Machine machine = load_machine(spaces[chosen].preset(), c.overrides);
  Session flow(machine, Evaluator::flow);
  Session step(machine, Evaluator::step);
  // An output starts as NaN, which equals nothing: what is never written is seen.
  const std::vector<float> unwritten(c.data.expected.size(), std::numeric_limits<float>::quiet_NaN());
  std::vector<float> flowed = unwritten;
  std::vector<float> stepped = unwritten;
  run(flow, c, options, flowed);
  run(step, c, options, stepped);
  if (std::string wrong = check_values(c, rectified, flowed, stepped); !wrong.empty()) return wrong;
  const nlohmann::json document = comparable(flow);
  if (std::string differs = difference(document, comparable(step)); !differs.empty()) return differs;
  if (rectified) log.count("operation", "of these into a rectifier");
  log.count("evaluator", flow.layers().at(0).evaluator == "flow" ? "flow throughout" : "flow that steps some rounds");
  count(c, options, document, log);
  return "";
}

}  // namespace cairn::soak
