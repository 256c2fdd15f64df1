// Small sparse products for tests that work them by hand.
#pragma once

#include <string>
#include <vector>

#include "engine/sparse_operands.h"

namespace cairn::testing {

// A product of which the stationary vectors are given as texts of 0 and 1, batch after batch, and the streaming ones
// likewise. Element k of stationary vector v is 10 v + k + 1, of streaming vector s 100 (s + 1) + k, unless it is 0.
struct Sparse {
  Sparse(const arch::SparseArray& machine, const std::vector<std::string>& vectors,
         const std::vector<std::string>& streaming, std::int64_t batch = 1, bool with_values = true)
      : array(machine),
        held(elements(vectors, 10, 1)),
        passing(elements(streaming, 100, 100)),
        output(vectors.size() * streaming.size() / static_cast<std::size_t>(batch)),
        length(static_cast<std::int64_t>(vectors.front().size())),
        operands(array, product(vectors, streaming, batch), views(vectors, streaming, batch), with_values) {}

  arch::SparseArray array;
  std::vector<float> held;     // vector after vector
  std::vector<float> passing;  // likewise
  std::vector<float> output;
  std::int64_t length;
  engine::SparseOperands operands;

 private:
  static std::vector<float> elements(const std::vector<std::string>& vectors, int each, int first) {
    std::vector<float> words;
    for (std::size_t v = 0; v < vectors.size(); ++v) {
      for (std::size_t k = 0; k < vectors[v].size(); ++k) {
        const int word = each * static_cast<int>(v) + static_cast<int>(k) + first;
        words.push_back(vectors[v][k] == '0' ? 0.0F : static_cast<float>(word));
      }
    }
    return words;
  }

  Operation product(const std::vector<std::string>& vectors, const std::vector<std::string>& streaming,
                    std::int64_t batch) const {
    const std::int64_t n = std::ssize(vectors) / batch;
    const std::int64_t m = std::ssize(streaming) / batch;
    return array.stationary_inputs ? Gemm({.m = n, .n = m, .k = length, .batch = batch})
                                   : Gemm({.m = m, .n = n, .k = length, .batch = batch});
  }

  engine::Operands views(const std::vector<std::string>& vectors, const std::vector<std::string>& streaming,
                         std::int64_t batch) {
    const workload::MatrixView as_rows{nullptr, 0, length, 1};
    const workload::MatrixView as_columns{nullptr, 0, 1, length};
    const auto view = [&](const std::vector<float>& words, std::int64_t count, bool rows) {
      workload::MatrixView seen = rows ? as_rows : as_columns;
      seen.data = words.data();
      seen.batch_stride = count / batch * length;
      return seen;
    };
    const bool inputs = array.stationary_inputs;
    const workload::MatrixView stationary = view(held, std::ssize(vectors), inputs);
    const workload::MatrixView moving = view(passing, std::ssize(streaming), !inputs);
    return {inputs ? stationary : moving, inputs ? moving : stationary, output.data()};
  }
};

}  // namespace cairn::testing
