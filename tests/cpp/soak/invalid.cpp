#include "soak/invalid.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "cairn/error.h"
#include "cairn/trace.h"
#include "fabric/part.h"
#include "harness/cases.h"
#include "soak/public_run.h"

namespace cairn::soak {
namespace {

using testing::Case;
using testing::MachineSpace;

// What is broken, and how: the attempt must be refused with the code. None where the case has nothing to break so.
struct Attempt {
  Code code;
  std::string told;
  std::function<void()> run;
};
struct Given {
  const MachineSpace& space;
  const Case& c;
};
using Break = std::optional<Attempt> (*)(SplitMix64& draw, const Given& given);

// The machine of the case with one thing set anew.
Attempt with_override(Code code, const Given& given, const std::string& path, const std::string& value) {
  Overrides overrides = given.c.overrides;
  std::erase_if(overrides, [&](const auto& o) { return o.first == path; });
  overrides.emplace_back(path, value);
  return {code, path + "=" + value, [preset = given.space.preset(), overrides] { load_machine(preset, overrides); }};
}

struct Chosen {
  std::string path;
  schema::Parameter parameter;
};

// A parameter of the case's machine that `fits`.
template <class Fits>
std::optional<Chosen> parameter(SplitMix64& draw, const Given& given, Fits fits) {
  std::vector<Chosen> all;
  for (const std::string& slot : arch::slots()) {
    const fabric::PartInfo& part = fabric::part(slot, given.c.description.part(slot).type);
    for (const schema::Parameter& p : part.info.parameters) {
      if (fits(p)) all.push_back({slot + "." + p.name, p});
    }
  }
  if (all.empty()) return std::nullopt;
  return all[static_cast<std::size_t>(draw.between(0, std::ssize(all) - 1))];
}

std::string any_slot(SplitMix64& draw) {
  return arch::slots()[static_cast<std::size_t>(draw.between(0, std::ssize(arch::slots()) - 1))];
}

// A name that is nobody's.
std::string misspelt(SplitMix64& draw, std::string name) {
  name.insert(static_cast<std::size_t>(draw.between(0, std::ssize(name))), "zq");
  return name;
}

std::optional<Attempt> value_out_of_range(SplitMix64& draw, const Given& given) {
  const auto chosen = parameter(draw, given, [](const schema::Parameter& p) { return p.range.has_value(); });
  if (!chosen) return std::nullopt;
  const schema::Range range = *chosen->parameter.range;
  const std::int64_t far = draw.between(1, std::int64_t{1} << draw.between(0, 40));
  const std::int64_t value = draw.one_in(2) ? range.minimum - far : range.maximum + far;
  return with_override(Code::out_of_range, given, chosen->path, std::to_string(value));
}

std::optional<Attempt> value_of_wrong_type(SplitMix64& draw, const Given& given) {
  const auto chosen = parameter(draw, given, [](const schema::Parameter& p) { return p.choices.empty(); });
  if (!chosen) return std::nullopt;
  static constexpr std::array<const char*, 5> kWrong{"many", "1.5", "[1]", "\"\"", "0x"};
  return with_override(Code::wrong_type, given, chosen->path, kWrong.at(static_cast<std::size_t>(draw.between(0, 4))));
}

std::optional<Attempt> choice_that_is_none(SplitMix64& draw, const Given& given) {
  const auto chosen = parameter(draw, given, [](const schema::Parameter& p) { return !p.choices.empty(); });
  if (!chosen) return std::nullopt;
  return with_override(Code::unknown_name, given, chosen->path, misspelt(draw, chosen->parameter.choices.front()));
}

std::optional<Attempt> key_that_is_none(SplitMix64& draw, const Given& given) {
  const std::string slot = any_slot(draw);
  return with_override(Code::unknown_key, given,
                       draw.one_in(2) ? slot + "." + misspelt(draw, "latency") : misspelt(draw, slot) + ".latency",
                       "1");
}

std::optional<Attempt> part_that_is_none(SplitMix64& draw, const Given& given) {
  const std::string slot = any_slot(draw);
  return with_override(Code::unknown_name, given, slot + ".type", misspelt(draw, given.c.description.part(slot).type));
}

std::optional<Attempt> preset_that_is_none(SplitMix64& draw, const Given& given) {
  const std::string name = misspelt(draw, given.space.preset());
  return Attempt{Code::unknown_name, name, [name] { load_machine(name); }};
}

std::optional<Attempt> parts_that_do_not_fit(SplitMix64& draw, const Given& given) {
  const arch::Machine& machine = given.c.description;
  const bool mesh = machine.family == "systolic";
  const bool tree = machine.family == "flexible";
  const arch::Part& multiplier = machine.part("multiplier");
  const std::int64_t lanes =
      mesh ? multiplier.integer("rows") * multiplier.integer("columns") : multiplier.integer("multipliers");
  const std::int64_t endpoints = mesh ? multiplier.integer("rows") + multiplier.integer("columns") : lanes;
  const auto above = [&](std::int64_t most) { return std::to_string(most + draw.between(1, 1000)); };
  const auto twice = [&] { return std::to_string(lanes << draw.between(1, 4)); };
  switch (draw.between(0, 2)) {
    case 0:
      if (!mesh && !tree) return std::nullopt;
      return with_override(Code::inconsistent_machine, given, "distribution.bandwidth",
                           mesh ? above(endpoints) : twice());
    case 1:
      if (mesh && machine.part("collection").type != "bus") return std::nullopt;
      return with_override(Code::inconsistent_machine, given, "collection.lines", mesh ? above(lanes) : twice());
    default:
      if (!tree) return std::nullopt;
      return with_override(Code::inconsistent_machine, given, "multiplier.multipliers",
                           std::to_string(3 * (std::int64_t{1} << draw.between(0, 8))));
  }
}

// A description as a file would hold it, with one line missing or cut.
std::optional<Attempt> text_that_is_broken(SplitMix64& draw, const Given& given) {
  const bool cut = draw.one_in(2);
  const std::string broken = any_slot(draw);
  std::string text = "name = \"m\"\nsummary = \"s\"\nfollows = \"f\"\n";
  for (const auto& [slot, part] : given.c.description.parts) {
    if (slot == broken && !cut) continue;
    text += fmt::format("[{}{}\ntype = \"{}\"\n", slot, slot == broken ? "" : "]", part.type);
    for (const auto& [name, value] : part.values) {
      const bool word = std::holds_alternative<std::string>(value);
      text += fmt::format("{} = {}{}{}\n", name, word ? "\"" : "", schema::to_string(value), word ? "\"" : "");
    }
  }
  return Attempt{cut ? Code::syntax : Code::missing_key, fmt::format("{} {}", cut ? "cut at" : "without", broken),
                 [text] { parse_machine(text, "soak.toml"); }};
}

std::int64_t none_or_negative(SplitMix64& draw) { return -draw.between(0, 5); }

std::optional<Attempt> size_of_gemm(SplitMix64& draw, const Given&) {
  Gemm::Sizes sizes = testing::random_gemm(draw).sizes();
  std::int64_t* const all[] = {&sizes.m, &sizes.n, &sizes.k, &sizes.batch};
  const auto which = static_cast<std::size_t>(draw.between(0, 3));
  *all[which] = none_or_negative(draw);
  return Attempt{Code::bad_size, fmt::format("size {} of a gemm is {}", which, *all[which]), [sizes] { Gemm{sizes}; }};
}

std::optional<Attempt> size_of_conv(SplitMix64& draw, const Given&) {
  Conv::Sizes s = testing::random_conv(draw).sizes();
  const auto last = s.input.size() - 1;
  std::string told;
  switch (draw.between(0, 7)) {
    case 0: s.channels = none_or_negative(draw), told = "channels"; break;
    case 1: s.filters = none_or_negative(draw), told = "filters"; break;
    case 2: s.groups = s.channels + draw.between(1, 4), told = "more groups than channels"; break;
    case 3:
      s.kernel[last] = s.input[last] + s.pad_begin[last] + s.pad_end[last] + draw.between(1, 3), told = "kernel";
      break;
    case 4: s.stride[last] = none_or_negative(draw), told = "stride"; break;
    case 5: s.dilation[last] = none_or_negative(draw), told = "dilation"; break;
    case 6: s.pad_begin[last] = -draw.between(1, 5), told = "negative padding"; break;
    default: s.stride.push_back(1), told = "a stride too many"; break;
  }
  return Attempt{Code::bad_size, told + " of a conv", [s] { Conv{s}; }};
}

std::optional<Attempt> size_that_cannot_be_counted(SplitMix64& draw, const Given&) {
  const auto side = [&] { return std::numeric_limits<std::int64_t>::max() >> draw.between(0, 30); };
  const Gemm::Sizes sizes{.m = side(), .n = side(), .k = side(), .batch = 1};
  return Attempt{Code::too_large, fmt::format("gemm {} x {} x {}", sizes.m, sizes.n, sizes.k),
                 [sizes] { Gemm{sizes}; }};
}

// A run of the case that must not come to its end.
Attempt run_with(Code code, const Given& given, std::string told, const RunOptions& options, bool values = true) {
  return {code, std::move(told), [&given, options, values] {
            Session session(load_machine(given.space.preset(), given.c.overrides));
            std::vector<float> output(given.c.data.expected.size());
            if (values) {
              run(session, given.c, options, output);
            } else {
              session.run("layer", given.c.operation, options);
            }
          }};
}

std::optional<Attempt> tile_that_does_not_fit(SplitMix64& draw, const Given& given) {
  const auto named = engine::named_tile(given.c.description, given.c.operation, given.c.tile);
  RunOptions options{.tile = named, .progress = {}};
  if (named.empty() || draw.one_in(3)) {
    options.tile["Q"] = draw.between(1, 9);
  } else {
    auto entry = options.tile.begin();
    std::advance(entry, draw.between(0, std::ssize(named) - 1));
    entry->second = draw.one_in(2) ? none_or_negative(draw) : (std::int64_t{1} << draw.between(12, 62));
  }
  return run_with(Code::tile_does_not_fit, given, testing::text(options.tile), options);
}

std::optional<Attempt> sparsity(SplitMix64& draw, const Given& given) {
  static constexpr std::array kNoShares{-0.1, 1.1, std::numeric_limits<double>::quiet_NaN(),
                                        std::numeric_limits<double>::infinity()};
  const bool with_values = draw.one_in(2);
  const double share = with_values ? 0.5 : kNoShares.at(static_cast<std::size_t>(draw.between(0, 3)));
  RunOptions options;
  (draw.one_in(2) ? options.sparsity.weights : options.sparsity.inputs) = share;
  return run_with(with_values ? Code::operand_mismatch : Code::out_of_range, given,
                  fmt::format("sparsity {}{}", share, with_values ? " beside values" : ""), options, with_values);
}

std::optional<Attempt> schedule_of_a_dense_machine(SplitMix64& draw, const Given& given) {
  if (given.space.sparse) return std::nullopt;
  RunOptions options;
  options.schedule = static_cast<Schedule>(draw.between(1, 3));
  return run_with(Code::unsupported_mapping, given, "a schedule on a dense machine", options);
}

std::optional<Attempt> trace_options(SplitMix64& draw, const Given& given) {
  TraceOptions options;
  switch (draw.between(0, 3)) {
    case 0: options.limit = draw.between(-5, 63'999); break;
    case 1: options.clock = draw.one_in(2) ? 0 : 1e9; break;
    case 2: options.from = -draw.between(0, 100); break;
    default: options.from = draw.between(2, 100), options.to = options.from - 1; break;
  }
  return Attempt{Code::out_of_range, "options of a trace",
                 [&given, options] { Trace(load_machine(given.space.preset(), given.c.overrides), options); }};
}

std::optional<Attempt> context_that_is_no_object(SplitMix64& draw, const Given& given) {
  static constexpr std::array<const char*, 4> kTexts{"[", "7", "[1, 2]", "{\"a\":"};
  const std::string text = kTexts.at(static_cast<std::size_t>(draw.between(0, 3)));
  return Attempt{Code::wrong_type, "context " + text,
                 [&given, text] { Session(load_machine(given.space.preset(), given.c.overrides)).document(text); }};
}

struct Way {
  const char* name;
  Break make;
};
constexpr std::array kWays{Way{"value out of range", value_out_of_range},
                           Way{"value of the wrong type", value_of_wrong_type},
                           Way{"unknown choice", choice_that_is_none},
                           Way{"unknown key", key_that_is_none},
                           Way{"unknown part", part_that_is_none},
                           Way{"unknown preset", preset_that_is_none},
                           Way{"parts that do not fit together", parts_that_do_not_fit},
                           Way{"broken text", text_that_is_broken},
                           Way{"bad size of a gemm", size_of_gemm},
                           Way{"bad size of a convolution", size_of_conv},
                           Way{"too large to count", size_that_cannot_be_counted},
                           Way{"tile that does not fit", tile_that_does_not_fit},
                           Way{"bad sparsity", sparsity},
                           Way{"schedule on a dense machine", schedule_of_a_dense_machine},
                           Way{"bad options of a trace", trace_options},
                           Way{"context that is no object", context_that_is_no_object}};

std::string names(const Error& error) {
  std::string all;
  for (const Diagnostic& d : error.diagnostics()) all += (all.empty() ? "" : " ") + std::string(info(d.code).name);
  return all;
}

}  // namespace

std::string run_invalid(std::uint64_t seed, Log& log, std::string& what) {
  SplitMix64 draw(~seed);
  const std::vector<MachineSpace> spaces = testing::spaces();
  const MachineSpace& space = spaces[static_cast<std::size_t>(draw.between(0, std::ssize(spaces) - 1))];
  const Case c(seed, space);
  const Given given{space, c};
  const Way* way = nullptr;
  std::optional<Attempt> attempt;
  while (!attempt) {
    way = &kWays.at(static_cast<std::size_t>(draw.between(0, std::ssize(kWays) - 1)));
    attempt = way->make(draw, given);
  }
  what = fmt::format("{}: {}; {}", way->name, attempt->told, c.trace);
  try {
    attempt->run();
  } catch (const Error& error) {
    bool named = false;
    for (const Diagnostic& d : error.diagnostics()) {
      if (info(d.code).kind == Kind::internal) return "blamed on Cairn: " + to_string(d);
      if (d.message.empty()) return "refused without a word";
      named = named || d.code == attempt->code;
    }
    if (!named) return fmt::format("refused as {}, not as {}", names(error), info(attempt->code).name);
    log.count("broken", way->name);
    log.count("refused as", std::string(info(attempt->code).name));
    return "";
  }
  return fmt::format("not refused; {} expected", info(attempt->code).name);
}

}  // namespace cairn::soak
