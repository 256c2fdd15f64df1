// A timeline in text for small runs: a row for each part, a column for each cycle, or for 2, 4, 8, ... where a run has
// more cycles than fit.
#pragma once

#include <string>
#include <vector>

#include "trace/recorder.h"

namespace cairn::trace {

class Timeline final : public Sink {
 public:
  void layer_begins(const std::string& name, const Layout& layout) override;
  void round_begins(Cycle cycle, std::span<const kernel::Fact> facts) override;
  bool take(const Sample& sample) override;
  void layer_ends(Cycle cycles) override;

  // The layers so far and what the signs mean.
  std::string text() const;

 private:
  struct Cell {
    Count work = 0;
    bool busy = false;
    bool waiting = false;
  };
  struct Column {
    std::vector<Cell> cells;  // of each part
    Count round = 0;          // that begins in it; 0 = none
  };
  // Neighbours become one column.
  void halve();
  void write_block(std::size_t begin, std::size_t end);
  std::string ruler(std::size_t begin, std::size_t end) const;
  std::string rounds(std::size_t begin, std::size_t end) const;
  // How many units a sign of the row counts in one.
  Count unit(std::size_t part) const;

  std::string name_;
  Layout layout_;
  Cycle first_ = 0;
  Cycle last_ = 0;
  Cycle per_column_ = 1;
  std::vector<Column> columns_;
  Count round_ = 0;  // that begins with the next sample
  std::string text_;
};

}  // namespace cairn::trace
