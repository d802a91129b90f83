#include "tidelog/storage/storage_error.hpp"

#include <string>

namespace tidelog::storage {
namespace {

const char* sentence(errc code) {
  switch (code) {
    case errc::offset_out_of_range:
      return "the offset is outside of what the log holds";
    case errc::out_of_order_sequence:
      return "the batch does not continue its producer's sequence";
    case errc::invalid_producer_epoch:
      return "the batch comes from an older incarnation of its producer";
    case errc::invalid_txn_state:
      return "the batch does not fit the state of its producer's transaction";
    case errc::coordinator_fenced:
      return "the marker comes from an older coordinator of its producer's transactions";
    case errc::transaction_may_have_ended:
      return "a transaction has ended here since the batch's was found to be open";
    case errc::fenced_leader_epoch:
      return "the leader epoch asked for is older than the current one";
    case errc::unknown_leader_epoch:
      return "the leader epoch asked for is newer than the current one";
    case errc::batch_too_large:
      return "the batch is larger than the log takes";
    case errc::invalid_batch:
      return "the bytes are no valid record batch";
    case errc::cleaning_aborted:
      return "the cleaning made way for something else";
    case errc::opening_given_up:
      return "nobody wants the log any more that was being opened";
    case errc::log_offline:
      return "the log went offline after an input or output error";
    case errc::closed:
      return "it has been closed";
    case errc::journal_failed:
      return "the commit journal failed, and so did the one that took its place: nothing is written durably "
             "until a restart";
    case errc::corrupt_segment:
      return "the segment is damaged";
    case errc::corrupt_index:
      return "the index is damaged";
    case errc::corrupt_snapshot:
      return "the producer snapshot is damaged";
    case errc::corrupt_checkpoint:
      return "the checkpoint file is damaged";
    case errc::corrupt_partition_metadata:
      return "the partition.metadata file is damaged";
    case errc::corrupt_meta_properties:
      return "the meta.properties file is damaged";
    case errc::corrupt_journal:
      return "the commit journal is damaged";
    case errc::unknown_format_version:
      return "the file has a format version that is not known here";
    case errc::not_a_data_directory:
      return "the directory holds something else than a broker's data";
    case errc::directory_locked:
      return "another process holds the data directory";
    case errc::directory_not_writable:
      return "the data directory cannot be written to";
    case errc::wrong_node_id:
      return "the data directory belongs to a node with another id";
    case errc::wrong_cluster_id:
      return "the data directory belongs to another cluster";
    case errc::unknown_partition:
      return "there is no such partition in the data directory";
    case errc::partition_exists:
      return "the partition is in the data directory already";
    case errc::topic_id_mismatch:
      return "the partition's directory belongs to a topic with another id";
  }
  return "unknown storage error";
}

class category_of_storage final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "storage"; }
  [[nodiscard]] std::string message(int code) const override { return sentence(static_cast<errc>(code)); }
};

}  // namespace

const std::error_category& storage_category() {
  static const category_of_storage category;
  return category;
}

std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), storage_category()};
}

}  // namespace tidelog::storage
