// Any text as a layer table: every layer that comes out of it can be simulated, or is refused for its size.
#include <cstddef>
#include <cstdint>

#include "cairn/session.h"
#include "oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const cairn::Machine machine = cairn::load_machine("tpu-16x16");
  const std::string text(bytes, bytes + size);
  cairn::fuzz::ends_well([&] {
    cairn::Session session(machine);
    for (const cairn::Layer& layer : cairn::parse_topology(text, "fuzz.csv")) {
      cairn::fuzz::ends_well([&] { session.run(layer.name, layer.operation); });
    }
    session.document();
  });
  return 0;
}
