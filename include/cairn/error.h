// What goes wrong, as values: every failure of Cairn is a list of diagnostics, each with a code, a place and a remedy.
#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

// Whose fault it is. `invalid`: the input breaks a rule. `unsupported`: the input is legal, Cairn cannot do it (yet).
// `internal`: Cairn broke one of its own rules; the numbers of that run must not be used.
enum class Kind { invalid, unsupported, internal };

// The one table of diagnostic codes; `codes()` lists them with title, explanation, an example and the remedy.
enum class Code {
  usage,                 // E001
  file_unreadable,       // E101
  syntax,                // E102
  unknown_key,           // E103
  wrong_type,            // E104
  out_of_range,          // E105
  missing_key,           // E106
  unknown_name,          // E107
  missing_package,       // E108
  plugin_unloadable,     // E109
  part_refused,          // E110
  inconsistent_machine,  // E201
  bad_size,              // E301
  operand_mismatch,      // E302
  bad_table,             // E303
  not_configured,        // E304
  tile_does_not_fit,     // E401
  model_unreadable,      // E501
  model_inputs,          // E502
  model_failed,          // E503
  bad_golden_case,       // E601
  output_unwritable,     // E602
  bad_result,            // E603
  unsupported_operator,  // U201
  unsupported_type,      // U202
  too_large,             // U203
  unsupported_mapping,   // U204
  machine_cannot,        // U205
  internal_error,        // I001
  machine_stuck,         // I002
};

struct CodeInfo {
  Code code;
  std::string_view name;  // "E103"
  Kind kind;
  std::string_view title;        // "unknown key"
  std::string_view explanation;  // what is wrong, or what Cairn cannot do
  std::string_view example;      // what gets this code: a command in backticks if one can, else words
  std::string_view remedy;       // what to do about it
};

std::span<const CodeInfo> codes();
const CodeInfo& info(Code code);
std::string_view name(Kind kind);

struct Diagnostic {
  Code code;
  std::string place;    // "file.toml:7:1", "layer conv1", "multiplier.rows"; may be empty
  std::string message;  // what is wrong, with the offending value
  std::string remedy;   // what to type instead; may be empty
};

// "error[E103] arch.toml:7:1: unknown key 'rowz'\n  help: did you mean 'rows'?"
std::string to_string(const Diagnostic& diagnostic);

// The one exception family of the library. It carries every fault that was found, never just the first.
class Error : public std::exception {
 public:
  explicit Error(std::vector<Diagnostic> diagnostics);
  Error(Code code, std::string place, std::string message, std::string remedy = "");

  const std::vector<Diagnostic>& diagnostics() const noexcept { return diagnostics_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::vector<Diagnostic> diagnostics_;
  std::string text_;
};

}  // namespace cairn
