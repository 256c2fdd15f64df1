// A program of its own drives one instance of an accelerator, layer by layer, through a small network: a convolution,
// max-pooling and a linear layer on a flexible machine, then a product with pruned weights on a sparse one. It checks
// every value against plain loops and prints the cycles. Only public headers are used (find_package(cairn)).
#include <cairn/error.h>
#include <cairn/instance.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <vector>

namespace {

using Floats = std::vector<float>;

// Small whole numbers, so that sums are exact in every order.
Floats drawn(std::size_t count, unsigned seed) {
  Floats values(count);
  for (float& value : values) {
    seed = seed * 1664525U + 1013904223U;
    value = static_cast<float>(static_cast<int>(seed >> 24U) % 9 - 4);
  }
  return values;
}

// The network: 3 x 16 x 16 -> 8 x 16 x 16 -> 8 x 8 x 8 -> 10, and 10 -> 6 with weights that are mostly zero.
constexpr int kChannels = 3, kSide = 16, kFilters = 8, kHalf = kSide / 2, kClasses = 10, kLast = 6;
constexpr int kFeatures = kFilters * kHalf * kHalf;

Floats conv_by_hand(const Floats& x, const Floats& w) {
  Floats y;
  for (int f = 0; f < kFilters; ++f) {
    for (int i = 0; i < kSide; ++i) {
      for (int j = 0; j < kSide; ++j) {
        float sum = 0;
        for (int c = 0; c < kChannels; ++c) {
          for (int r = 0; r < 3; ++r) {
            for (int s = 0; s < 3; ++s) {
              const int row = i + r - 1;
              const int column = j + s - 1;
              if (row < 0 || row >= kSide || column < 0 || column >= kSide) continue;
              sum += x[(c * kSide + row) * kSide + column] * w[((f * kChannels + c) * 3 + r) * 3 + s];
            }
          }
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

Floats maxpool_by_hand(const Floats& x) {
  Floats y;
  for (int c = 0; c < kFilters; ++c) {
    for (int i = 0; i < kHalf; ++i) {
      for (int j = 0; j < kHalf; ++j) {
        float largest = -std::numeric_limits<float>::infinity();
        for (int r = 0; r < 2; ++r) {
          for (int s = 0; s < 2; ++s) largest = std::max(largest, x[(c * kSide + 2 * i + r) * kSide + 2 * j + s]);
        }
        y.push_back(largest);
      }
    }
  }
  return y;
}

// y[n] = sum of x[k] w[n * outer + k * inner]
Floats product_by_hand(const Floats& x, const Floats& w, int outputs, int outer, int inner) {
  Floats y;
  for (int n = 0; n < outputs; ++n) {
    float sum = 0;
    for (int k = 0; k < static_cast<int>(x.size()); ++k) sum += x[k] * w[n * outer + k * inner];
    y.push_back(sum);
  }
  return y;
}

// RunOperation, and what came of it.
bool run(cairn::Instance& instance, const Floats& outputs, const Floats& expected) {
  const cairn::LayerResult layer = instance.run_operation();
  const bool right = outputs == expected;
  std::printf("%-8s %-10s %6lld cycles, %5.1f %% utilisation, values %s\n", layer.name.c_str(),
              instance.machine().name().c_str(), static_cast<long long>(layer.cycles), 100 * layer.utilisation(),
              right ? "equal those of plain loops" : "DIFFER");
  return right;
}

bool drive() {
  const Floats image = drawn(kChannels * kSide * kSide, 1);
  const Floats kernels = drawn(kFilters * kChannels * 9, 2);
  const Floats dense = drawn(kClasses * kFeatures, 3);
  Floats sparse = drawn(kClasses * kLast, 4);
  for (float& weight : sparse) weight = weight > 1 ? weight : 0;
  Floats features(kFilters * kSide * kSide);
  Floats pooled(kFeatures);
  Floats scores(kClasses);
  Floats last(kLast);

  cairn::Instance maeri = cairn::create_instance("maeri-128");
  maeri.configure_conv("conv", cairn::Conv({.channels = kChannels,
                                            .filters = kFilters,
                                            .input = {kSide, kSide},
                                            .kernel = {3, 3},
                                            .pad_begin = {1, 1},
                                            .pad_end = {1, 1}}));
  maeri.configure_data({.weights = kernels, .inputs = image, .outputs = features});
  bool right = run(maeri, features, conv_by_hand(image, kernels));

  maeri.configure_maxpool(
      "maxpool", cairn::MaxPool({.channels = kFilters, .input = {kSide, kSide}, .kernel = {2, 2}, .stride = {2, 2}}));
  maeri.configure_data({.inputs = features, .outputs = pooled});
  right = run(maeri, pooled, maxpool_by_hand(features)) && right;

  maeri.configure_linear("linear", {.rows = 1, .inputs = kFeatures, .outputs = kClasses});
  maeri.configure_data({.weights = dense, .inputs = pooled, .outputs = scores});
  right = run(maeri, scores, product_by_hand(pooled, dense, kClasses, kFeatures, 1)) && right;

  cairn::Instance sigma = cairn::create_instance("sigma-128");
  sigma.configure_spmm("sparse", cairn::Gemm({.m = 1, .n = kLast, .k = kClasses}));
  sigma.configure_data({.weights = sparse, .inputs = scores, .outputs = last});
  return run(sigma, last, product_by_hand(scores, sparse, kLast, 1, kLast)) && right;
}

}  // namespace

int main() {
  try {
    return drive() ? 0 : 1;
  } catch (const cairn::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
