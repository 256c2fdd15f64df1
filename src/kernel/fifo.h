// A first-in-first-out queue that rarely holds more than one item: that one lies in place, the rest in memory of its
// own.
#pragma once

#include <memory>

#include "kernel/ring.h"

namespace cairn::kernel {

template <class T>
class Fifo {
 public:
  bool empty() const { return !occupied_; }

  void push(const T& item) {
    if (!occupied_) {
      first_ = item;
      occupied_ = true;
      return;
    }
    if (!rest_) rest_ = std::make_unique<Ring<T>>();
    rest_->push(item);
  }

  T pop() {
    const T item = first_;
    occupied_ = rest_ && !rest_->empty();
    if (occupied_) first_ = rest_->pop();
    return item;
  }

 private:
  T first_{};
  bool occupied_ = false;
  std::unique_ptr<Ring<T>> rest_;
};

}  // namespace cairn::kernel
