#include "tidelog/network/frame_stream.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <cstring>

namespace tidelog::network {

namespace {
constexpr std::size_t size_bytes = sizeof(std::int32_t);
}

/// What a buffer should hold when `pending` bytes of the arriving frame are there.
std::size_t frame_stream::wanted_capacity(std::size_t pending) const {
  // A connection that sends large frames is likely to send another like the last one.
  const auto expected = expected_ != 0 ? expected_ : last_;
  if (expected <= std::min(proven_, proven_bytes_limit))
    return std::max(expected, buffer_pool::standard_bytes);
  const auto grown = std::max(buffer_pool::standard_bytes, pending * 2);
  return expected_ != 0 ? std::max(buffer_pool::standard_bytes, std::min(grown, expected_)) : grown;
}

void frame_stream::move_to_front_of(receive_buffer_ptr target) {
  const auto pending = end_ - begin_;
  if (pending > 0) std::memcpy(target->bytes.get(), buffer_->bytes.get() + begin_, pending);
  pool_.give_back(std::exchange(buffer_, std::move(target)));
  begin_ = 0;
  end_ = pending;
}

void frame_stream::unpark() {
  buffer_ = pool_.take(wanted_capacity(parked_.size()));
  begin_ = 0;
  end_ = parked_.size();
  if (end_ > 0) std::memcpy(buffer_->bytes.get(), parked_.data(), end_);
  std::vector<std::byte>().swap(parked_);
}

/// Makes the buffer fit for receiving on: what has arrived of the next frame stands at its start or has room where it is.
void frame_stream::make_room() {
  const auto pending = end_ - begin_;
  const auto wanted = wanted_capacity(pending);
  const auto capacity = buffer_->capacity;
  if (begin_ == 0) {
    const bool is_full = end_ == capacity;
    const bool reaches_final_size = expected_ > capacity && wanted >= expected_;
    if (is_full || reaches_final_size || (pending == 0 && wanted > capacity))
      move_to_front_of(pool_.take(wanted));
    return;
  }
  // A large frame stays where it is when all of it fits there: moving would only cost.
  if (expected_ >= large_frame_bytes && begin_ + expected_ <= capacity) return;
  // Frames that were handed out may still be read by those who kept them.
  if (wanted > capacity || !is_sole_owner(buffer_)) {
    move_to_front_of(pool_.take(wanted));
    return;
  }
  if (pending > 0) std::memmove(buffer_->bytes.get(), buffer_->bytes.get() + begin_, pending);
  begin_ = 0;
  end_ = pending;
}

base::byte_span frame_stream::room() {
  if (buffer_ == nullptr) {
    unpark();
  } else {
    make_room();
  }
  auto bytes = buffer_->capacity - end_;
  const auto pending = end_ - begin_;
  if (expected_ >= large_frame_bytes) {
    bytes = std::min(bytes, expected_ - pending);
  } else if (expected_ == 0 && pending == 0 && last_ >= large_frame_bytes) {
    bytes = std::min(bytes, last_);
  }
  TIDELOG_ASSERT(bytes > 0, "begin={} end={} capacity={} expected={}", begin_, end_, buffer_->capacity,
                 expected_);
  return {buffer_->bytes.get() + end_, bytes};
}

void frame_stream::received(std::size_t bytes) {
  TIDELOG_ASSERT(buffer_ != nullptr);
  TIDELOG_ASSERT(bytes <= buffer_->capacity - end_, "bytes={} end={} capacity={}", bytes, end_,
                 buffer_->capacity);
  end_ += bytes;
}

frame_stream::step frame_stream::next(std::int32_t largest_frame_bytes) {
  const auto pending = end_ - begin_;
  if (buffer_ == nullptr || pending < size_bytes) return {};
  std::byte* const start = buffer_->bytes.get() + begin_;
  const auto size = base::load_big_endian<std::int32_t>(start);
  if (size < smallest_frame_bytes || size > largest_frame_bytes) return {found::bad_size, {}, size};
  const auto total = size_bytes + static_cast<std::size_t>(size);
  if (pending < total) {
    expected_ = total;
    return {};
  }
  begin_ += total;
  expected_ = 0;
  last_ = total;
  proven_ = std::max(proven_, total);
  return {found::frame, {{start + size_bytes, static_cast<std::size_t>(size)}, buffer_}, 0};
}

void frame_stream::rest() {
  if (buffer_ == nullptr) return;
  const auto pending = end_ - begin_;
  if (pending > 0) {
    if (pending * 2 >= buffer_->capacity) return;
    // In the middle of a frame like those before it, a buffer of its size is no waste, and copying would be.
    if (expected_ != 0 && expected_ <= std::min(proven_, proven_bytes_limit) &&
        expected_ * 2 >= buffer_->capacity) {
      return;
    }
    parked_.assign(buffer_->bytes.get() + begin_, buffer_->bytes.get() + end_);
  }
  pool_.give_back(std::exchange(buffer_, nullptr));
  begin_ = 0;
  end_ = 0;
}

void frame_stream::clear() {
  pool_.give_back(std::exchange(buffer_, nullptr));
  std::vector<std::byte>().swap(parked_);
  begin_ = 0;
  end_ = 0;
  expected_ = 0;
}

}  // namespace tidelog::network
