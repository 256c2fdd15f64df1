// A layer as the loop nest that a flexible machine runs: a convolution over two spatial dimensions, of which a matrix
// product is the special case with one input row a product and a kernel as long as the summed dimension.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cairn/operation.h"
#include "util/units.h"

namespace cairn::mapping {

// The eight loops, in the paper's letters: kernel rows and columns, channels and filters of a group, groups, images,
// output rows and columns.
enum class Loop { r, s, c, k, g, n, x, y };
constexpr int kLoops = 8;
constexpr std::array<const char*, kLoops> kLoopNames{"R", "S", "C", "K", "G", "N", "X", "Y"};

class Loops {
 public:
  std::int64_t& operator[](Loop loop) { return sizes_[static_cast<std::size_t>(loop)]; }
  std::int64_t operator[](Loop loop) const { return sizes_[static_cast<std::size_t>(loop)]; }
  bool operator==(const Loops&) const = default;
  auto operator<=>(const Loops&) const = default;

 private:
  std::array<std::int64_t, kLoops> sizes_{1, 1, 1, 1, 1, 1, 1, 1};
};

struct Nest {
  Loops sizes;
  // Along x and along y.
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  bool matrix = false;    // a matrix product: its tile is given in M, N, K
  bool compares = false;  // max-pooling: outputs are the largest of what they cover, and there are no weights
  bool operator==(const Nest&) const = default;
  auto operator<=>(const Nest&) const = default;  // NOLINT(readability-implicit-bool-conversion): compares bools
};

// A matrix product becomes R = 1, S = K, C = 1, K = N, X = M, Y = 1, a batch of them groups. A convolution over three
// dimensions runs as its lowered product. Max-pooling is the depth-wise convolution over its windows: channels are
// groups.
Nest nest_of(const Operation& operation);

// What one step of the machine covers of each loop.
struct DenseTile {
  Loops sizes;
  bool operator==(const DenseTile&) const = default;

  std::int64_t cluster() const { return sizes[Loop::r] * sizes[Loop::s] * sizes[Loop::c]; }  // products an output
  std::int64_t clusters() const {
    return sizes[Loop::k] * sizes[Loop::g] * sizes[Loop::n] * sizes[Loop::x] * sizes[Loop::y];
  }
};

// A tile from its letters (M, N, K of a matrix product, the eight of a convolution, of max-pooling those but G and K,
// where C is its channels); what is missing is 1. Throws Error
// E401 for letters that do not exist and for sizes below 1.
DenseTile dense_tile(const Nest& nest, const std::map<std::string, std::int64_t>& named);
std::map<std::string, std::int64_t> named_tile(const Nest& nest, const DenseTile& tile);

// How often the machine goes around each loop.
class Iterations {
 public:
  Iterations(const Nest& nest, const DenseTile& tile);
  std::int64_t operator[](Loop loop) const { return counts_[loop]; }
  std::int64_t folds() const { return counts_[Loop::r] * counts_[Loop::s] * counts_[Loop::c]; }
  std::int64_t rounds() const { return counts_[Loop::n] * counts_[Loop::g] * counts_[Loop::k]; }
  std::int64_t windows() const { return counts_[Loop::x] * counts_[Loop::y]; }  // of a round

 private:
  Loops counts_;
};

}  // namespace cairn::mapping
