// Networks as lists of operations, batch 1: every layer, repeated ones included.
#pragma once

#include <utility>
#include <vector>

#include "cairn/operation.h"

namespace cairn::bench {

using Network = std::vector<Operation>;

inline Conv padded(std::int64_t channels, std::int64_t filters, std::int64_t side, std::int64_t kernel,
                   std::int64_t stride, std::int64_t pad, std::int64_t groups = 1) {
  return Conv({.channels = channels,
               .filters = filters,
               .groups = groups,
               .input = {side, side},
               .kernel = {kernel, kernel},
               .stride = {stride, stride},
               .pad_begin = {pad, pad},
               .pad_end = {pad, pad}});
}

inline Conv layer(std::int64_t channels, std::int64_t filters, std::int64_t side, std::int64_t kernel,
                  std::int64_t stride) {
  return padded(channels, filters, side, kernel, stride, kernel / 2);
}

inline void add_dense(Network& network, std::int64_t n, std::int64_t k) {
  network.emplace_back(Gemm({.m = 1, .n = n, .k = k}));
}

inline Network alexnet() {
  Network all{padded(3, 64, 224, 11, 4, 2), layer(64, 192, 27, 5, 1), layer(192, 384, 13, 3, 1),
              layer(384, 256, 13, 3, 1), layer(256, 256, 13, 3, 1)};
  for (const auto& [n, k] : {std::pair{4096, 9216}, {4096, 4096}, {1000, 4096}}) add_dense(all, n, k);
  return all;
}

// Depth-wise and 1x1 layers in turn, without the classifier.
inline Network mobilenet_features(std::int64_t side) {
  Network all{layer(3, 32, side, 3, 2)};
  std::int64_t in = 32;
  side = (side + 1) / 2;
  const auto block = [&](std::int64_t filters, std::int64_t stride) {
    all.emplace_back(padded(in, in, side, 3, stride, 1, in));
    side = (side + stride - 1) / stride;
    all.emplace_back(layer(in, filters, side, 1, 1));
    in = filters;
  };
  for (const auto& [filters, stride] : {std::pair{64, 1}, {128, 2}, {128, 1}, {256, 2}, {256, 1}, {512, 2}})
    block(filters, stride);
  for (int i = 0; i < 5; ++i) block(512, 1);
  block(1024, 2);
  block(1024, 1);
  return all;
}

inline Network mobilenet() {
  Network all = mobilenet_features(224);
  add_dense(all, 1000, 1024);
  return all;
}

inline Network ssd_mobilenet() {
  Network all = mobilenet_features(300);
  struct Extra {
    std::int64_t in, middle, out, side;
  };
  for (const auto& [in, middle, out, side] :
       {Extra{1024, 256, 512, 10}, {512, 128, 256, 5}, {256, 128, 256, 3}, {256, 64, 128, 2}}) {
    all.emplace_back(layer(in, middle, side, 1, 1));
    all.emplace_back(layer(middle, out, side, 3, 2));
  }
  struct Head {
    std::int64_t in, side, boxes, classes;
  };
  for (const auto& [in, side, boxes, classes] : {Head{512, 19, 12, 273},
                                                 {1024, 10, 24, 546},
                                                 {512, 5, 24, 546},
                                                 {256, 3, 24, 546},
                                                 {256, 2, 24, 546},
                                                 {128, 1, 24, 546}}) {
    all.emplace_back(layer(in, boxes, side, 1, 1));
    all.emplace_back(layer(in, classes, side, 1, 1));
  }
  return all;
}

inline Network squeezenet() {
  Network all{padded(3, 96, 224, 7, 2, 0)};
  struct Fire {
    std::int64_t in, squeezed, expanded, side;
  };
  for (const auto& [in, squeezed, expanded, side] : {Fire{96, 16, 64, 54},
                                                     {128, 16, 64, 54},
                                                     {128, 32, 128, 54},
                                                     {256, 32, 128, 27},
                                                     {256, 48, 192, 27},
                                                     {384, 48, 192, 27},
                                                     {384, 64, 256, 27},
                                                     {512, 64, 256, 13}}) {
    all.emplace_back(layer(in, squeezed, side, 1, 1));
    all.emplace_back(layer(squeezed, expanded, side, 1, 1));
    all.emplace_back(layer(squeezed, expanded, side, 3, 1));
  }
  all.emplace_back(layer(512, 1000, 13, 1, 1));
  return all;
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
  add_dense(all, 1000, 2048);
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
  for (const auto& [n, k] : {std::pair{4096, 25088}, {4096, 4096}, {1000, 4096}}) add_dense(all, n, k);
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
