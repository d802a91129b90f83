#pragma once
// Reads a coordinator's partition from its start to where it ends now, piece by piece: any batch that a Kafka broker may have
// written, compressed or transactional.

#include "tidelog/model/record.hpp"
#include "tidelog/partition/partition.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace tidelog::coordinator {

/// One thread at a time.
class log_record_reader {
 public:
  /// Told in the order of the log. What fails is passed over, with a word to the operator for the first.
  struct visitor {
    std::function<base::status(const model::record_batch_view& batch, const model::record_view& record)>
        record;
    std::function<base::status(const model::record_batch_view& batch)> control_batch;
  };

  log_record_reader(std::shared_ptr<partition::partition> log, visitor visit);

  /// Hands on what is in the next piece of at most `max_bytes` (or one batch). Fails where the log cannot be read or is
  /// damaged. Waits for the disk.
  [[nodiscard]] base::status read_some(std::uint64_t max_bytes);
  [[nodiscard]] bool is_done() const { return next_ >= end_; }
  [[nodiscard]] model::offset end() const { return end_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  [[nodiscard]] base::status read_batch(const model::record_batch_view& batch);
  void pass_over_failed(model::offset at, const base::status& outcome);

  std::shared_ptr<partition::partition> log_;
  visitor visit_;
  model::offset next_;
  model::offset end_;
  std::vector<std::byte> buffer_;
  std::uint64_t records_ = 0;
  std::uint64_t passed_over_ = 0;
};

}  // namespace tidelog::coordinator
