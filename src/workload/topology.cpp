// SCALE-Sim's layer tables. Facts about the format: a header line, then one layer a line with a trailing comma; matrix
// form "name, M, N, K"; convolution form "name, input h, input w, filter h, filter w, channels, filters, stride"; an
// optional last column "N:M" is a sparsity; what follows the last comma is a remark; a convolution whose name contains
// DP is depth-wise: one filter bank for each channel. Where the stride does not divide what is left of an input, a last
// window hangs over its far edge.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "cairn/operation.h"
#include "util/diagnostics.h"

namespace cairn {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> cells(std::string_view line) {
  std::vector<std::string_view> row = split(line, ',');
  while (!row.empty() && row.back().empty()) row.pop_back();
  return row;
}

class TableReader {
 public:
  TableReader(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {}

  std::vector<Layer> read() {
    std::optional<std::vector<std::string>> columns;
    std::size_t number = 0;
    for (const std::string_view line : split(text_, '\n')) {
      place_ = fmt::format("{}:{}", source_, ++number);
      const auto row = cells(line);
      if (row.empty()) continue;
      if (!columns) {
        columns = form(row);
      } else {
        read_row(*columns, row);
      }
    }
    if (!columns) fault("the table is empty", kForms);
    if (columns && layers_.empty() && faults_.empty())
      fault("the table has a header but no layers", "one layer a line under the header");
    faults_.raise_if_any();
    return std::move(layers_);
  }

 private:
  static constexpr const char* kForms =
      "a header \"Layer, M, N, K,\" or \"Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
      "Num Filter, Strides,\"";

  // The header tells the form by its second column.
  std::vector<std::string> form(const std::vector<std::string_view>& header) {
    const std::string_view second = header.size() > 1 ? header[1] : "";
    if (second == "M" || second == "m") return {"M", "N", "K"};
    if (second.find("IFMAP") != std::string_view::npos || second.find("ifmap") != std::string_view::npos ||
        second.find("Ifmap") != std::string_view::npos) {
      return {"IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels", "Num Filter", "Strides"};
    }
    fault(fmt::format("the header's second column is '{}'", second), kForms);
    faults_.raise_if_any();
    return {};
  }

  void read_row(const std::vector<std::string>& columns, const std::vector<std::string_view>& row) {
    const std::size_t expected = columns.size() + 1;
    if (row.size() > expected && is_remark(row.back())) return read_row(columns, {row.begin(), row.end() - 1});
    const bool sparsity = row.size() == expected + 1 && row.back().find(':') != std::string_view::npos;
    if (row.size() != expected && !sparsity) {
      fault(fmt::format("{} cells where {} are expected", row.size(), expected),
            fmt::format("a name and {} numbers", columns.size()));
      return;
    }
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (const auto number = read_number(columns[i], row[i + 1])) numbers.push_back(*number);
    }
    if (sparsity) check_dense(row.back());
    if (numbers.size() == columns.size()) add_layer(row[0], numbers);
  }

  // No number and no sparsity.
  static bool is_remark(std::string_view cell) {
    return cell.find_first_of("0123456789:") == std::string_view::npos || cell.starts_with('#');
  }

  std::optional<std::int64_t> read_number(const std::string& column, std::string_view cell) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
    if (error == std::errc{} && end == cell.data() + cell.size()) return number;
    fault(fmt::format("{} '{}' is not a whole number", column, cell), "digits only");
    return std::nullopt;
  }

  void check_dense(std::string_view ratio) {
    const auto parts = split(ratio, ':');
    if (parts.size() == 2 && !parts[0].empty() && parts[0] == parts[1]) return;
    faults_.add(Code::unsupported_operator, place_, fmt::format("sparsity {} asks for a sparse machine", ratio),
                "1:1, or leave the column out");
  }

  void add_layer(std::string_view name, const std::vector<std::int64_t>& n) {
    try {
      if (n.size() == 3) {
        layers_.push_back({std::string(name), Gemm({.m = n[0], .n = n[1], .k = n[2]})});
        return;
      }
      Conv::Sizes sizes{
          .channels = n[4], .filters = n[5], .input = {n[0], n[1]}, .kernel = {n[2], n[3]}, .stride = {n[6], n[6]}};
      sizes.pad_end = {overhang(n[0], n[2], n[6]), overhang(n[1], n[3], n[6])};
      if (name.find("DP") != std::string_view::npos && n[4] > 0) {
        sizes.groups = n[4];
        const bool countable = n[5] <= (std::int64_t{1} << 40) / n[4];
        sizes.filters = countable ? n[4] * n[5] : n[5];
      }
      layers_.push_back({std::string(name), Conv(sizes)});
    } catch (const Error& error) {
      for (const Diagnostic& d : error.diagnostics()) faults_.add(d.code, place_, d.message, d.remedy);
    }
  }

  // By how much the last window does.
  static std::int64_t overhang(std::int64_t input, std::int64_t kernel, std::int64_t stride) {
    const std::int64_t rest = stride > 0 && input > kernel && kernel > 0 ? (input - kernel) % stride : 0;
    return rest > 0 ? stride - rest : 0;
  }

  void fault(std::string message, std::string remedy) {
    faults_.add(Code::bad_table, place_.empty() ? source_ : place_, std::move(message), std::move(remedy));
  }

  std::string_view text_;
  std::string source_;
  std::string place_;
  std::vector<Layer> layers_;
  util::Diagnostics faults_;
};

}  // namespace

std::vector<Layer> parse_topology(const std::string& text, const std::string& source) {
  return TableReader(text, source).read();
}

}  // namespace cairn
