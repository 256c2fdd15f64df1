// What every fuzzer demands: a call ends well, or with an Error that blames the input, never Cairn.
#pragma once

#include <cstdlib>
#include <iostream>

#include "cairn/error.h"

namespace cairn::fuzz {

inline void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << what << "\n";
  std::abort();
}

// Whether the call ended well.
template <class Call>
bool ends_well(Call call) {
  try {
    call();
    return true;
  } catch (const Error& error) {
    demand(!error.diagnostics().empty(), "an Error without a diagnostic");
    for (const Diagnostic& d : error.diagnostics()) demand(info(d.code).kind != Kind::internal, to_string(d));
    return false;
  }
}

}  // namespace cairn::fuzz
