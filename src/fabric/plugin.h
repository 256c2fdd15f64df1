// What a plug-in library shows to Cairn (docs/design/0014-plug-ins.md). Link the CMake target cairn::parts, and write
// once:
//
//   CAIRN_PLUGIN("chain", "1.0", collection_chain())
//
// with the rows of all its parts, as `declare` makes them.
#pragma once

#include <string>
#include <vector>

#include "fabric/part.h"

#ifndef CAIRN_INTERFACE
#error "link the CMake target cairn::parts: it tells for which headers of Cairn a plug-in is compiled"
#endif

namespace cairn::fabric {

struct Plugin {
  std::string name;
  std::string version;
  std::vector<PartInfo> parts;
};

// Its two symbols. The first is read before anything else is believed: which headers the plug-in was compiled with.
constexpr const char* kInterfaceSymbol = "cairn_plugin_interface";  // of const char[]
constexpr const char* kPluginSymbol = "cairn_plugin";               // of a PluginFunction
using PluginFunction = void (*)(Plugin&);

}  // namespace cairn::fabric

#define CAIRN_PLUGIN(plugin_name, plugin_version, ...)                                                        \
  extern "C" {                                                                                                \
  [[gnu::visibility("default")]] extern const char cairn_plugin_interface[];                                  \
  const char cairn_plugin_interface[] = CAIRN_INTERFACE;                                                      \
  [[gnu::visibility("default")]] void cairn_plugin(cairn::fabric::Plugin& plugin);                            \
  void cairn_plugin(cairn::fabric::Plugin& plugin) { plugin = {plugin_name, plugin_version, {__VA_ARGS__}}; } \
  }
