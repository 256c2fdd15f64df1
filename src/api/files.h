// Files that the user names.
#pragma once

#include <string>

namespace cairn::api {

// The text of a file that holds `what`. Throws E101.
std::string read_file(const std::string& path, const std::string& what);

}  // namespace cairn::api
