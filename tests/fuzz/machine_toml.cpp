// Any text as a machine description: read and told again as JSON, or refused.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "cairn/machine.h"
#include "oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(bytes, bytes + size);
  cairn::fuzz::ends_well([&] {
    const std::string json = cairn::parse_machine(text, "fuzz.toml").to_json();
    cairn::fuzz::demand(nlohmann::json::parse(json).at("parts").size() == 6, "a machine without all of its parts");
  });
  // The same text as a command line's override, which is as much a stranger's.
  const auto equals = text.find('=');
  if (equals == std::string::npos) return 0;
  cairn::fuzz::ends_well([&] {
    cairn::load_machine("tpu-16x16", {{text.substr(0, equals), text.substr(equals + 1)}});
  });
  return 0;
}
