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
        "The command line is not understood. `cairn --help` and `cairn COMMAND --help` show what is, with examples.",
        "`cairn run gemm --M 4`", "Give the option that is missing; `cairn COMMAND --help` lists all of them."},
    CodeInfo{Code::file_unreadable, "E101", Kind::invalid, "file cannot be read",
             "The file does not exist, is not readable, or is of a kind this command does not take.",
             "`cairn run missing.onnx`",
             "Check the path and the ending; the help names a file with a similar name if there is one."},
    CodeInfo{Code::syntax, "E102", Kind::invalid, "syntax error",
             "The text is not valid TOML. The place gives line and column of the first fault.",
             "a machine file with the line `[multiplier`, its bracket not closed",
             "Write `key = value` under a table `[slot]` for each part, as in presets/."},
    CodeInfo{
        Code::unknown_key, "E103", Kind::invalid, "unknown key",
        "A key or table that Cairn does not know: nothing is ignored silently. The help names the nearest valid one.",
        "`cairn run gemm --M 4 --N 4 --K 4 --set multiplier.rowz=8`",
        "Take the name that the help suggests; `cairn describe SLOT` lists the keys of a part."},
    CodeInfo{Code::wrong_type, "E104", Kind::invalid, "wrong type",
             "The value has another type than the parameter: \"16\" is text, 16 is an integer.",
             "`cairn run gemm --M 4 --N 4 --K 4 --set multiplier.rows=many`",
             "Give a value of the type that the message names; text in a file stands in quotes, numbers do not."},
    CodeInfo{Code::out_of_range, "E105", Kind::invalid, "value out of range",
             "The value lies outside the parameter's range. `cairn describe NAME` shows range and unit.",
             "`cairn run gemm --M 4 --N 4 --K 4 --set multiplier.rows=0`",
             "Choose a value of the range that the help gives."},
    CodeInfo{Code::missing_key, "E106", Kind::invalid, "missing key", "A key or table without a default is absent.",
             "a machine file without a table `[multiplier]`",
             "Add the key or the table that the message names, or start from a preset."},
    CodeInfo{Code::unknown_name, "E107", Kind::invalid, "unknown name",
             "A preset, component type, choice or description that does not exist. The help names the nearest one.",
             "`cairn run gemm --M 4 --N 4 --K 4 --arch tpu-16x17`",
             "Take the name that the help suggests; `cairn describe` lists all of them."},
    CodeInfo{Code::missing_package, "E108", Kind::invalid, "package missing",
             "This part of Cairn needs a Python package that is not installed. The help says what to install.",
             "`import cairn.torch` where PyTorch is not installed", "Run the `pip install` of the help."},
    CodeInfo{Code::plugin_unloadable, "E109", Kind::invalid, "plug-in cannot be loaded",
             "The file is no shared library for this processor, no plug-in of Cairn, was compiled with the headers of "
             "another Cairn, or fails while it is loaded. Nothing of it is kept.",
             "`cairn describe --plugin examples/small-net.onnx`",
             "Build the plug-in with the CMake package of the Cairn that loads it: `python -m cairn --cmake-dir`."},
    CodeInfo{
        Code::part_refused, "E110", Kind::invalid, "part of a plug-in refused",
        "A part of a plug-in breaks a rule: its name is taken, a parameter or counter is missing that machines are "
        "built or checked by, or a counter is neither charged nor exempt. Nothing of the plug-in is kept.",
        "a plug-in with a part called `bus` in the slot `collection`",
        "Change the declaration that the message names, and build the plug-in again."},
    CodeInfo{Code::inconsistent_machine, "E201", Kind::invalid, "inconsistent machine",
             "Each parameter is valid by itself, but they do not fit together. The message names the rule.",
             "`cairn run gemm --M 4 --N 4 --K 4 --arch maeri-256 --set distribution.bandwidth=512`",
             "Change one of the parameters that the message names to what the help says."},
    CodeInfo{
        Code::bad_size, "E301", Kind::invalid, "bad size",
        "A size of an operation is zero, negative, or does not fit the others (a kernel larger than its padded input, "
        "channels that the groups do not divide).",
        "`cairn run gemm --M 0 --N 4 --K 4`",
        "Correct the size that the message names: at least 1, and fitting the others."},
    CodeInfo{
        Code::operand_mismatch, "E302", Kind::invalid, "operand does not fit",
        "A tensor given as operand has another shape than the operation says, only one of two operands is given, zeros "
        "are asked of operands that have their own, a sparse operand breaks the rules of its format (indices, N:M), "
        "the scale and shift of a rectified layer are not one word a filter, or an input is negative where a machine "
        "leaves sums early.",
        "`session.run(\"a\", cairn.Gemm(4, 4, 4), a, b)` with an `a` of 4 x 5",
        "Give both operands in the shapes that the message names, or none; `rectified` only where a rectifier is in "
        "front of the layer, too."},
    CodeInfo{
        Code::bad_table, "E303", Kind::invalid, "bad table",
        "A row of a layer table (SCALE-Sim topology, CSV) is not understood, or figures of an energy table do not fit "
        "together. All faults are told at once.",
        "a layer table with the row `conv1, 1, 2, x,`",
        "Correct the rows that are named, each with its line; numbers are digits only."},
    CodeInfo{Code::not_configured, "E304", Kind::invalid, "instance not configured",
             "An instance is configured for an operation, then given its data, then run. A step before this one is "
             "missing.",
             "`run_operation()` of an instance right after `configure_conv(...)`",
             "Configure an operation, then its data, then run: see the guide on instances."},
    CodeInfo{Code::tile_does_not_fit, "E401", Kind::invalid, "tile does not fit",
             "The tile asks for more rows or columns than the machine has, or for none, or names a dimension that the "
             "machine does not tile.",
             "`cairn run gemm --M 64 --N 64 --K 64 --tile M=32`",
             "Choose sizes of the range in the help, or leave the tile to the mapper: `cairn map`."},
    CodeInfo{Code::model_unreadable, "E501", Kind::invalid, "model cannot be read",
             "The ONNX file, or the captured workload, is truncated, corrupt, or breaks the rules of its format.",
             "a file that ends in .onnx and is cut short", "Export the model, or capture the workload, again."},
    CodeInfo{
        Code::model_inputs, "E502", Kind::invalid, "model inputs",
        "An input of the model is unknown, has the wrong shape or type, or has open dimensions that must be given.",
        "`cairn run examples/small-net.onnx --shape y=1x3`",
        "Take the names and sizes of the inputs from the help: `--input NAME=FILE.npy`, `--shape NAME=1x3x224x224`."},
    CodeInfo{Code::model_failed, "E503", Kind::invalid, "model does not run",
             "ONNX Runtime, or the code that makes a PyTorch model, refuses it with these inputs; its words are in the "
             "message.",
             "an ONNX model that reshapes 6 values to 2 x 4",
             "Mend the model, or give it the inputs that it was made for: it has to run without Cairn first."},
    CodeInfo{Code::bad_golden_case, "E601", Kind::invalid, "bad golden case",
             "A line of a golden file is not valid JSON, or a case lacks a key.",
             R"(a golden file with the line `{"kind": "gemm"`)",
             "Restore the line: golden files hold one JSON object a line."},
    CodeInfo{Code::output_unwritable, "E602", Kind::invalid, "output cannot be written",
             "The folder of the output file does not exist or is not writable. Nothing was written.",
             "`cairn run gemm --M 4 --N 4 --K 4 --json nowhere/result.json`",
             "Name a folder that exists and that you may write to."},
    CodeInfo{
        Code::bad_result, "E603", Kind::invalid, "bad result document",
        "The file is no JSON document of Cairn, of another kind than this command takes, or of a version that this "
        "Cairn does not know.",
        "a file of another program given as a result",
        "Give a file that `cairn run --json` or `cairn compare --json` wrote."},
    CodeInfo{Code::unsupported_operator, "U201", Kind::unsupported, "unsupported operator",
             "The model or table asks for something that Cairn cannot simulate faithfully, so it refuses.",
             "an ONNX model with a convolution of four spatial dimensions",
             "Run that part outside of the simulation, or write it with operators that the guides list."},
    CodeInfo{Code::unsupported_type, "U202", Kind::unsupported, "unsupported data type",
             "The machine computes in float32; float16 and bfloat16 are widened and rounded back. Other types are "
             "refused, never "
             "rounded.",
             "a product of two int8 tensors", "Convert the model to float32, float16 or bfloat16."},
    CodeInfo{
        Code::too_large, "U203", Kind::unsupported, "too large to count",
        "The work is so large that its cycles or operations would not fit in 63 bits, or its operands not in memory.",
        "`cairn run gemm --M 4 --N 4 --K 9223372036854775808`",
        "Use smaller sizes; where only memory is short, `--timing-only` needs none for operands."},
    CodeInfo{Code::unsupported_mapping, "U204", Kind::unsupported, "unsupported mapping",
             "The tile fits, but a network of the machine cannot do what it asks for. The message names the rule.",
             "`cairn run gemm --M 8 --N 8 --K 8 --arch maeri-64 --tile M=8,K=1`",
             "Choose another tile or another network, as the help says; `cairn map` finds the best legal tile."},
    CodeInfo{
        Code::machine_cannot, "U205", Kind::unsupported, "operation that the machine cannot do",
        "Max-pooling needs adders that can compare, behind a dense controller that walks its windows: those of the "
        "flexible dense machines. A sparse product of an instance needs a controller that leaves zeros out.",
        "`cairn run maxpool --channels 8 --input 8x8 --kernel 2x2 --arch tpu-16x16`",
        "Take a machine that can: maeri-256 for max-pooling, sigma-256 for sparse products."},
    CodeInfo{Code::internal_error, "I001", Kind::internal, "internal error",
             "Cairn broke one of its own rules. The numbers of this run must not be used; please report the command.",
             "none that we know of: each one is a fault to mend",
             "Report the command and the output of `--debug`; do not use the numbers."},
    CodeInfo{Code::machine_stuck, "I002", Kind::internal, "machine stuck",
             "No component made progress. The message says who waits for whom.",
             "none that we know of: each one is a fault to mend",
             "Report the command with the whole message; `--evaluator step` and the machine file help to find it."},
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
