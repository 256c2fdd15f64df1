// Plug-ins: libraries with components that are not Cairn's own (docs/your-own-accelerator.md).
#pragma once

#include <string>
#include <vector>

namespace cairn {

struct Plugin {
  std::string name;
  std::string version;
  std::string file;
  std::vector<std::string> parts{};  // "collection.chain"
};

// Loads a shared library. Its parts can be named from then on by every machine that this process loads, and are in the
// catalog. A library that is loaded already is not loaded again. Throws Error, and then nothing of it is kept: E101 for
// a file that cannot be read, E109 for one that is no plug-in for this Cairn or that throws, E110 (and E105) for each
// part that no machine could use.
Plugin load_plugin(const std::string& path);

}  // namespace cairn
