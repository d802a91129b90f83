#pragma once
// The last batches of one producer, and where it stands.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/limits.hpp"
#include "tidelog/storage/producer_batch.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace tidelog::storage {

/// A batch in the window, in 24 bytes: the base ones follow from the last ones and the delta.
struct kept_batch {
  model::sequence last_sequence;
  std::int32_t last_offset_delta;
  model::offset last_offset;
  model::timestamp timestamp;

  [[nodiscard]] model::sequence base_sequence() const;
  [[nodiscard]] model::offset base_offset() const { return last_offset - last_offset_delta; }
  [[nodiscard]] recorded_batch described() const {
    return {base_offset(), last_offset, base_sequence(), last_sequence, timestamp};
  }
};

/// The newest batches of a producer. One takes no memory of its own, and of one most producers are remembered after a start.
class batch_window {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_full() const { return size_ == most; }
  /// The oldest is the first.
  [[nodiscard]] const kept_batch& at(std::size_t index) const {
    return index + 1 == size_ ? newest_ : (*earlier_)[index];
  }
  [[nodiscard]] const kept_batch& oldest() const { return at(0); }
  [[nodiscard]] const kept_batch& newest() const { return newest_; }
  void clear() { size_ = 0; }
  void keep_newest() {
    size_ = std::min<std::uint8_t>(size_, 1);
    earlier_.reset();
  }

  /// The oldest goes when the window is full.
  void add_newest(const kept_batch& batch) {
    if (size_ > 0) {
      auto& others = earlier();
      if (is_full()) {
        std::move(others.begin() + 1, others.end(), others.begin());
        --size_;
      }
      others[size_ - 1U] = newest_;
    }
    newest_ = batch;
    ++size_;
  }
  /// While the window is neither empty nor full.
  void add_oldest(const kept_batch& batch) {
    auto& others = earlier();
    std::move_backward(others.begin(), others.begin() + size_ - 1, others.begin() + size_);
    others.front() = batch;
    ++size_;
  }

 private:
  static constexpr std::size_t most = base::limits::producer_batches_kept;
  using earlier_batches = std::array<kept_batch, most - 1>;

  [[nodiscard]] earlier_batches& earlier() {
    if (!earlier_) earlier_ = std::make_unique<earlier_batches>();
    return *earlier_;
  }

  kept_batch newest_{};
  std::unique_ptr<earlier_batches> earlier_;
  std::uint8_t size_ = 0;
};

/// What is remembered of one producer.
struct producer_entry {
  [[no_unique_address]] batch_window window;
  /// Nothing before the window is to be had: the epoch began with it, or the log does.
  bool window_complete = true;
  model::producer_epoch epoch = model::no_producer_epoch;
  std::int32_t coordinator_epoch = -1;
  model::timestamp last_timestamp = model::no_timestamp;
  /// For expiry. Not the batch's own timestamp: the client chooses that, and one who copies old records would
  /// be forgotten at once, one with a clock ahead never.
  base::unix_ms last_used_ms = 0;
  model::offset current_txn_first_offset = model::no_offset;

  [[nodiscard]] model::sequence last_sequence() const {
    return window.size() == 0 ? model::no_sequence : window.newest().last_sequence;
  }

  void enter(model::producer_epoch now) {
    if (epoch == now) return;
    epoch = now;
    window.clear();
    window_complete = true;
  }
  [[nodiscard]] bool wants_refill() const {
    return !window_complete && window.size() > 0 && !window.is_full();
  }
};

}  // namespace tidelog::storage
