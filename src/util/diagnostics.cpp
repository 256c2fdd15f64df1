#include "util/diagnostics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace cairn {
namespace {

constexpr std::array kCodes{
    CodeInfo{
        Code::usage, "E001", Kind::invalid, "usage",
        "The command line is not understood. `cairn --help` and `cairn COMMAND --help` show what is, with examples."},
    CodeInfo{Code::file_unreadable, "E101", Kind::invalid, "file cannot be read",
             "The file does not exist, is not readable, or is of a kind this command does not take."},
    CodeInfo{Code::syntax, "E102", Kind::invalid, "syntax error",
             "The text is not valid TOML. The place gives line and column of the first fault."},
    CodeInfo{
        Code::unknown_key, "E103", Kind::invalid, "unknown key",
        "A key or table that Cairn does not know: nothing is ignored silently. The help names the nearest valid one."},
    CodeInfo{Code::wrong_type, "E104", Kind::invalid, "wrong type",
             "The value has another type than the parameter: \"16\" is text, 16 is an integer."},
    CodeInfo{Code::out_of_range, "E105", Kind::invalid, "value out of range",
             "The value lies outside the parameter's range. `cairn describe NAME` shows range and unit."},
    CodeInfo{Code::missing_key, "E106", Kind::invalid, "missing key", "A key or table without a default is absent."},
    CodeInfo{Code::unknown_name, "E107", Kind::invalid, "unknown name",
             "A preset, component type, choice or description that does not exist. The help names the nearest one."},
    CodeInfo{Code::missing_package, "E108", Kind::invalid, "package missing",
             "This part of Cairn needs a Python package that is not installed. The help says what to install."},
    CodeInfo{Code::inconsistent_machine, "E201", Kind::invalid, "inconsistent machine",
             "Each parameter is valid by itself, but they do not fit together. The message names the rule."},
    CodeInfo{
        Code::bad_size, "E301", Kind::invalid, "bad size",
        "A size of an operation is zero, negative, or does not fit the others (a kernel larger than its padded input, "
        "channels that the groups do not divide)."},
    CodeInfo{
        Code::operand_mismatch, "E302", Kind::invalid, "operand does not fit",
        "A tensor given as operand has another shape than the operation says, only one of two operands is given, zeros "
        "are "
        "asked of operands that have their own, or a sparse operand breaks the rules of its format (indices, N:M)."},
    CodeInfo{Code::bad_table, "E303", Kind::invalid, "bad layer table",
             "A row of a layer table (SCALE-Sim topology, CSV) is not understood. All faulty rows are told at once."},
    CodeInfo{Code::tile_does_not_fit, "E401", Kind::invalid, "tile does not fit",
             "The tile asks for more rows or columns than the machine has, or for none, or names a dimension that the "
             "machine does not tile."},
    CodeInfo{Code::model_unreadable, "E501", Kind::invalid, "model cannot be read",
             "The ONNX file, or the captured workload, is truncated, corrupt, or breaks the rules of its format."},
    CodeInfo{
        Code::model_inputs, "E502", Kind::invalid, "model inputs",
        "An input of the model is unknown, has the wrong shape or type, or has open dimensions that must be given."},
    CodeInfo{Code::model_failed, "E503", Kind::invalid, "model does not run",
             "ONNX Runtime, or the code that makes a PyTorch model, refuses it with these inputs; its words are in the "
             "message."},
    CodeInfo{Code::bad_golden_case, "E601", Kind::invalid, "bad golden case",
             "A line of a golden file is not valid JSON, or a case lacks a key."},
    CodeInfo{Code::output_unwritable, "E602", Kind::invalid, "output cannot be written",
             "The folder of the output file does not exist or is not writable. Nothing was written."},
    CodeInfo{
        Code::bad_result, "E603", Kind::invalid, "bad result document",
        "The file is no JSON document of Cairn, of another kind than this command takes, or of a version that this "
        "Cairn does not know."},
    CodeInfo{Code::unsupported_operator, "U201", Kind::unsupported, "unsupported operator",
             "The model or table asks for something that Cairn cannot simulate faithfully, so it refuses."},
    CodeInfo{Code::unsupported_type, "U202", Kind::unsupported, "unsupported data type",
             "The machine computes in float32; float16 and bfloat16 are widened and rounded back. Other types are "
             "refused, never "
             "rounded."},
    CodeInfo{
        Code::too_large, "U203", Kind::unsupported, "too large to count",
        "The work is so large that its cycles or operations would not fit in 63 bits, or its operands not in memory."},
    CodeInfo{Code::unsupported_mapping, "U204", Kind::unsupported, "unsupported mapping",
             "The tile fits, but a network of the machine cannot do what it asks for. The message names the rule."},
    CodeInfo{Code::internal_error, "I001", Kind::internal, "internal error",
             "Cairn broke one of its own rules. The numbers of this run must not be used; please report the command."},
    CodeInfo{Code::machine_stuck, "I002", Kind::internal, "machine stuck",
             "No component made progress. The message says who waits for whom."},
};

std::string joined(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics) text += (text.empty() ? "" : "\n") + to_string(d);
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

// Whether the letters of `word` stand in `name` in this order: "tpu16" for "tpu-16x16".
bool abbreviates(std::string_view word, std::string_view name) {
  constexpr std::size_t kShortestAbbreviation = 3;
  std::size_t found = 0;
  for (const char letter : name) found += found < word.size() && word[found] == letter ? 1 : 0;
  return word.size() >= kShortestAbbreviation && found == word.size();
}

}  // namespace

std::span<const CodeInfo> codes() { return kCodes; }

const CodeInfo& info(Code code) { return *std::ranges::find(kCodes, code, &CodeInfo::code); }

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::invalid: return "invalid";
    case Kind::unsupported: return "unsupported";
    case Kind::internal: return "internal";
  }
  return "internal";
}

std::string to_string(const Diagnostic& d) {
  std::string text = fmt::format("error[{}] ", info(d.code).name);
  if (!d.place.empty()) text += d.place + ": ";
  text += d.message;
  if (!d.remedy.empty()) text += "\n  help: " + d.remedy;
  return text;
}

Error::Error(std::vector<Diagnostic> diagnostics) : diagnostics_(std::move(diagnostics)), text_(joined(diagnostics_)) {}

Error::Error(Code code, std::string place, std::string message, std::string remedy)
    : Error({{code, std::move(place), std::move(message), std::move(remedy)}}) {}

namespace util {

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return "nothing is allowed here";
  constexpr std::size_t kLongestWord = 64;  // a key longer than any name is not a misspelling
  if (word.size() <= kLongestWord) {
    const auto distance = [&](const std::string& c) { return edit_distance(word, c); };
    const std::string& best = *std::ranges::min_element(candidates, {}, distance);
    if (distance(best) <= 1 + word.size() / 4) return fmt::format("did you mean '{}'?", best);
    const auto abbreviated =
        std::ranges::find_if(candidates, [&](const std::string& c) { return abbreviates(word, c); });
    if (abbreviated != candidates.end()) return fmt::format("did you mean '{}'?", *abbreviated);
  }
  return fmt::format("one of: {}", fmt::join(candidates, ", "));
}

void require(bool condition, std::string_view who, std::string_view what) {
  if (!condition) {
    throw Error(Code::internal_error, std::string(who), std::string(what),
                "please report this, with the command that led here");
  }
}

}  // namespace util
}  // namespace cairn
