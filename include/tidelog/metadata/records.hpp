#pragma once
// The records of the metadata log, in Kafka's KRaft formats. A record's value is
//
//   frame version (unsigned varint, 1) | record type (unsigned varint) | record version (unsigned varint) | fields
//
// and its key is null. Each record is described once, by fields(), like a message of the protocol. The versions given
// are those that metadata.version 30 writes.

#include "tidelog/base/result.hpp"
#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/metadata/image.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tidelog::metadata {

/// A broker joins, under a new epoch: the offset of this very record.
struct register_broker_record {
  static constexpr std::uint32_t type = 0;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = 0;

  struct endpoint {
    std::string name;
    std::string host;
    std::uint16_t port = 0;
    std::int16_t security_protocol = 0;
    template <class Self, class Visit>
    static void fields(Self& self, Visit& visit) {
      visit("name", self.name, codec::always);
      visit("host", self.host, codec::always);
      visit("port", self.port, codec::always);
      visit("securityProtocol", self.security_protocol, codec::always);
    }
  };
  struct feature {
    std::string name;
    std::int16_t min_supported_version = 0;
    std::int16_t max_supported_version = 0;
    template <class Self, class Visit>
    static void fields(Self& self, Visit& visit) {
      visit("name", self.name, codec::always);
      visit("minSupportedVersion", self.min_supported_version, codec::always);
      visit("maxSupportedVersion", self.max_supported_version, codec::always);
    }
  };

  std::int32_t broker_id = 0;
  bool is_migrating_zk_broker = false;
  base::uuid incarnation_id;
  std::int64_t broker_epoch = 0;
  std::vector<endpoint> end_points;
  std::vector<feature> features;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  std::vector<base::uuid> log_dirs;
  std::optional<std::vector<base::uuid>> cordoned_log_dirs;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("brokerId", self.broker_id, codec::always);
    visit("isMigratingZkBroker", self.is_migrating_zk_broker, codec::since(2));
    visit("incarnationId", self.incarnation_id, codec::always);
    visit("brokerEpoch", self.broker_epoch, codec::always);
    visit("endPoints", self.end_points, codec::always);
    visit("features", self.features, codec::always);
    visit("rack", self.rack, codec::always.nullable_since(0));
    visit("fenced", self.fenced, codec::always);
    visit("inControlledShutdown", self.in_controlled_shutdown, codec::since(1));
    visit("logDirs", self.log_dirs, codec::since(3).tagged(0));
    visit("cordonedLogDirs", self.cordoned_log_dirs, codec::since(4).nullable_since(4).tagged(1));
  }
};

struct unregister_broker_record {
  static constexpr std::uint32_t type = 1;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t broker_id = 0;
  std::int64_t broker_epoch = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("brokerId", self.broker_id, codec::always);
    visit("brokerEpoch", self.broker_epoch, codec::always);
  }
};

struct topic_record {
  static constexpr std::uint32_t type = 2;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::string name;
  base::uuid topic_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("topicId", self.topic_id, codec::always);
  }
};

/// A partition comes into being.
struct partition_record {
  static constexpr std::uint32_t type = 3;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t partition_id = -1;
  base::uuid topic_id;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> isr;
  std::vector<std::int32_t> removing_replicas;
  std::vector<std::int32_t> adding_replicas;
  std::int32_t leader = -1;
  std::int8_t leader_recovery_state = 0;
  std::int32_t leader_epoch = -1;
  std::int32_t partition_epoch = -1;
  std::vector<base::uuid> directories;
  std::optional<std::vector<std::int32_t>> eligible_leader_replicas;
  std::optional<std::vector<std::int32_t>> last_known_elr;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionId", self.partition_id, codec::always);
    visit("topicId", self.topic_id, codec::always);
    visit("replicas", self.replicas, codec::always);
    visit("isr", self.isr, codec::always);
    visit("removingReplicas", self.removing_replicas, codec::always);
    visit("addingReplicas", self.adding_replicas, codec::always);
    visit("leader", self.leader, codec::always);
    visit("leaderRecoveryState", self.leader_recovery_state, codec::always.tagged(0));
    visit("leaderEpoch", self.leader_epoch, codec::always);
    visit("partitionEpoch", self.partition_epoch, codec::always);
    visit("directories", self.directories, codec::since(1));
    visit("eligibleLeaderReplicas", self.eligible_leader_replicas,
          codec::since(2).nullable_since(2).tagged(1));
    visit("lastKnownElr", self.last_known_elr, codec::since(2).nullable_since(2).tagged(2));
  }
};

/// One config of one resource is set; a null value removes it.
struct config_record {
  static constexpr std::uint32_t type = 4;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::string name;
  std::optional<std::string> value;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resourceType", self.resource_type, codec::always);
    visit("resourceName", self.resource_name, codec::always);
    visit("name", self.name, codec::always);
    visit("value", self.value, codec::always.nullable_since(0));
  }
};

