// A dense layer on a flexible machine of which a part has no stream form: clocked as far as it is new, the rest is
// multiplied.
#pragma once

#include "engine/dense_program.h"

namespace cairn::engine {

Outcome step_distinct(const arch::Machine& machine, const mapping::Nest& nest, const mapping::DenseTile& tile,
                      DenseProgram& program, const Progress& progress);

// Rounds, and rows of windows, at the edge of a layer do the same as others in the same time but touch fewer words.
void count_words(stats::CounterTree& counters, const DenseProgram& program);

}  // namespace cairn::engine
