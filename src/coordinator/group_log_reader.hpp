#pragma once
// Reads the records of groups from a partition's log, piece by piece: any batch that a Kafka broker may have written,
// compressed or transactional. What a transaction wrote counts when its commit marker is met.

#include "group_records.hpp"

#include "tidelog/model/record.hpp"
#include "tidelog/partition/partition.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace tidelog::coordinator {

/// One thread at a time.
class group_log_reader {
 public:
  using visitor = std::function<void(const group_record&)>;

  /// Reads to where the log ends now.
  group_log_reader(std::shared_ptr<partition::partition> log, visitor visit);

  /// Hands on the records of the next piece of at most `max_bytes` (or one batch). Records of unknown kinds are passed
  /// over, those that cannot be read too, with a word to the operator. Fails where the log cannot be read or is damaged.
  [[nodiscard]] base::status read_some(std::uint64_t max_bytes);
  [[nodiscard]] bool is_done() const { return next_ >= end_; }
  [[nodiscard]] model::offset end() const { return end_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  [[nodiscard]] base::status read_batch(const model::record_batch_view& batch);
  void end_transaction(const model::record_batch_view& batch, base::byte_view records);
  void hand_on(const model::record_batch_view& batch, const model::record_view& record);

  std::shared_ptr<partition::partition> log_;
  visitor visit_;
  model::offset next_;
  model::offset end_;
  std::vector<std::byte> buffer_;
  /// By producer: what its open transaction has written so far.
  std::unordered_map<std::int64_t, std::vector<group_record>> open_transactions_;
  std::uint64_t records_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace tidelog::coordinator
