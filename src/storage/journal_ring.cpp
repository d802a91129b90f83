#include "journal_ring.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::storage {

void journal_ring::begin_run(std::uint64_t blocks) {
  TIDELOG_ASSERT(!is_needed());
  blocks_ = blocks;
  next_sequence_ = 1;
  next_block_ = 0;
  used_blocks_ = 0;
  groups_.clear();
  recorded_oldest_ = 1;
  older_.clear();
  forget_newer();
}

void journal_ring::forget_newer() {
  for (const auto& each : newer_) each->listed_as_newer = false;
  newer_ = {};
}

void journal_ring::grow(std::uint64_t blocks) {
  TIDELOG_ASSERT(can_grow() && blocks > blocks_, "{} of {} blocks before {}, to {}", used_blocks_, blocks_,
                 next_block_, blocks);
  next_block_ = blocks_up_to_next();
  blocks_ = blocks;
}

journal_ring::place journal_ring::place_group(std::uint64_t blocks) {
  TIDELOG_ASSERT(used_blocks_ + blocks <= blocks_, "{} + {} of {}", used_blocks_, blocks, blocks_);
  const place at{next_sequence_++, next_block_};
  next_block_ = (next_block_ + blocks) % blocks_;
  used_blocks_ += blocks;
  groups_.push_back({at.sequence, blocks});
  return at;
}

void journal_ring::add_log(const journal_account_ptr& account, model::offset end) {
  account->last_sequence = next_sequence_;
  if (account->synced_end >= end) return;
  if (account->newer_end == model::no_offset) {
    if (newer_count_++ == 0) newer_first_ = next_sequence_;
    if (!std::exchange(account->listed_as_newer, true)) newer_.push_back(account);
  }
  account->newer_end = end;
}

bool journal_ring::mark_would_free() const {
  const std::uint64_t oldest = is_needed() ? oldest_needed() : next_sequence_;
  std::uint64_t blocks = 0;
  for (const auto& each : groups_) {
    if (each.sequence >= oldest || blocks > 1) break;
    blocks += each.blocks;
  }
  return blocks > 1;
}

std::uint64_t journal_ring::oldest_needed() const {
  if (older_count_ > 0) return older_first_;
  if (newer_count_ > 0) return newer_first_;
  return next_sequence_ - 1;
}

void journal_ring::group_is_durable(std::uint64_t sequence, std::uint64_t oldest_needed) {
  TIDELOG_ASSERT(sequence < next_sequence_);
  recorded_oldest_ = oldest_needed;
  while (!groups_.empty() && groups_.front().sequence < oldest_needed) {
    used_blocks_ -= groups_.front().blocks;
    groups_.pop_front();
  }
}

void journal_ring::synced(journal_account& account, model::offset end) {
  account.synced_end = end;
  if (account.older_end != model::no_offset && account.older_end <= end) {
    account.older_end = model::no_offset;
    if (--older_count_ == 0) older_ = {};
  }
  if (account.newer_end != model::no_offset && account.newer_end <= end) {
    account.newer_end = model::no_offset;
    if (--newer_count_ == 0) forget_newer();
  }
}

void journal_ring::forget_batches(journal_account& account, model::offset end) {
  synced(account, std::max({end, account.older_end, account.newer_end}));
  account.synced_end = end;
}

bool journal_ring::round_is_due() const {
  if (older_count_ > 0 || newer_count_ == 0) return false;
  return is_half_full() || newer_count_ >= limits_.logs_in_a_round;
}

std::vector<journal_account_ptr> journal_ring::begin_round() {
  TIDELOG_ASSERT(older_count_ == 0);
  older_.clear();
  for (auto& each : newer_) {
    each->listed_as_newer = false;
    if (each->newer_end == model::no_offset) continue;
    each->older_end = std::exchange(each->newer_end, model::no_offset);
    older_.push_back(std::move(each));
  }
  newer_.clear();
  older_count_ = std::exchange(newer_count_, 0);
  older_first_ = newer_first_;
  TIDELOG_ASSERT(older_count_ == older_.size(), "{} and {}", older_count_, older_.size());
  return older_;
}

std::vector<journal_account_ptr> journal_ring::needed_accounts() const {
  std::vector<journal_account_ptr> needed;
  for (const auto& each : older_) {
    if (each->older_end != model::no_offset) needed.push_back(each);
  }
  for (const auto& each : newer_) {
    if (each->newer_end != model::no_offset && each->older_end == model::no_offset) needed.push_back(each);
  }
  return needed;
}

}  // namespace tidelog::storage
