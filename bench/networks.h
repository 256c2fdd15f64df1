// Networks as lists of operations, batch 1: every layer, repeated ones included.
#pragma once

#include <utility>
#include <vector>

#include "cairn/operation.h"

namespace cairn::bench {

using Network = std::vector<Operation>;

inline Conv layer(std::int64_t channels, std::int64_t filters, std::int64_t side, std::int64_t kernel,
                  std::int64_t stride) {
  const std::int64_t pad = kernel / 2;
  return Conv({.channels = channels,
               .filters = filters,
               .input = {side, side},
               .kernel = {kernel, kernel},
               .stride = {stride, stride},
               .pad_begin = {pad, pad},
               .pad_end = {pad, pad}});
}

inline Network resnet50() {
  Network all{layer(3, 64, 224, 7, 2)};
  std::int64_t in = 64;
  std::int64_t side = 56;
  for (const auto& [middle, blocks] : {std::pair{64, 3}, {128, 4}, {256, 6}, {512, 3}}) {
    for (int block = 0; block < blocks; ++block) {
      const std::int64_t stride = block == 0 && middle > 64 ? 2 : 1;
      all.insert(all.end(), {layer(in, middle, side, 1, 1), layer(middle, middle, side, 3, stride)});
      if (block == 0) all.emplace_back(layer(in, 4 * middle, side, 1, stride));
      side /= stride;
      in = 4 * middle;
      all.emplace_back(layer(middle, in, side, 1, 1));
    }
  }
  all.emplace_back(Gemm({.m = 1, .n = 1000, .k = 2048}));
  return all;
}

inline Network vgg16() {
  Network all;
  std::int64_t in = 3;
  std::int64_t side = 224;
  for (const auto& [filters, convs] : {std::pair{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}) {
    for (int i = 0; i < convs; ++i, in = filters) all.emplace_back(layer(in, filters, side, 3, 1));
    side /= 2;
  }
  for (const auto& [n, k] : {std::pair{4096, 25088}, {4096, 4096}, {1000, 4096}})
    all.emplace_back(Gemm({.m = 1, .n = n, .k = k}));
  return all;
}

// Sequences of 128 words.
inline Network bert_base() {
  Network all;
  for (int block = 0; block < 12; ++block) {
    for (int i = 0; i < 4; ++i) all.emplace_back(Gemm({.m = 128, .n = 768, .k = 768}));
    all.emplace_back(Gemm({.m = 128, .n = 128, .k = 64, .batch = 12}));
    all.emplace_back(Gemm({.m = 128, .n = 64, .k = 128, .batch = 12}));
    all.emplace_back(Gemm({.m = 128, .n = 3072, .k = 768}));
    all.emplace_back(Gemm({.m = 128, .n = 768, .k = 3072}));
  }
  return all;
}

}  // namespace cairn::bench