/// What changes of a partition; a leader that is named (also the same again) raises the leader epoch by one.
struct partition_change_record {
  static constexpr std::uint32_t type = 5;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = 0;
  static constexpr std::int32_t leader_unchanged = -2;
  std::int32_t partition_id = -1;
  base::uuid topic_id;
  std::optional<std::vector<std::int32_t>> isr;
  std::int32_t leader = leader_unchanged;
  std::optional<std::vector<std::int32_t>> replicas;
  std::optional<std::vector<std::int32_t>> removing_replicas;
  std::optional<std::vector<std::int32_t>> adding_replicas;
  std::int8_t leader_recovery_state = -1;
  std::optional<std::vector<base::uuid>> directories;
  std::optional<std::vector<std::int32_t>> eligible_leader_replicas;
  std::optional<std::vector<std::int32_t>> last_known_elr;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionId", self.partition_id, codec::always);
    visit("topicId", self.topic_id, codec::always);
    visit("isr", self.isr, codec::always.nullable_since(0).tagged(0));
    visit("leader", self.leader, codec::always.tagged(1));
    visit("replicas", self.replicas, codec::always.nullable_since(0).tagged(2));
    visit("removingReplicas", self.removing_replicas, codec::always.nullable_since(0).tagged(3));
    visit("addingReplicas", self.adding_replicas, codec::always.nullable_since(0).tagged(4));
    visit("leaderRecoveryState", self.leader_recovery_state, codec::always.tagged(5));
    visit("eligibleLeaderReplicas", self.eligible_leader_replicas,
          codec::since(2).nullable_since(2).tagged(6));
    visit("lastKnownElr", self.last_known_elr, codec::since(2).nullable_since(2).tagged(7));
    visit("directories", self.directories, codec::since(1).nullable_since(1).tagged(8));
  }
};

struct fence_broker_record {
  static constexpr std::uint32_t type = 7;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t id = 0;
  std::int64_t epoch = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("id", self.id, codec::always);
    visit("epoch", self.epoch, codec::always);
  }
};

struct unfence_broker_record {
  static constexpr std::uint32_t type = 8;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t id = 0;
  std::int64_t epoch = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("id", self.id, codec::always);
    visit("epoch", self.epoch, codec::always);
  }
};

/// The topic goes, with its partitions and its configs.
struct remove_topic_record {
  static constexpr std::uint32_t type = 9;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  base::uuid topic_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
  }
};

/// Level 0 removes the feature.
struct feature_level_record {
  static constexpr std::uint32_t type = 12;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::string name;
  std::int16_t feature_level = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("featureLevel", self.feature_level, codec::always);
  }
};

/// Producer ids below `next_producer_id` have been given to brokers.
struct producer_ids_record {
  static constexpr std::uint32_t type = 15;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t broker_id = 0;
  std::int64_t broker_epoch = -1;
  std::int64_t next_producer_id = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("brokerId", self.broker_id, codec::always);
    visit("brokerEpoch", self.broker_epoch, codec::always);
    visit("nextProducerId", self.next_producer_id, codec::always);
  }
};

/// -1 in `fenced` says that the broker is fenced no longer, 1 that it is now, 0 that this is unchanged.
struct broker_registration_change_record {
  static constexpr std::uint32_t type = 17;
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t broker_id = 0;
  std::int64_t broker_epoch = 0;
  std::int8_t fenced = 0;
  std::int8_t in_controlled_shutdown = 0;
  std::vector<base::uuid> log_dirs;
  std::optional<std::vector<base::uuid>> cordoned_log_dirs;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("brokerId", self.broker_id, codec::always);
    visit("brokerEpoch", self.broker_epoch, codec::always);
    visit("fenced", self.fenced, codec::always.tagged(0));
    visit("inControlledShutdown", self.in_controlled_shutdown, codec::since(1).tagged(1));
    visit("logDirs", self.log_dirs, codec::since(2).tagged(2));
    visit("cordonedLogDirs", self.cordoned_log_dirs, codec::since(3).nullable_since(3).tagged(3));
  }
};

struct no_op_record {
  static constexpr std::uint32_t type = 20;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  template <class Self, class Visit>
  static void fields(Self&, Visit&) {}
};

/// What stands between this and the end (or abort) takes effect together or not at all.
struct begin_transaction_record {
  static constexpr std::uint32_t type = 23;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::optional<std::string> name;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always.nullable_since(0).tagged(0));
  }
};

struct end_transaction_record {
  static constexpr std::uint32_t type = 24;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  template <class Self, class Visit>
  static void fields(Self&, Visit&) {}
};

struct abort_transaction_record {
  static constexpr std::uint32_t type = 25;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::optional<std::string> reason;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("reason", self.reason, codec::always.nullable_since(0).tagged(0));
  }
};

/// A controller (here: the same process) announces itself at the beginning of its epoch.
struct register_controller_record {
  static constexpr std::uint32_t type = 27;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t controller_id = 0;
  base::uuid incarnation_id;
  bool zk_migration_ready = false;
  std::vector<register_broker_record::endpoint> end_points;
  std::vector<register_broker_record::feature> features;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("controllerId", self.controller_id, codec::always);
    visit("incarnationId", self.incarnation_id, codec::always);
    visit("zkMigrationReady", self.zk_migration_ready, codec::always);
    visit("endPoints", self.end_points, codec::always);
    visit("features", self.features, codec::always);
  }
};

/// The one list of the records that are understood; everything else is a kept_record.
using record =
    std::variant<register_broker_record, unregister_broker_record, topic_record, partition_record,
                 config_record, partition_change_record, fence_broker_record, unfence_broker_record,
                 remove_topic_record, feature_level_record, producer_ids_record,
                 broker_registration_change_record, no_op_record, begin_transaction_record,
                 end_transaction_record, abort_transaction_record, register_controller_record, kept_record>;

/// The value of a record, at the newest version there is of it.
[[nodiscard]] std::vector<std::byte> encode_record(const record& of);
/// Fails with errc::corrupt_metadata on bytes that are none, and with errc::unsupported_record for a record version
/// that this program does not know.
[[nodiscard]] base::result<record> decode_record(base::byte_view value);

enum class errc {
  corrupt_metadata = 1,
  unsupported_record,
  unsupported_feature_level,
  corrupt_snapshot,
};
[[nodiscard]] const std::error_category& metadata_category();
[[nodiscard]] std::error_code make_error_code(errc code);

}  // namespace tidelog::metadata

template <>
struct std::is_error_code_enum<tidelog::metadata::errc> : std::true_type {};
