// What a stream is made of. Most streams have few pieces and live for a moment, so a few are held without memory of
// their own.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "util/units.h"

namespace cairn::kernel {

// `count` items, the k-th (from 0) arriving at first + k * step.
struct Piece {
  Cycle first;
  Cycle step;
  Count count;

  Cycle at(Count k) const { return first + k * step; }
  Cycle last() const { return at(count - 1); }
  bool operator==(const Piece&) const = default;
};

class Pieces {
 public:
  Pieces() = default;
  Pieces(const Pieces& other) { *this = other; }
  Pieces(Pieces&& other) noexcept { *this = std::move(other); }
  Pieces& operator=(const Pieces& other) {
    if (this == &other) return *this;
    size_ = 0;
    if (other.size_ > room_) make_room(other.size_);
    std::copy_n(other.all_, other.size_, all_);
    size_ = other.size_;
    return *this;
  }
  Pieces& operator=(Pieces&& other) noexcept {
    if (other.more_ == nullptr) return *this = std::as_const(other);  // they fit: no memory is asked for
    more_ = std::move(other.more_);
    all_ = more_.get();
    room_ = std::exchange(other.room_, other.few_.size());
    size_ = std::exchange(other.size_, 0);
    other.all_ = other.few_.data();
    return *this;
  }
  ~Pieces() = default;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Piece* begin() { return all_; }
  const Piece* begin() const { return all_; }
  Piece* end() { return all_ + size_; }
  const Piece* end() const { return all_ + size_; }
  const Piece& front() const { return all_[0]; }
  Piece& back() { return all_[size_ - 1]; }
  const Piece& back() const { return all_[size_ - 1]; }
  const Piece& operator[](std::size_t i) const { return all_[i]; }
  void push_back(const Piece& piece) {
    if (size_ == room_) make_room(4 * room_);
    all_[size_++] = piece;
  }
  void clear() { size_ = 0; }
  bool operator==(const Pieces& other) const { return std::ranges::equal(*this, other); }

 private:
  void make_room(std::size_t room) {
    auto more = std::make_unique_for_overwrite<Piece[]>(room);  // NOLINT(*-avoid-c-arrays): a vector sets all to 0
    std::copy_n(all_, size_, more.get());
    more_ = std::move(more);
    all_ = more_.get();
    room_ = room;
  }

  std::array<Piece, 2> few_;
  std::unique_ptr<Piece[]> more_;  // NOLINT(*-avoid-c-arrays): where there are more
  Piece* all_ = few_.data();
  std::size_t room_ = few_.size();
  std::size_t size_ = 0;
};

}  // namespace cairn::kernel
