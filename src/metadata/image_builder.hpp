#pragma once
// Makes the next image out of one and the records that follow it.

#include "tidelog/base/result.hpp"
#include "tidelog/metadata/image.hpp"
#include "tidelog/metadata/records.hpp"

#include <vector>

namespace tidelog::metadata {

/// The features and levels that this program can live with, as broker registrations tell them.
[[nodiscard]] std::vector<register_broker_record::feature> supported_features();

/// Records of a metadata transaction are held back until it ends; so a builder may only be asked for its image between
/// transactions. Not thread safe.
class image_builder {
 public:
  explicit image_builder(const image& before) : next_(before) {}

  /// Fails with corrupt_metadata where a record contradicts what came before (a partition of no topic, …), and with
  /// unsupported_feature_level.
  [[nodiscard]] base::status apply(const record& of);
  /// The offset and epoch of what was applied last.
  void reached(model::offset offset, model::leader_epoch epoch);
  [[nodiscard]] bool in_transaction() const { return in_transaction_; }
  /// A transaction that is open is given up.
  [[nodiscard]] image_ptr build();

 private:
  base::status apply_now(const record& of);
  base::status on(const register_broker_record& of);
  base::status on(const unregister_broker_record& of);
  base::status on(const topic_record& of);
  base::status on(const partition_record& of);
  base::status on(const config_record& of);
  base::status on(const partition_change_record& of);
  base::status on(const fence_broker_record& of);
  base::status on(const unfence_broker_record& of);
  base::status on(const remove_topic_record& of);
  base::status on(const feature_level_record& of);
  base::status on(const producer_ids_record& of);
  base::status on(const broker_registration_change_record& of);
  base::status on(const no_op_record& of);
  base::status on(const begin_transaction_record& of);
  base::status on(const end_transaction_record& of);
  base::status on(const abort_transaction_record& of);
  base::status on(const register_controller_record& of);
  base::status on(const kept_record& of);
  /// The topic, to be changed in place; published by put_back(). One at a time is open, so that the many records of
  /// one topic's partitions copy it once.
  base::result<topic_state*> open_topic(const model::topic_id& id, const char* what);
  void put_back();
  /// The same as one object, where it is placed as the partition before was.
  [[nodiscard]] std::shared_ptr<const replica_placement> shared(replica_placement made);
  void set_fenced(std::int32_t broker, bool fenced);

  image next_;
  std::shared_ptr<topic_state> open_topic_;
  std::shared_ptr<const replica_placement> last_placement_;
  /// The kept records once one was added here.
  std::shared_ptr<std::vector<kept_record>> own_kept_;
  bool in_transaction_ = false;
  std::vector<record> held_back_;
};

}  // namespace tidelog::metadata
