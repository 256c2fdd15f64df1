// Shift-out read-out (rtl notes, axis-systolic-array): finished sums are copied into a second register at each element;
// when the whole tile is there it is shifted out sideways, one column of results a cycle, while the array may already
// work on the next tile. A register is free again when the last column has left.
#include <algorithm>

#include "fabric/collection/counters.h"
#include "fabric/part.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class Shift final : public Part {
 public:
  struct Params {
    std::int64_t latency = 0;
    static auto fields() {
      return std::tuple{schema::integer("latency", &Params::latency, "cycles", {0, 1 << 10},
                                        "from the edge of the array to the write-back")};
    }
  };
  using Counters = CollectionCounters;

  Shift(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)),
        params_(params),
        array_(array),
        links_(links),
        registers_(static_cast<std::size_t>(array.lanes())) {
    links.used.lines = kernel::LaneSet(array.extent.rows);
  }

  kernel::Wiring wiring() const override { return {{links_.sums}, {links_.results}}; }
  void configure(const Round& round) override {
    used_ = round.used;
    for (int row = 0; row < used_.rows; ++row) links_.used.lines.set(row);
  }

  // The registers of a tile are taken from its first sum, at the near corner, to its last beat.
  Cycle interval(const Round& round) const override {
    return round.used.rows - 1 + round.used.columns - 1 + array_.extent.columns;
  }

  bool tick(Cycle now) override {
    const bool shifted = beats_left_ > 0;
    if (shifted) beat(now);
    const Count copied = copy(now);
    if (copied_ == static_cast<Count>(used_.rows) * used_.columns && copied > 0) {
      copied_ = 0;
      beats_left_ = array_.extent.columns;
    }
    return shifted || copied > 0;
  }

  Count units() const override { return array_.extent.rows; }
  Count taking_part() const override { return links_.used.lines.count(); }

  bool has_flow() const override { return true; }

  void flow() override {
    Cycle full = 0;
    for (const kernel::Stream& sums : links_.sums->streams) {
      if (!sums.empty()) full = std::max(full, sums.last());
    }
    // The column next to the far edge leaves first; columns beyond the used ones shift out nothing.
    const Cycle first = full + 1 + array_.extent.columns - used_.columns;
    std::ranges::fill(links_.results->streams, kernel::Stream{});
    for (int row = 0; row < used_.rows; ++row) {
      links_.results->streams[static_cast<std::size_t>(row)] =
          kernel::Stream::regular(first + params_.latency, 1, used_.columns);
    }
    counters_.results_in += static_cast<Count>(used_.rows) * used_.columns;
    counters_.results_out += static_cast<Count>(used_.rows) * used_.columns;
  }

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }
  std::string waiting() const override { return copied_ > 0 ? "the rest of the tile" : ""; }

 private:
  void beat(Cycle now) {
    --beats_left_;
    const int column = beats_left_;
    if (column >= used_.columns) return;
    for (int row = 0; row < used_.rows; ++row) {
      const int lane = array_.lane(row, column);
      links_.results->push(row, {registers_[static_cast<std::size_t>(lane)], lane}, now);
      ++counters_.results_out;
    }
  }

  Count copy(Cycle now) {
    if (links_.sums->in_flight() == 0) return 0;
    Count copied = 0;
    links_.sums->occupied().for_each([&](int lane) {
      if (!links_.sums->can_pop(lane, now)) return;
      util::require(beats_left_ == 0, "collection", "a sum overwrote a register that was not shifted out");
      registers_[static_cast<std::size_t>(lane)] = links_.sums->pop(lane, now).value;
      ++copied;
    });
    copied_ += copied;
    counters_.results_in += copied;
    return copied;
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  Extent used_;
  std::vector<float> registers_;
  Count copied_ = 0;    // sums of the tile that is coming in
  int beats_left_ = 0;  // of the tile that is going out
};

}  // namespace

PartInfo collection_shift() {
  PartInfo row = declare<Shift>("collection", "shift",
                                "A second register an element; finished tiles are shifted out a column a cycle.",
                                {"result lines", {"results_out"}}, "systolic");
  row.lanes = [](const schema::Values&, const Array& array) { return array.extent.rows; };
  return row;
}

}  // namespace cairn::fabric
