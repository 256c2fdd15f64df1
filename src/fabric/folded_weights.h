// The weights that multipliers keep: those of all folds of a round, fold by fold, and of each multiplier the one that
// it needs next, side by side with those of its neighbours.
#pragma once

#include <vector>

#include "fabric/program.h"
#include "kernel/channel.h"

namespace cairn::fabric {

class FoldedWeights {
 public:
  void reset(int multipliers, Count folds) {
    stride_ = static_cast<std::size_t>(multipliers);
    weights_.assign(stride_ * static_cast<std::size_t>(folds), 0);
    fold_.assign(stride_, 0);
    next_.assign(kernel::whole_words(multipliers), 0);
  }
  void store(int multiplier, Count fold, float weight) {
    weights_[static_cast<std::size_t>(fold) * stride_ + static_cast<std::size_t>(multiplier)] = weight;
  }
  // At the first fold.
  void begin(std::size_t multiplier) {
    fold_[multiplier] = 0;
    next_[multiplier] = weights_[multiplier];
  }
  // To the next fold, of the next window after the last one.
  void advance(std::size_t multiplier) {
    const std::size_t fold = fold_[multiplier] + stride_;
    fold_[multiplier] = fold & -static_cast<std::size_t>(fold < weights_.size());
    next_[multiplier] = weights_[fold_[multiplier] + multiplier];
  }
  // The products of 64 inputs with what their multipliers need next; of no meaning for those without weights.
  void multiply(std::size_t word, const float* inputs, float* products) const {
    const float* weights = &next_[word * 64];
    for (std::size_t i = 0; i < 64; ++i) products[i] = inputs[i] * weights[i];
    for (std::size_t i = 0; i < 64; ++i) {
      const float product = products[i];
      products[i] = is_padding(weights[i]) ? 0 : product;
    }
  }

 private:
  std::size_t stride_ = 0;
  std::vector<float> weights_;
  std::vector<std::size_t> fold_;  // by multiplier: where those of its fold begin
  std::vector<float> next_;
};

}  // namespace cairn::fabric
