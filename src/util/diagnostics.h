// Collecting faults: a reader reports all of them before it gives up, and names the nearest valid word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cairn/error.h"

namespace cairn::util {

class Diagnostics {
 public:
  void add(Code code, std::string place, std::string message, std::string remedy = "") {
    found_.push_back({code, std::move(place), std::move(message), std::move(remedy)});
  }
  bool empty() const { return found_.empty(); }
  // Throws an Error with everything found, or returns if nothing was.
  void raise_if_any() const {
    if (!found_.empty()) throw Error(found_);
  }

 private:
  std::vector<Diagnostic> found_;
};

// "did you mean 'rows'?" where a candidate is close, "one of: rows, columns" otherwise.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// A broken invariant of Cairn itself: on in every build, names who noticed.
void require(bool condition, std::string_view who, std::string_view what);

}  // namespace cairn::util
