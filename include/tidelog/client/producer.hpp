#pragma once
// Sends records: one batch a partition at a time, the next one built while the last is on its way.

#include "tidelog/client/cluster.hpp"
#include "tidelog/client/partitioner.hpp"
#include "tidelog/codec/compression.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/model/transaction_end.hpp"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace tidelog::protocol {
struct end_txn_request;
struct end_txn_response;
struct init_producer_id_response;
}  // namespace tidelog::protocol

namespace tidelog::client {

/// Which acknowledgement the broker is asked for; values as they travel.
enum class acks : std::int16_t { none = 0, leader = 1, all = -1 };

/// An idempotent producer's batches are stored once, also when an answer is lost and they are sent again.
enum class idempotence { off, on };

struct producer_options {
  client::acks acks = client::acks::all;
  client::idempotence idempotence = client::idempotence::off;
  model::compression_type compression = model::compression_type::none;
  codec::compression_level compression_level{};
  /// A batch leaves before it grows beyond this, uncompressed. One record may be larger.
  std::size_t batch_bytes = 1'000'000;
  std::chrono::milliseconds broker_timeout{30'000};
  /// What is sent is seen by read-committed consumers once it is committed. Needs idempotence and acks of all.
  std::optional<std::string> transactional_id;
  /// The broker aborts a transaction that is open for longer.
  std::chrono::milliseconds transaction_timeout{60'000};
  /// Where keyless records begin.
  std::uint64_t seed = 0;
};

/// What became of one batch. Without acknowledgement the offset is no_offset.
struct delivery {
  model::topic_partition at;
  model::offset base_offset = model::no_offset;
  std::int32_t record_count = 0;
  std::size_t batch_bytes = 0;
};

/// Replaces the records of a sealed, uncompressed batch by their compressed form and seals it again.
[[nodiscard]] base::status compress_batch(std::vector<std::byte>& batch, model::compression_type type,
                                          codec::compression_level level);

struct outgoing_record {
  model::nullable_bytes key;
  model::nullable_bytes value;
  std::span<const model::record_header_view> headers;
  model::timestamp timestamp;
  /// Nothing: Kafka's default partitioner decides.
  std::optional<model::partition_index> partition;
};

/// Retries what is retriable for as long as the cluster's options say, keeping the order of a partition. After a
/// failure the producer is of no more use: what was delivered has been told. One thread at a time; the cluster must
/// outlive it.
class producer {
 public:
  producer(cluster& in, const producer_options& options, std::function<void(const delivery&)> delivered);
  producer(const producer&) = delete;
  producer& operator=(const producer&) = delete;

  /// Copies the record into its batch; sends a batch that is full.
  [[nodiscard]] base::status add(const std::string& topic, const outgoing_record& record);
  /// Sends everything and waits until it has been answered.
  [[nodiscard]] base::status flush();

  // With a transactional id. The first record begins a transaction, and the first one after its end the next.
  /// Sends everything and commits it.
  [[nodiscard]] base::status commit();
  /// Takes back what was added since the last commit, also after a failure.
  [[nodiscard]] base::status abort();

 private:
  struct partition_state {
    std::optional<model::record_batch_builder> building;
    model::sequence next_sequence{0};
  };
  struct sealed_batch {
    model::topic_partition at;
    std::vector<std::byte> bytes;
    std::int32_t record_count = 0;
  };
  [[nodiscard]] base::result<model::topic_partition> place_of(const std::string& topic,
                                                              const outgoing_record& record);
  [[nodiscard]] base::status ensure_producer_id();
  [[nodiscard]] base::result<protocol::init_producer_id_response> ask_for_producer_id();
  [[nodiscard]] base::status end_transaction(model::transaction_outcome outcome);
  [[nodiscard]] base::result<protocol::end_txn_response> ask_for_end(
      const protocol::end_txn_request& request);
  [[nodiscard]] base::status send_batch(const model::topic_partition& at, partition_state& state);
  [[nodiscard]] base::result<sealed_batch> seal(const model::topic_partition& at, partition_state& state);
  [[nodiscard]] base::status begin_send(sealed_batch& batch);
  [[nodiscard]] base::status settle();
  [[nodiscard]] base::status settle_once();

  cluster& cluster_;
  producer_options options_;
  std::function<void(const delivery&)> delivered_;
  std::map<model::topic_partition, partition_state> partitions_;
  std::map<std::string, default_partitioner> partitioners_;
  model::producer_id producer_id_ = model::no_producer_id;
  model::producer_epoch producer_epoch_ = model::no_producer_epoch;
  /// The broker may know of the transaction.
  bool in_transaction_ = false;
  /// The one batch that has left and is not answered, and the connection that it left by; none when the sending failed.
  std::optional<sealed_batch> under_way_;
  connection* sent_by_ = nullptr;
};

}  // namespace tidelog::client
