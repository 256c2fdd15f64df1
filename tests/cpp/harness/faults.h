// What a call refuses: its diagnostics as short lines that a test can compare at once.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cairn/error.h"

namespace cairn::testing {

// The diagnostics that `call` throws; none if it throws nothing.
template <class Call>
std::vector<Diagnostic> faults(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.diagnostics();
  }
  return {};
}

// "E103 machine.toml:7:1" for each diagnostic, in the order in which they are told.
inline std::vector<std::string> places(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  for (const Diagnostic& d : diagnostics) lines.push_back(std::string(info(d.code).name) + " " + d.place);
  return lines;
}

// Only the codes: "E301".
inline std::vector<std::string> names(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  for (const Diagnostic& d : diagnostics) lines.emplace_back(info(d.code).name);
  return lines;
}

// Expects exactly one fault, told in these words.
template <class Call>
void expect_fault(Call call, const std::string& code, const std::string& place, const std::string& message,
                  const std::string& remedy) {
  const std::vector<Diagnostic> found = faults(call);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(info(found[0].code).name, code);
  EXPECT_EQ(found[0].place, place);
  EXPECT_EQ(found[0].message, message);
  EXPECT_EQ(found[0].remedy, remedy);
}

}  // namespace cairn::testing
