// Any text as a table of energy: read, told again as JSON and used, or refused.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "cairn/energy.h"
#include "oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(bytes, bytes + size);
  static const cairn::Machine machine = cairn::load_machine("maeri-64");
  cairn::fuzz::ends_well([&] {
    const cairn::EnergyTable table = cairn::parse_energy_table(text, "fuzz.toml");
    cairn::fuzz::demand(!nlohmann::json::parse(table.to_json()).at("figures").empty(), "a table without figures");
    for (const auto& unit : nlohmann::json::parse(table.of(machine)))
      cairn::fuzz::demand(unit.at("area").get<double>() >= 0, "an area below zero");
  });
  // The same text as a document to be priced.
  cairn::fuzz::ends_well([&] { cairn::priced(text, cairn::EnergyTable()); });
  return 0;
}
