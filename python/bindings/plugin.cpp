// Plug-ins for Python (cairn.load_plugin). Documentation and types are in python/cairn/_core.pyi.
#include "cairn/plugin.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

namespace nb = nanobind;

void bind_plugin(nb::module_& m) {
  m.def(
      "load_plugin",
      [](const std::string& path) {
        const cairn::Plugin plugin = cairn::load_plugin(path);
        nb::list parts;
        for (const std::string& part : plugin.parts) parts.append(part);
        nb::dict told;
        told["name"] = plugin.name;
        told["version"] = plugin.version;
        told["file"] = plugin.file;
        told["parts"] = parts;
        return told;
      },
      nb::arg("path"));
}
