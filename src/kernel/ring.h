// A first-in-first-out queue over one block of memory that grows when it must: std::deque without its blocks.
#pragma once

#include <cstddef>
#include <vector>

namespace cairn::kernel {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const T& front() const { return slots_[head_]; }
  const T& operator[](std::size_t i) const { return slots_[(head_ + i) & mask_]; }

  void push(const T& item) {
    if (size_ == slots_.size()) grow();
    slots_[(head_ + size_) & mask_] = item;
    ++size_;
  }

  T pop() {
    T item = slots_[head_];
    head_ = (head_ + 1) & mask_;
    --size_;
    return item;
  }

  // The head leaves and `item` joins at the end; the queue must not be empty.
  T exchange(const T& item) {
    T head = slots_[head_];
    slots_[(head_ + size_) & mask_] = item;
    head_ = (head_ + 1) & mask_;
    return head;
  }

 private:
  void grow() {
    std::vector<T> bigger(slots_.empty() ? 4 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) bigger[i] = (*this)[i];
    slots_ = std::move(bigger);
    mask_ = slots_.size() - 1;
    head_ = 0;
  }

  std::vector<T> slots_;  // a power of two of them
  std::size_t mask_ = 0;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace cairn::kernel
