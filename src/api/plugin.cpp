#include "cairn/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <cstring>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/files.h"
#include "api/plugin_parts.h"
#include "fabric/plugin.h"

namespace cairn {
namespace {

constexpr const char* kBuildAnew =
    "build it anew with the CMake package of this Cairn: find_package(cairn), cairn::parts";

[[noreturn]] void refuse(const std::string& file, const std::string& message, const std::string& remedy = kBuildAnew) {
  throw Error(Code::plugin_unloadable, file, message, remedy);
}

// A header in the text of a file, if it reaches so far.
template <class Header>
std::optional<Header> header_at(const std::string& text, std::size_t offset) {
  Header header{};
  if (offset > text.size() || text.size() - offset < sizeof(header)) return std::nullopt;
  std::memcpy(&header, text.data() + offset, sizeof(header));
  return header;
}

// Whether all that the loader maps is in the file.
bool complete(const std::string& text, const ElfW(Ehdr) & header) {
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = header_at<ElfW(Phdr)>(text, header.e_phoff + i * sizeof(ElfW(Phdr)));
    if (!segment || segment->p_offset > text.size() || segment->p_filesz > text.size() - segment->p_offset)
      return false;
  }
  return true;
}

// The loader of the system says of a library for another machine that there is no such file, and falls over one that is
// cut short.
void check_library(const std::string& file) {
  const std::string text = api::read_file(file, "the plug-in");
  const auto header = header_at<ElfW(Ehdr)>(text, 0);
  if (!header || text.compare(0, SELFMAG, ELFMAG, SELFMAG) != 0)
    refuse(file, "this is no shared library", "the .so file that the build of a plug-in makes");
  Dl_info own{};
  dladdr(&kBuildAnew, &own);
  const auto& cairn = *static_cast<const ElfW(Ehdr)*>(own.dli_fbase);
  if (header->e_ident[EI_CLASS] != cairn.e_ident[EI_CLASS] || header->e_machine != cairn.e_machine)
    refuse(file, "the library is for another kind of processor", "build it on the machine that runs Cairn");
  if (!complete(text, *header)) refuse(file, "the library is cut short");
}

struct Close {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, Close>;

Library open(const std::string& file) {
  check_library(file);
  dlerror();
  Library library(dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) refuse(file, dlerror());
  return library;
}

// What the library says that it holds.
fabric::Plugin held(const Library& library, const std::string& file) {
  const auto* interface = static_cast<const char*>(dlsym(library.get(), fabric::kInterfaceSymbol));
  void* function = dlsym(library.get(), fabric::kPluginSymbol);
  if (interface == nullptr || function == nullptr)
    refuse(file, "the library is no plug-in of Cairn: it has no 'cairn_plugin'",
           R"(CAIRN_PLUGIN("name", "version", parts...) in one of its files)");
  if (std::strncmp(interface, CAIRN_INTERFACE, sizeof(CAIRN_INTERFACE)) != 0)
    refuse(file, "the plug-in was compiled with the headers of another Cairn");
  fabric::Plugin plugin;
  try {
    reinterpret_cast<fabric::PluginFunction>(function)(plugin);
  } catch (const std::exception& error) {
    refuse(file, fmt::format("the plug-in fails: {}", error.what()), "mend what makes its parts");
  } catch (...) {
    refuse(file, "the plug-in fails", "mend what makes its parts");
  }
  if (plugin.name.empty() || plugin.parts.empty())
    refuse(file, "the plug-in has no name, or no parts", R"(CAIRN_PLUGIN("name", "version", parts...))");
  return plugin;
}

struct Loaded {
  Library library;
  Plugin plugin;
};

// They stay to the end of the process, as machines may that hold their parts.
struct Shelf {
  std::mutex loading;
  std::list<Loaded> loaded;
};

Shelf& shelf() {
  static auto* const kShelf = new Shelf;
  return *kShelf;
}

}  // namespace

Plugin load_plugin(const std::string& path) {
  const std::lock_guard lock(shelf().loading);
  Library library = open(path);
  for (const Loaded& each : shelf().loaded) {
    if (each.library == library) return each.plugin;
  }
  Plugin plugin;
  {
    fabric::Plugin found = held(library, path);
    util::Diagnostics faults;
    api::check_parts(found.parts, faults);
    faults.raise_if_any();
    plugin = {found.name, found.version, path};
    const auto origin = std::make_shared<const schema::Origin>(schema::Origin{found.name, found.version, path});
    for (fabric::PartInfo& part : found.parts) {
      plugin.parts.push_back(part.info.slot + "." + part.info.type);
      part.info.origin = origin;
      if (!part.info.costs) part.info.costs = std::make_shared<const schema::Costs>();
    }
    fabric::add_parts(std::move(found.parts));
  }
  shelf().loaded.push_back({std::move(library), plugin});
  return plugin;
}

}  // namespace cairn
