#include "api/files.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "util/diagnostics.h"

namespace cairn::api {

std::string read_file(const std::string& path, const std::string& what) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  // Opening a folder succeeds; reading it does not, and says so nowhere.
  if (!file || file.bad() || std::filesystem::is_directory(path))
    throw Error(Code::file_unreadable, path, what + " cannot be read", "check the path");
  return text.str();
}

}  // namespace cairn::api
