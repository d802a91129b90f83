#pragma once
// What a partition remembers of its idempotent producers, so that a batch sent again is answered and not
// stored again.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/first_inline_map.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/storage/producer_entry.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace tidelog::storage {

/// One producer as DescribeProducers lists it. Members without a value are -1, as in the protocol and in the
/// snapshot.
struct producer_description {
  model::producer_id producer;
  model::producer_epoch epoch;
  model::sequence last_sequence;
  model::timestamp last_timestamp;
  std::int32_t coordinator_epoch;
  model::offset current_txn_first_offset;
  friend bool operator==(const producer_description&, const producer_description&) = default;
};

/// One line of a snapshot file (see producer_snapshot.hpp); the last batch is all that such a file keeps of a
/// producer.
struct producer_snapshot_entry {
  model::producer_id producer;
  model::producer_epoch epoch;
  model::sequence last_sequence;
  model::offset last_offset;
  std::int32_t offset_delta;  ///< of the last batch: last offset minus base offset
  model::timestamp timestamp;
  std::int32_t coordinator_epoch;
  model::offset current_txn_first_offset;
  friend bool operator==(const producer_snapshot_entry&, const producer_snapshot_entry&) = default;
};

/// Per producer: its epoch and its last five batches (base::limits::producer_batches_kept). Rules of check(),
/// Kafka's:
///   same epoch, same first and last sequence as one of the five   -> duplicate, with the original's offsets
///   epoch older than the producer's                               -> invalid_producer_epoch
///   epoch newer, first sequence not 0                             -> out_of_order_sequence
///   same epoch, first sequence not right after the last           -> out_of_order_sequence (older duplicates too)
///   producer not known here (never, or expired)                   -> accepted, whatever its sequence
/// A marker may bring a newer epoch, which then has no batches: the first one has to begin with sequence 0.
///
/// Life of it: check() a batch, append it, record() it. At start: load() the snapshot, then record() every
/// batch from the snapshot's offset to the end of the log. For a truncation: clear(), and the same again. The
/// moved-away beginning of a log changes nothing: its producers go on being known until they expire. A
/// snapshot keeps only the last batch of each producer, so after a start the window of five has gaps; they
/// are filled on demand, see refill_before().
///
/// Allocates nothing before the first producer comes, and gives everything back when the last one has
/// expired. Not thread safe: belongs to whoever may append to the log.
class producer_state {
 public:
  /// Nothing: append it. A batch: it is a duplicate of that one. Fails with errc::out_of_order_sequence,
  /// invalid_producer_epoch, or invalid_txn_state (plain records inside an open transaction).
  [[nodiscard]] base::result<std::optional<recorded_batch>> check(const producer_batch& batch) const;
  /// What is asked of the broker's own batches: fails with errc::invalid_producer_epoch, or, a marker, with
  /// coordinator_fenced.
  [[nodiscard]] base::status check_epochs(const producer_batch& batch) const;

  /// Takes over a batch that is in the log, whether checked or read back from a segment: the log is the
  /// truth, so this cannot fail. `now_ms` is when it was appended; for one read back, its own timestamp or
  /// the present if that is earlier (see record_replayed()).
  void record(const producer_batch& batch, base::unix_ms now_ms);
  /// record() for a batch read back from a segment while the clock says `now_ms`.
  void record_replayed(const producer_batch& batch, base::unix_ms now_ms);

  /// When check() failed with out_of_order_sequence: could the batch be a duplicate of one that the window
  /// has lost by a restart? Then the offset below which the log's batches are to be given to refill();
  /// nothing when the failure stands.
  [[nodiscard]] std::optional<model::offset> refill_before(const producer_batch& batch) const;
  /// Fills the producer's window at its old end with batches read from the log: a stretch of it, in log
  /// order, that ends where the window begins (other producers' batches and known ones are passed over). To
  /// go back in steps, give later stretches first. An empty stretch says that the log has no more; then
  /// nobody is asked for this window again.
  enum class refill_outcome { more_wanted, complete };
  refill_outcome refill(model::producer_id producer, std::span<const producer_batch> in_log_order);

  /// Takes as little memory as after load(): leaves only the last batch of each producer whose others are in the log, at
  /// `from` or behind, where refill() would find them.
  void rest(model::offset from);

  /// Replaces everything by what a snapshot holds. `now_ms` caps timestamps from the future, which would
  /// never expire.
  void load(std::span<const producer_snapshot_entry> entries, base::unix_ms now_ms);
  /// In the order of producer ids.
  [[nodiscard]] std::vector<producer_snapshot_entry> snapshot() const;
  void clear();

  /// Forgets producers that have not appended for `expiration_ms` (producer.id.expiration.ms) and have no
  /// open transaction; returns how many.
  std::size_t expire(base::unix_ms now_ms, std::int64_t expiration_ms);

  [[nodiscard]] std::size_t size() const;
  /// In the order of producer ids.
  [[nodiscard]] std::vector<producer_description> describe() const;
  /// The lowest offset at which a transaction is open, which bounds the last stable offset; that of one producer does not
  /// count.
  [[nodiscard]] std::optional<model::offset> first_open_transaction(
      model::producer_id but_for = model::no_producer_id) const;
  /// Where the producer's transaction began, if it has one that is open.
  [[nodiscard]] std::optional<model::offset> open_transaction_of(model::producer_id producer) const;

 private:
  using open_set = std::set<std::pair<model::offset, model::producer_id>>;

  /// Of a producer with that entry: its transaction begins there, or it has none (no_offset).
  void set_open(model::producer_id producer, producer_entry& entry, model::offset first);

  base::first_inline_map<model::producer_id, producer_entry> producers_;
  /// Where transactions are open, so that nobody has to look at every producer for them. Null when none is.
  std::unique_ptr<open_set> open_;
};

}  // namespace tidelog::storage
