#include "trace/timeline.h"

#include <fmt/format.h>

#include <algorithm>

namespace cairn::trace {
namespace {

constexpr std::size_t kLine = 80;  // columns in a line of text
constexpr std::size_t kMostColumns = 4 * kLine;
constexpr std::size_t kRuler = 10;  // columns from one number of the ruler to the next
constexpr Count kSigns = 35;        // 1-9, a-z
constexpr std::size_t kLabel = 17;

char sign(Count units) {
  if (units < 10) return static_cast<char>('0' + units);
  return static_cast<char>('a' + (units - 10));
}

std::string row(const std::string& label, const std::string& signs) {
  std::string line = fmt::format("{:<{}}", label, kLabel) + signs;
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// Writes `word` into a line of blanks at `place` if there is room before `end`.
void put(std::string& line, std::size_t place, const std::string& word, std::size_t end) {
  if (place + word.size() <= end) line.replace(place, word.size(), word);
}

}  // namespace

void Timeline::layer_begins(const std::string& name, const Layout& layout) {
  name_ = name;
  layout_ = layout;
  first_ = last_ = 0;
  per_column_ = 1;
  columns_.clear();
}

void Timeline::round_begins(Cycle, std::span<const kernel::Fact> facts) { round_ = facts.front().second; }

bool Timeline::take(const Sample& sample) {
  if (first_ == 0) first_ = sample.cycle;
  last_ = sample.cycle;
  if ((sample.cycle - first_) % per_column_ == 0) {
    if (columns_.size() == kMostColumns) halve();
    columns_.push_back({std::vector<Cell>(layout_.parts.size()), 0});
  }
  Column& column = columns_.back();
  if (column.round == 0) column.round = round_;
  round_ = 0;
  for (std::size_t i = 0; i < sample.parts.size(); ++i) {
    Cell& cell = column.cells[i];
    cell.work += sample.parts[i].work;
    cell.busy = cell.busy || sample.parts[i].state == Sample::State::busy;
    cell.waiting = cell.waiting || sample.parts[i].state == Sample::State::waiting;
  }
  return true;
}

void Timeline::halve() {
  for (std::size_t i = 0; i < columns_.size(); i += 2) {
    Column& column = columns_[i / 2];
    const Column& right = columns_[i + 1];
    column = columns_[i];
    if (column.round == 0) column.round = right.round;
    for (std::size_t part = 0; part < column.cells.size(); ++part) {
      column.cells[part].work += right.cells[part].work;
      column.cells[part].busy = column.cells[part].busy || right.cells[part].busy;
      column.cells[part].waiting = column.cells[part].waiting || right.cells[part].waiting;
    }
  }
  columns_.resize(columns_.size() / 2);
  per_column_ *= 2;
}

void Timeline::layer_ends(Cycle cycles) {
  if (first_ == 0) return;  // the layer ended before the cycles that are recorded
  if (!text_.empty()) text_ += "\n";
  text_ += fmt::format("{}: cycles {} to {} of {}, {}\n", name_, first_, last_, cycles,
                       per_column_ == 1 ? "a column a cycle" : fmt::format("a column for {} cycles", per_column_));
  for (std::size_t begin = 0; begin < columns_.size(); begin += kLine)
    write_block(begin, std::min(begin + kLine, columns_.size()));
}

Count Timeline::unit(std::size_t part) const {
  Count most = 0;
  for (const Column& column : columns_) most = std::max(most, util::ceil_div(column.cells[part].work, per_column_));
  return std::max(util::ceil_div(most, kSigns), Count{1});
}

void Timeline::write_block(std::size_t begin, std::size_t end) {
  text_ += "\n" + row("cycle", ruler(begin, end)) + row("round", rounds(begin, end));
  for (std::size_t part = 0; part < layout_.parts.size(); ++part) {
    const Count unit = this->unit(part);
    std::string signs;
    for (std::size_t i = begin; i < end; ++i) {
      const Cell& cell = columns_[i].cells[part];
      if (cell.work > 0) {
        signs += sign(util::ceil_div(cell.work, unit * per_column_));
      } else {
        signs += cell.busy ? '-' : cell.waiting ? '.' : ' ';
      }
    }
    text_ += row(layout_.parts[part].name + (unit > 1 ? fmt::format(" x{}", unit) : ""), signs);
  }
}

std::string Timeline::ruler(std::size_t begin, std::size_t end) const {
  std::string line(kLine, ' ');
  for (std::size_t i = 0; i < end - begin; i += kRuler)
    put(line, i, std::to_string(first_ + static_cast<Cycle>(begin + i) * per_column_), i + kRuler);
  return line;
}

std::string Timeline::rounds(std::size_t begin, std::size_t end) const {
  std::string line(kLine, ' ');
  for (std::size_t i = begin; i < end; ++i) {
    if (columns_[i].round == 0) continue;
    std::size_t next = i + 1;
    while (next < begin + kLine && (next >= end || columns_[next].round == 0)) ++next;
    line[i - begin] = '|';
    put(line, i - begin + 1, std::to_string(columns_[i].round), next - begin);
  }
  return line;
}

std::string Timeline::text() const {
  std::string counted;
  for (const Layout::Part& part : layout_.parts) {
    std::string names;
    for (const Layout::Counter& counter : part.counters) {
      if (counter.work) names += (names.empty() ? "" : " + ") + counter.name;
    }
    counted += fmt::format("  {:<13} {}\n", part.name, names);
  }
  return text_ +
         "\n1-9, a-z: units at work, by the counters below (a = 10 ... z = 35; x4: in fours, rounded up)\n"
         "-: at work, nothing counted   .: waits   blank: nothing to do   |: a round begins\n" +
         counted;
}

}  // namespace cairn::trace
