// The programming interface of the paper (Table II), call by call, over a Session: an instance of an accelerator is
// configured for an operation, given its data, and run. docs/instance.md has the counterpart of each call of the paper
// and of the public reference.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cairn/session.h"

namespace cairn {

// A fully connected layer: outputs = inputs times the transposed weights.
struct Linear {
  std::int64_t rows = 1;     // how many inputs there are
  std::int64_t inputs = 1;   // features of each
  std::int64_t outputs = 1;  // features of each output
};

// Where the operands are and the outputs go, in the caller's memory, which must live until the operation has run. Dense
// and row-major, channels before pixels:
//   conv     inputs batch x channels x input...   weights filters x channels/groups x kernel...
//            outputs batch x filters x output...
//   linear   inputs rows x inputs                 weights outputs x inputs     outputs rows x outputs
//   dmm      inputs batch x m x k                 weights batch x k x n, or one k x n for the whole batch
//   spmm     as dmm, zeros in their places        outputs batch x m x n
//   maxpool  inputs batch x channels x input...   no weights                   outputs batch x channels x output...
struct InstanceData {
  std::span<const float> weights{};
  std::span<const float> inputs{};
  std::span<float> outputs{};
};

class Instance {
 public:
  explicit Instance(Machine machine, Evaluator evaluator = Evaluator::flow, EnergyTable energy = {});

  // ConfigureCONV, ConfigureLinear, ConfigureDMM (a dense matrix product), ConfigureSpMM (one of sparse matrices) and
  // ConfigureMaxPool: what runs next. `layer` names it in the results; the options hold a tile, or what it is mapped
  // for. Data given before is forgotten. All throw Error: U205 for what the machine cannot do (max-pooling without
  // comparators, sparse products on a dense machine), E301 and U203 for sizes of a linear layer.
  void configure_conv(const std::string& layer, const Conv& conv, const RunOptions& options = {});
  void configure_linear(const std::string& layer, const Linear& linear, const RunOptions& options = {});
  void configure_dmm(const std::string& layer, const Gemm& gemm, const RunOptions& options = {});
  void configure_spmm(const std::string& layer, const Gemm& gemm, const RunOptions& options = {});
  void configure_maxpool(const std::string& layer, const MaxPool& pool, const RunOptions& options = {});

  // ConfigureData. Throws Error: E304 before any operation is configured, E302 for each span of another size than the
  // operation's.
  void configure_data(const InstanceData& data);

  // RunOperation: computes the outputs and tells cycles and counters. Operation and data stay configured, so that the
  // next call runs them again on what the memory holds then. Throws Error: E304 without operation or without data, and
  // as Session::run.
  LayerResult run_operation();

  const Machine& machine() const { return session_.machine(); }
  const std::vector<LayerResult>& layers() const { return session_.layers(); }  // all that ran
  std::string document(const std::string& context_json = "{}") const { return session_.document(context_json); }

 private:
  struct Configured {
    std::string layer;
    Operation operation;
    RunOptions options;
    bool transposed = false;  // the weights of a product: n x k
    std::optional<InstanceData> data{};
  };
  void configure(Configured next);
  const Configured& configured() const;

  Session session_;
  std::optional<Configured> next_;
};

// CreateInstance: of a preset, or of a machine file (a path that ends in .toml). Throws as load_machine.
Instance create_instance(const std::string& name_or_path, Evaluator evaluator = Evaluator::flow);

}  // namespace cairn
