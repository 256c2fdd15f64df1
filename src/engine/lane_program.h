// An operation as the sums that independent lanes add up, one an output, with the order of their terms and the limits
// at which they are left.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/run.h"
#include "engine/windows.h"
#include "mapping/filter_order.h"

namespace cairn::engine {

class LaneProgram final : public fabric::Rounds, public fabric::Sums {
 public:
  // `rectified` is heeded where the accumulators check signs and the values are known. Throws Error E302 for an input
  // that is negative or no finite number then.
  LaneProgram(const arch::LaneArray& array, int lanes, const Operation& operation, const Operands& operands,
              Progress progress);

  bool checked() const { return checked_; }
  // Computes every output, up to where its sum is left. For flow; before the machine is asked when.
  void compute();
  // What the outputs are off by, after the rectifier.
  LayerResult::EarlyStop::Loss loss() const;

  // The whole operation is one round.
  Count size() const override { return 1; }
  fabric::Round at(Count) const override;
  fabric::Stored store(Count index, int lane, float value) override;

  Count filters() const override { return sizes_.batch * sizes_.n; }
  Count windows() const override { return sizes_.m; }
  bool sorted() const override { return checked_; }
  void load(Count filter) override;
  void take(Count output, int lane) override;
  Term term(int lane, Count k) const override;
  Count length(Count output) const override {
    return lengths_.empty() ? sizes_.k : lengths_[static_cast<std::size_t>(output)];
  }
  Count padding(Count more) const override;

 private:
  struct Lane {
    Count filter = 0;
    Count window = 0;
    std::vector<float> inputs;
    std::deque<Count> outputs;  // taken, and not stored yet
  };

  mapping::FilterOrder order_of(Count filter) const;
  Count filter_number(Count filter) const;
  float* place(Count filter, Count window) const;
  template <class Visit>
  void each_block(bool limited, Visit visit) const;

  arch::LaneArray array_;
  int lanes_;
  Operation operation_;
  Gemm::Sizes sizes_;
  Operands operands_;
  Progress progress_;
  Windows inputs_;
  bool checked_;
  std::map<Count, mapping::FilterOrder> loaded_;  // clocked: by filter
  std::vector<Lane> lane_;
  std::vector<std::int32_t> lengths_;
};

}  // namespace cairn::engine
