#include "cairn/instances.h"

#include "engine/instances.h"

namespace cairn {

Instances instances(const Machine& machine, const Operation& operation,
                    const std::map<std::string, std::int64_t>& tile) {
  const arch::Machine& description = machine.description();
  engine::check_operation(description, operation);
  return engine::instances(description, operation, engine::tile_of(description, operation, tile), {});
}

Instances instances(const Machine& machine, const Gemm& gemm, const GemmOperands& operands, const RunOptions& options) {
  const arch::Machine& description = machine.description();
  engine::Tile tile = engine::tile_of(description, gemm, options.tile);
  if (auto* sparse = std::get_if<mapping::SparseTile>(&tile)) {
    sparse->policy = static_cast<mapping::Schedule>(options.schedule);
    sparse->seed = options.seed;
  }
  const auto view = [](const GemmOperands::Matrix& m) {
    return workload::MatrixView{m.data, m.batch_stride, m.row_stride, m.column_stride};
  };
  return engine::instances(description, gemm, tile, {view(operands.a), view(operands.b), operands.output, {}});
}

}  // namespace cairn
