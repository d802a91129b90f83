// The fields of the records that Kafka's internal logs hold, kinds among them that Tidelog does not write (share and
// streams groups, transactions, credentials): a directory that Kafka wrote has them. The notation is in record_schema.cpp.
#include "record_schema_table.hpp"

namespace tidelog::tools {
namespace {

constexpr std::string_view no_fields{};

constexpr record_schema metadata_schemas[] = {
    {"RegisterBroker", 0, 0, 4, 0,
     "brokerId int32;isMigratingZkBroker bool 2+;incarnationId uuid;brokerEpoch int64;endPoints []{"
     "name string;host string;port uint16;securityProtocol int16};features []{name string;"
     "minSupportedVersion int16;maxSupportedVersion int16};rack string ?;fenced bool;"
     "inControlledShutdown bool 1+;logDirs []uuid 3+ #0;cordonedLogDirs []uuid 4+ ?4 #1"},
    {"UnregisterBroker", 1, 0, 0, 0, "brokerId int32;brokerEpoch int64"},
    {"Topic", 2, 0, 0, 0, "name string;topicId uuid"},
    {"Partition", 3, 0, 2, 0,
     "partitionId int32;topicId uuid;replicas []int32;isr []int32;removingReplicas []int32;"
     "addingReplicas []int32;leader int32;leaderRecoveryState int8 #0;leaderEpoch int32;"
     "partitionEpoch int32;directories []uuid 1+;eligibleLeaderReplicas []int32 2+ ?2 #1;"
     "lastKnownElr []int32 2+ ?2 #2"},
    {"Config", 4, 0, 0, 0, "resourceType int8;resourceName string;name string;value string ?"},
    {"PartitionChange", 5, 0, 2, 0,
     "partitionId int32;topicId uuid;isr []int32 ? #0;leader int32 #1;replicas []int32 ? #2;"
     "removingReplicas []int32 ? #3;addingReplicas []int32 ? #4;leaderRecoveryState int8 #5;"
     "directories []uuid 1+ ?1 #8;eligibleLeaderReplicas []int32 2+ ?2 #6;"
     "lastKnownElr []int32 2+ ?2 #7"},
    {"FenceBroker", 7, 0, 0, 0, "id int32;epoch int64"},
    {"UnfenceBroker", 8, 0, 0, 0, "id int32;epoch int64"},
    {"RemoveTopic", 9, 0, 0, 0, "topicId uuid"},
    {"DelegationToken", 10, 0, 0, 0,
     "owner string;requester string;renewers []string;issueTimestamp int64;maxTimestamp int64;"
     "expirationTimestamp int64;tokenId string"},
    {"UserScramCredential", 11, 0, 0, 0,
     "name string;mechanism int8;salt bytes;storedKey bytes;serverKey bytes;iterations int32"},
    {"FeatureLevel", 12, 0, 0, 0, "name string;featureLevel int16"},
    {"ClientQuota", 14, 0, 0, 0,
     "entity []{entityType string;entityName string ?};key string;value float64;remove bool"},
    {"ProducerIds", 15, 0, 0, 0, "brokerId int32;brokerEpoch int64;nextProducerId int64"},
    {"BrokerRegistrationChange", 17, 0, 3, 0,
     "brokerId int32;brokerEpoch int64;fenced int8 #0;inControlledShutdown int8 1+ #1;"
     "logDirs []uuid 2+ #2;cordonedLogDirs []uuid 3+ ?3 #3"},
    {"AccessControlEntry", 18, 0, 0, 0,
     "id uuid;resourceType int8;resourceName string;patternType int8;principal string;host string;"
     "operation int8;permissionType int8"},
    {"RemoveAccessControlEntry", 19, 0, 0, 0, "id uuid"},
    {"NoOp", 20, 0, 0, 0, no_fields},
    {"ZkMigrationState", 21, 0, 0, 0, "zkMigrationState int8"},
    {"RemoveUserScramCredential", 22, 0, 0, 0, "name string;mechanism int8"},
    {"BeginTransaction", 23, 0, 0, 0, "name string ? #0"},
    {"EndTransaction", 24, 0, 0, 0, no_fields},
    {"AbortTransaction", 25, 0, 0, 0, "reason string ? #0"},
    {"RemoveDelegationToken", 26, 0, 0, 0, "tokenId string"},
    {"RegisterController", 27, 0, 0, 0,
     "controllerId int32;incarnationId uuid;zkMigrationReady bool;endPoints []{name string;"
     "host string;port uint16;securityProtocol int16};features []{name string;"
     "minSupportedVersion int16;maxSupportedVersion int16}"},
    {"ClearElr", 28, 0, 0, 0, "topicName string"},
};

constexpr record_schema control_schemas[] = {
    {"EndTxnMarker", 0, 0, 0, never_flexible, "coordinatorEpoch int32"},
    {"LeaderChange", 2, 0, 1, 0,
     "leaderId int32;voters []{voterId int32;voterDirectoryId uuid 1+};"
     "grantingVoters []{voterId int32;voterDirectoryId uuid 1+}"},
    {"SnapshotHeader", 3, 0, 0, 0, "lastContainedLogTimestamp int64"},
    {"SnapshotFooter", 4, 0, 0, 0, ""},
    {"KRaftVersion", 5, 0, 0, 0, "kRaftVersion int16"},
    {"Voters", 6, 0, 0, 0,
     "voters []{voterId int32;voterDirectoryId uuid;endpoints []{name string;"
     "host string;port uint16};kRaftVersionFeature {minSupportedVersion int16;"
     "maxSupportedVersion int16}}"},
};

constexpr record_schema group_key_schemas[] = {
    {"LegacyOffsetCommit", 0, 0, 0, never_flexible, "group string;topic string;partition int32"},
    {"OffsetCommit", 1, 0, 0, never_flexible, "group string;topic string;partition int32"},
    {"GroupMetadata", 2, 0, 0, never_flexible, "group string"},
    {"ConsumerGroupMetadata", 3, 0, 0, never_flexible, "groupId string"},
    {"ConsumerGroupPartitionMetadata", 4, 0, 0, never_flexible, "groupId string"},
    {"ConsumerGroupMemberMetadata", 5, 0, 0, never_flexible, "groupId string;memberId string"},
    {"ConsumerGroupTargetAssignmentMetadata", 6, 0, 0, never_flexible, "groupId string"},
    {"ConsumerGroupTargetAssignmentMember", 7, 0, 0, never_flexible, "groupId string;memberId string"},
    {"ConsumerGroupCurrentMemberAssignment", 8, 0, 0, never_flexible, "groupId string;memberId string"},
    {"ShareGroupMemberMetadata", 10, 0, 0, never_flexible, "groupId string;memberId string"},
    {"ShareGroupMetadata", 11, 0, 0, never_flexible, "groupId string"},
    {"ShareGroupTargetAssignmentMetadata", 12, 0, 0, never_flexible, "groupId string"},
    {"ShareGroupTargetAssignmentMember", 13, 0, 0, never_flexible, "groupId string;memberId string"},
    {"ShareGroupCurrentMemberAssignment", 14, 0, 0, never_flexible, "groupId string;memberId string"},
    {"ShareGroupStatePartitionMetadata", 15, 0, 0, never_flexible, "groupId string"},
    {"ConsumerGroupRegularExpression", 16, 0, 0, never_flexible, "groupId string;regularExpression string"},
    {"StreamsGroupMetadata", 17, 0, 0, never_flexible, "groupId string"},
    {"StreamsGroupMemberMetadata", 19, 0, 0, never_flexible, "groupId string;memberId string"},
    {"StreamsGroupTargetAssignmentMetadata", 20, 0, 0, never_flexible, "groupId string"},
    {"StreamsGroupTargetAssignmentMember", 21, 0, 0, never_flexible, "groupId string;memberId string"},
    {"StreamsGroupCurrentMemberAssignment", 22, 0, 0, never_flexible, "groupId string;memberId string"},
    {"StreamsGroupTopology", 23, 0, 0, never_flexible, "groupId string"},
};

constexpr record_schema group_value_schemas[] = {
    {"LegacyOffsetCommit", 0, 0, 0, never_flexible, "offset int64;metadata string;commitTimestamp int64"},
    {"OffsetCommit", 1, 0, 4, 4,
     "offset int64;leaderEpoch int32 3+;metadata string;commitTimestamp int64;expireTimestamp int64 1;"
     "topicId uuid 4+ #0"},
    {"GroupMetadata", 2, 0, 4, 4,
     "protocolType string;generation int32;protocol string ?;leader string ?;"
     "currentStateTimestamp int64 2+;members []{memberId string;groupInstanceId string 3+ ?3;"
     "clientId string;clientHost string;rebalanceTimeout int32 1+;sessionTimeout int32;"
     "subscription bytes;assignment bytes}"},
    {"ConsumerGroupMetadata", 3, 0, 0, 0, "epoch int32;metadataHash int64 #0"},
    {"ConsumerGroupPartitionMetadata", 4, 0, 0, 0,
     "topics []{topicId uuid;topicName string;numPartitions int32;partitionMetadata []{"
     "partition int32;racks []string}}"},
    {"ConsumerGroupMemberMetadata", 5, 0, 0, 0,
     "instanceId string ?;rackId string ?;clientId string;clientHost string;"
     "subscribedTopicNames []string;subscribedTopicRegex string ?;rebalanceTimeoutMs int32;"
     "serverAssignor string ?;classicMemberMetadata {sessionTimeoutMs int32;supportedProtocols []{"
     "name string;metadata bytes}} ? #0"},
    {"ConsumerGroupTargetAssignmentMetadata", 6, 0, 0, 0,
     "assignmentEpoch int32;assignmentTimestamp int64 #0"},
    {"ConsumerGroupTargetAssignmentMember", 7, 0, 0, 0,
     "topicPartitions []{topicId uuid;partitions []int32}"},
    {"ConsumerGroupCurrentMemberAssignment", 8, 0, 0, 0,
     "memberEpoch int32;previousMemberEpoch int32;state int8;assignedPartitions []{topicId uuid;"
     "partitions []int32;assignmentEpochs []int32 ? #0};partitionsPendingRevocation []{topicId uuid;"
     "partitions []int32;assignmentEpochs []int32 ? #0}"},
    {"ShareGroupMemberMetadata", 10, 0, 0, 0,
     "rackId string ?;clientId string;clientHost string;subscribedTopicNames []string"},
    {"ShareGroupMetadata", 11, 0, 0, 0, "epoch int32;metadataHash int64"},
    {"ShareGroupTargetAssignmentMetadata", 12, 0, 0, 0, "assignmentEpoch int32;assignmentTimestamp int64 #0"},
    {"ShareGroupTargetAssignmentMember", 13, 0, 0, 0, "topicPartitions []{topicId uuid;partitions []int32}"},
    {"ShareGroupCurrentMemberAssignment", 14, 0, 0, 0,
     "memberEpoch int32;previousMemberEpoch int32;state int8;assignedPartitions []{topicId uuid;"
     "partitions []int32}"},
    {"ShareGroupStatePartitionMetadata", 15, 0, 0, 0,
     "initializingTopics []{topicId uuid;topicName string;partitions []int32};initializedTopics []{"
     "topicId uuid;topicName string;partitions []int32};deletingTopics []{topicId uuid;"
     "topicName string}"},
    {"ConsumerGroupRegularExpression", 16, 0, 0, 0, "topics []string;version int64;timestamp int64"},
    {"StreamsGroupMetadata", 17, 0, 0, 0,
     "epoch int32;metadataHash int64;validatedTopologyEpoch int32 #0;lastAssignmentConfigs []{"
     "key string;value string} ? #1"},
    {"StreamsGroupMemberMetadata", 19, 0, 0, 0,
     "instanceId string ?;rackId string ?;clientId string;clientHost string;rebalanceTimeoutMs int32;"
     "topologyEpoch int32;processId string;userEndpoint {host string;port uint16} ?;clientTags []{"
     "key string;value string}"},
    {"StreamsGroupTargetAssignmentMetadata", 20, 0, 0, 0,
     "assignmentEpoch int32;assignmentTimestamp int64 #0"},
    {"StreamsGroupTargetAssignmentMember", 21, 0, 0, 0,
     "activeTasks []{subtopologyId string;partitions []int32};standbyTasks []{subtopologyId string;"
     "partitions []int32};warmupTasks []{subtopologyId string;partitions []int32}"},
    {"StreamsGroupCurrentMemberAssignment", 22, 0, 0, 0,
     "memberEpoch int32;previousMemberEpoch int32;state int8;activeTasks []{subtopologyId string;"
     "partitions []int32;assignmentEpochs []int32 ? #0};standbyTasks []{subtopologyId string;"
     "partitions []int32;assignmentEpochs []int32 ? #0};warmupTasks []{subtopologyId string;"
     "partitions []int32;assignmentEpochs []int32 ? #0};activeTasksPendingRevocation []{"
     "subtopologyId string;partitions []int32;assignmentEpochs []int32 ? #0};"
     "standbyTasksPendingRevocation []{subtopologyId string;partitions []int32;"
     "assignmentEpochs []int32 ? #0};warmupTasksPendingRevocation []{subtopologyId string;"
     "partitions []int32;assignmentEpochs []int32 ? #0}"},
    {"StreamsGroupTopology", 23, 0, 0, 0,
     "epoch int32;subtopologies []{subtopologyId string;sourceTopics []string;"
     "sourceTopicRegex []string;stateChangelogTopics []{name string;partitions int32;"
     "replicationFactor int16;topicConfigs []{key string;value string}};"
     "repartitionSinkTopics []string;repartitionSourceTopics []{name string;partitions int32;"
     "replicationFactor int16;topicConfigs []{key string;value string}};copartitionGroups []{"
     "sourceTopics []int16;sourceTopicRegex []int16;repartitionSourceTopics []int16}}"},
};

constexpr record_schema transaction_key_schemas[] = {
    {"TransactionLog", 0, 0, 0, never_flexible, "transactionalId string"},
};

constexpr record_schema transaction_value_schemas[] = {
    {"TransactionLog", 0, 0, 1, 1,
     "producerId int64;previousProducerId int64 1+ #0;nextProducerId int64 1+ #1;producerEpoch int16;"
     "nextProducerEpoch int16 1+ #3;transactionTimeoutMs int32;transactionStatus int8;"
     "transactionPartitions []{topic string;partitionIds []int32} ?;"
     "transactionLastUpdateTimestampMs int64;transactionStartTimestampMs int64;"
     "clientTransactionVersion int16 1+ #2"},
};

constexpr record_schema share_state_key_schemas[] = {
    {"ShareSnapshot", 0, 0, 0, never_flexible, "groupId string;topicId uuid;partition int32"},
    {"ShareUpdate", 1, 0, 0, never_flexible, "groupId string;topicId uuid;partition int32"},
};

constexpr record_schema share_state_value_schemas[] = {
    {"ShareSnapshot", 0, 0, 0, 0,
     "snapshotEpoch int32;stateEpoch int32;leaderEpoch int32;startOffset int64;"
     "deliveryCompleteCount int32 #0;createTimestamp int64;writeTimestamp int64;stateBatches []{"
     "firstOffset int64;lastOffset int64;deliveryState int8;deliveryCount int16}"},
    {"ShareUpdate", 1, 0, 0, 0,
     "snapshotEpoch int32;leaderEpoch int32;startOffset int64;deliveryCompleteCount int32 #0;"
     "stateBatches []{firstOffset int64;lastOffset int64;deliveryState int8;deliveryCount int16}"},
};

}  // namespace

std::span<const record_schema> schemas_of(record_family family) {
  switch (family) {
    case record_family::metadata:
      return metadata_schemas;
    case record_family::control:
      return control_schemas;
    case record_family::group_key:
      return group_key_schemas;
    case record_family::group_value:
      return group_value_schemas;
    case record_family::transaction_key:
      return transaction_key_schemas;
    case record_family::transaction_value:
      return transaction_value_schemas;
    case record_family::share_state_key:
      return share_state_key_schemas;
    case record_family::share_state_value:
      return share_state_value_schemas;
  }
  return {};
}

}  // namespace tidelog::tools
