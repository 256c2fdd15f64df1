// Random operations with operands, and what they must compute.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cairn/operation.h"
#include "engine/run.h"
#include "harness/random.h"

namespace cairn::testing {

Gemm random_gemm(SplitMix64& random, std::int64_t largest = 20);
// 1 to 3 spatial dimensions, any stride, asymmetric padding, dilation, groups, batch.
Conv random_conv(SplitMix64& random);
// The same, rounded up as well.
MaxPool random_maxpool(SplitMix64& random);
// A product or a convolution.
Operation random_operation(SplitMix64& random);
// Two of three convolutions with windows that slide by one.
Operation random_sliding_operation(SplitMix64& random);

// A tile that the machine can run.
engine::Tile random_tile(SplitMix64& random, const arch::Machine& machine, const Operation& operation);
// Any tile, by its letters: most do not fit.
using NamedTile = std::map<std::string, std::int64_t>;
NamedTile random_named_tile(SplitMix64& random, const Operation& operation, std::int64_t budget);

// "gemm 3 x 4 x 5, batch 1"
std::string text(const Operation& operation);
std::string text(const NamedTile& tile);  // "--tile M=3,N=4"

// `count` small integers, so that every order of summation gives the same float; `density` of them are no zeros.
std::vector<float> random_words(SplitMix64& random, std::int64_t count, double density = 0.8);
std::int64_t product(const std::vector<std::int64_t>& sizes);

// Operands of an operation and the output that the reference executor computes from them.
struct Data {
  std::vector<float> a;
  std::vector<float> b;
  workload::MatrixView a_view;
  workload::MatrixView b_view;
  std::vector<float> expected;

  Data() = default;
  Data(Data&&) = default;
  Data(const Data&) = delete;  // the views point into the vectors
  Data& operator=(const Data&) = delete;
};
// Each operand of a density of its own.
struct Densities {
  double a = 0.8;
  double b = 0.8;
};
Densities random_densities(SplitMix64& random);
Data random_data(SplitMix64& random, const Operation& operation, Densities densities = {});

}  // namespace cairn::testing
