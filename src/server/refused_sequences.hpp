#pragma once
// Batches of idempotent producers that a connection was refused for a reason that passes: a partition that is being
// recovered, a full disk. The producer sends them again, but it may have sent later ones already, and the reason may pass
// between the two. A later one would then be out of order, which is the end of the producer for some clients (librdkafka up
// to 2.0), or be taken for the first of a producer that is not known. So it is refused for the same reason, until the one
// before it has come again.

#include "tidelog/model/types.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/storage/producer_state.hpp"

#include <map>
#include <optional>
#include <tuple>

namespace tidelog::server {

/// Of one connection. For one thread at a time.
class refused_sequences {
 public:
  /// More are not remembered; nor is one that so many later batches had to wait for, since it does not seem to come again.
  static constexpr std::size_t most_remembered = 1024;
  static constexpr int most_waiting = 64;

  struct place {
    model::topic_id topic;
    model::partition_index partition;
  };

  /// Why a batch is to be refused; nothing when none is missing before it.
  [[nodiscard]] std::optional<protocol::error_code> reason_to_wait(const place& where,
                                                                   const storage::producer_batch& batch);
  void refused(const place& where, const storage::producer_batch& batch, protocol::error_code why);
  void stored(const place& where, const storage::producer_batch& batch);
  [[nodiscard]] bool is_empty() const { return first_refused_.empty(); }

 private:
  using key = std::tuple<model::topic_id, model::partition_index, model::producer_id, model::producer_epoch>;
  struct refusal {
    model::sequence first;
    protocol::error_code why;
    int waiting = 0;
  };
  [[nodiscard]] static key key_of(const place& where, const storage::producer_batch& batch) {
    return {where.topic, where.partition, batch.producer, batch.epoch};
  }

  std::map<key, refusal> first_refused_;
};

}  // namespace tidelog::server
