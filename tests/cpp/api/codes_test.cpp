// The table of diagnostic codes: every code once, with a name, a title and advice.
#include <gtest/gtest.h>

#include <set>

#include "cairn/error.h"
#include "util/diagnostics.h"

namespace cairn::testing {
namespace {

TEST(Codes, have_unique_names_an_explanation_an_example_and_a_remedy_each) {
  std::set<std::string_view> seen;
  for (const CodeInfo& code : codes()) {
    EXPECT_TRUE(seen.insert(code.name).second) << code.name;
    EXPECT_EQ(code.name.size(), 4U) << code.name;
    EXPECT_FALSE(code.title.empty()) << code.name;
    EXPECT_GE(code.explanation.size(), 20U) << code.name;
    EXPECT_FALSE(code.example.empty()) << code.name;
    EXPECT_GE(code.remedy.size(), 20U) << code.name;
  }
}

TEST(Codes, list_every_value_of_the_enumeration_in_order) {
  ASSERT_EQ(codes().size(), static_cast<std::size_t>(Code::machine_stuck) + 1);
  for (std::size_t i = 0; i < codes().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(codes()[i].code), i);
    EXPECT_EQ(&info(codes()[i].code), &codes()[i]);
  }
}

TEST(Codes, tell_their_kind_by_their_letter) {
  for (const CodeInfo& code : codes()) {
    const char letter = code.name[0];
    EXPECT_EQ(code.kind, letter == 'E'   ? Kind::invalid
                         : letter == 'U' ? Kind::unsupported
                                         : Kind::internal)
        << code.name;
  }
  EXPECT_EQ(name(Kind::invalid), "invalid");
  EXPECT_EQ(name(Kind::unsupported), "unsupported");
  EXPECT_EQ(name(Kind::internal), "internal");
}

TEST(Diagnostic, reads_as_code_place_message_and_help) {
  EXPECT_EQ(to_string({Code::unknown_key, "a.toml:7:1", "unknown key 'rowz'", "did you mean 'rows'?"}),
            "error[E103] a.toml:7:1: unknown key 'rowz'\n  help: did you mean 'rows'?");
  EXPECT_EQ(to_string({Code::syntax, "", "not TOML", ""}), "error[E102] not TOML");
}

TEST(Error, carries_all_its_diagnostics_in_its_text) {
  const Error error({{Code::bad_size, "gemm", "m = 0", ""}, {Code::bad_size, "gemm", "n = 0", "n >= 1"}});
  EXPECT_EQ(error.diagnostics().size(), 2U);
  EXPECT_STREQ(error.what(), "error[E301] gemm: m = 0\nerror[E301] gemm: n = 0\n  help: n >= 1");
}

TEST(Nearest, names_the_one_candidate_that_is_close_and_else_lists_all) {
  const std::vector<std::string> words{"rows", "columns"};
  EXPECT_EQ(util::nearest("rowz", words), "did you mean 'rows'?");
  EXPECT_EQ(util::nearest("colums", words), "did you mean 'columns'?");
  EXPECT_EQ(util::nearest("elephant", words), "one of: rows, columns");
  EXPECT_EQ(util::nearest(std::string(100'000, 'x'), words), "one of: rows, columns");
  EXPECT_EQ(util::nearest("rows", {}), "nothing is allowed here");
}

TEST(Require, throws_an_internal_error_that_names_who_noticed) {
  EXPECT_NO_THROW(util::require(true, "mesh", "never"));
  try {
    util::require(false, "mesh", "a word was lost");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.diagnostics().at(0).code, Code::internal_error);
    EXPECT_EQ(error.diagnostics().at(0).place, "mesh");
    EXPECT_EQ(error.diagnostics().at(0).message, "a word was lost");
  }
}

}  // namespace
}  // namespace cairn::testing
