#include "soak/public_run.h"

namespace cairn::soak {
namespace {

GemmOperands::Matrix matrix(const workload::MatrixView& view) {
  return {view.data, view.batch_stride, view.row_stride, view.column_stride};
}

}  // namespace

RunOptions draw_options(SplitMix64& draw, const testing::Case& c) {
  RunOptions options;
  if (draw.one_in(2)) options.tile = engine::named_tile(c.description, c.operation, c.tile);
  if (std::holds_alternative<mapping::SparseTile>(c.tile)) {
    options.schedule = static_cast<Schedule>(draw.between(0, 3));
    options.seed = draw.next();
  }
  return options;
}

LayerResult run(Session& session, const testing::Case& c, const RunOptions& options, std::vector<float>& output) {
  if (const auto* conv = std::get_if<Conv>(&c.operation))
    return session.run("layer", *conv, ConvOperands{c.data.a.data(), c.data.b.data(), output.data()}, options);
  if (const auto* pool = std::get_if<MaxPool>(&c.operation))
    return session.run("layer", *pool, MaxPoolOperands{c.data.a.data(), output.data()}, options);
  return session.run("layer", std::get<Gemm>(c.operation),
                     GemmOperands{matrix(c.data.a_view), matrix(c.data.b_view), output.data()}, options);
}

}  // namespace cairn::soak
