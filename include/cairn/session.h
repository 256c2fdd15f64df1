// One accelerator that runs operations one after the other, as the device behind a network does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/energy.h"
#include "cairn/machine.h"
#include "cairn/operation.h"
#include "cairn/result.h"

namespace cairn {

// flow: each distinct round evaluated once as streams of arrival times, values by a host kernel; no loop over cycles.
// step: every cycle clocked, real values through the simulated datapath. Both give the same cycles and counters.
enum class Evaluator { flow, step };

// Operands over the caller's memory. Strides are in elements.
struct GemmOperands {
  struct Matrix {
    const float* data;
    std::int64_t batch_stride;  // 0 to use one matrix for the whole batch
    std::int64_t row_stride;
    std::int64_t column_stride;
  };
  Matrix a;       // m x k
  Matrix b;       // k x n
  float* output;  // batch x m x n, row-major
};

struct ConvOperands {
  const float* x;  // batch x channels x input..., row-major
  const float* w;  // filters x channels/groups x kernel..., row-major
  float* output;   // batch x filters x output..., row-major
};

struct MaxPoolOperands {
  const float* x;  // batch x channels x input..., row-major
  float* output;   // batch x channels x output..., row-major
};

// The order in which the stationary vectors (filters) go through a sparse machine: as they are, shuffled, the largest
// that still fits next, or those that fill the multipliers best.
enum class Schedule { none, random, largest, fullest };

// How many zeros there are where a sparse machine is given no values: the share of each operand, in a random pattern.
struct Sparsity {
  double weights = 0;  // 0 to 1; of the second operand of a matrix product
  double inputs = 0;   // of the first
};

class Trace;

struct RunOptions {
  // "M", "N", ... of a matrix product, "R", "S", "C", "K", "G", "N", "X", "Y" of a convolution on a flexible machine,
  // of max-pooling those but "K" and "G"; empty = chosen for the objective.
  std::map<std::string, std::int64_t> tile{};
  Objective objective = Objective::cycles;
  Schedule schedule = Schedule::none;
  Sparsity sparsity{};  // with values the zeros are those that they have
  std::optional<Rectified> rectified{};
  std::uint64_t seed = 0;  // of a random schedule and of random patterns
  // Called now and then during a long clocked run or search; may throw to end it.
  std::function<void(std::int64_t done, std::int64_t all)> progress{};
  // Records the layer, if that is one that it asks for: the layer is clocked then, whatever the evaluator.
  Trace* trace = nullptr;
};

class Session {
 public:
  // `energy`: what mappings for energy and documents are priced by.
  explicit Session(Machine machine, Evaluator evaluator = Evaluator::flow, EnergyTable energy = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Timing only.
  LayerResult run(const std::string& name, const Operation& operation, const RunOptions& options = {});
  // With values.
  LayerResult run(const std::string& name, const Gemm& gemm, const GemmOperands& operands,
                  const RunOptions& options = {});
  LayerResult run(const std::string& name, const Conv& conv, const ConvOperands& operands,
                  const RunOptions& options = {});
  LayerResult run(const std::string& name, const MaxPool& pool, const MaxPoolOperands& operands,
                  const RunOptions& options = {});
  // All throw Error: E105 for a sparsity outside 0 to 1, E302 for one that is given along with values and for what does
  // not fit `rectified`, E401 for the tile, U204 for a tile or schedule that the machine does not know, U205 for
  // max-pooling on a machine without comparators, U203 for runs too long to count, I001/I002 if the machine misbehaves.

  // How the operation would be cut and what else was tried. A tile that is given is evaluated instead. Timing only.
  MappingResult map(const Operation& operation, const RunOptions& options = {});

  const Machine& machine() const;
  const EnergyTable& energy() const;
  const std::vector<LayerResult>& layers() const;
  std::string document(const std::string& context_json = "{}") const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cairn
