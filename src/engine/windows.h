// The inputs under the kernel of each output pixel, and which of them are padding.
#pragma once

#include <optional>
#include <vector>

#include "engine/run.h"

namespace cairn::engine {

class Windows {
 public:
  Windows(const Operation& operation, const Operands& operands);

  // The inputs of a window, in the order of the weights, to out[0], out[stride], ...; of each batch (or group).
  void gather(Count batch, Count window, float* out, Count stride) const;
  Count output_index(Count batch, Count window, Count column) const;

  // Windows of one shape have the same padding.
  Count shapes() const;
  Count shape(Count window) const;
  // Whether that weight of a filter meets padding.
  bool padding(Count shape, Count weight) const;
  // How many weights meet padding, over all windows.
  Count padding() const;

 private:
  using Inside = std::vector<bool>;  // of each position of the kernel along a dimension
  struct Dimension {
    std::vector<Inside> distinct;
    std::vector<std::uint32_t> of;  // output coordinate: which of them
  };

  Gemm::Sizes sizes_;
  workload::MatrixView a_;
  std::optional<workload::Im2col> im2col_;
  std::vector<Dimension> dimensions_;
  Count taps_ = 1;    // positions of the kernel
  Count pixels_ = 1;  // windows of an image
};

}  // namespace cairn::engine
