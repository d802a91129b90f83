// What clients are told while the disk is full, and what goes on all the same.

#include "support_broker_fixture.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/create_partitions.hpp"
#include "tidelog/protocol/create_topics.hpp"
#include "tidelog/protocol/delete_records.hpp"
#include "tidelog/protocol/delete_topics.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/incremental_alter_configs.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/metadata.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/protocol/produce.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using protocol::error_code;

constexpr std::uint64_t mib = 1024 * 1024;

class full_disk : public testing::Test {
 protected:
  full_disk() {
    broker.files().set_capacity_bytes(256 * mib);
    broker.space().set_reserve_bytes(16 * mib);
    broker.make_topic("t", 2);
    broker.append("t", 0, 5);
  }
  ~full_disk() override { leave_free(100 * mib); }

  void leave_free(std::uint64_t bytes) {
    const auto file = broker.files().open("/others", io::open_mode::create);
    EXPECT_TRUE((*file)->truncate(0));
    EXPECT_TRUE((*file)->truncate(broker.files().space("/")->available_bytes - bytes));
    broker.space().look();
  }
  protocol::partition_produce_response produce(std::int16_t acks = -1) {
    model::record_batch_builder builder;
    builder.add(model::timestamp(broker.clock().now_ms()), {}, base::as_bytes("value"));
    auto batch = builder.build();
    protocol::produce_request wanted;
    wanted.acks = acks;
    auto& topic = wanted.topic_data.emplace_back();
    topic.name = "t";
    topic.topic_id = broker.cluster().current()->topic("t")->id;
    auto& partition = topic.partition_data.emplace_back();
    partition.records = {base::byte_span(batch), {}, true};
    auto answer = broker.ask<protocol::produce_response>(wanted);
    return answer.responses.at(0).partition_responses.at(0);
  }
  protocol::creatable_topic_result create(const std::string& name, bool validate_only = false) {
    protocol::create_topics_request wanted;
    wanted.validate_only = validate_only;
    auto& topic = wanted.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = topic.replication_factor = -1;
    return broker.ask<protocol::create_topics_response>(wanted).topics.at(0);
  }
  error_code delete_topic(const std::string& name) {
    protocol::delete_topics_request wanted;
    wanted.topics.push_back({name, {}});
    return broker.ask<protocol::delete_topics_response>(wanted).responses.at(0).error_code;
  }
  error_code delete_records(std::int64_t before) {
    protocol::delete_records_request wanted;
    wanted.topics.push_back({"t", {{0, before}}});
    return broker.ask<protocol::delete_records_response>(wanted).topics.at(0).partitions.at(0).error_code;
  }
  error_code commit_offset() {
    protocol::offset_commit_request wanted;
    wanted.group_id = "g";
    wanted.generation_id_or_member_epoch = -1;
    wanted.topics.push_back({"t", broker.cluster().current()->topic("t")->id, {{0, 1, -1, ""}}});
    return broker.ask<protocol::offset_commit_response>(wanted).topics.at(0).partitions.at(0).error_code;
  }
  /// Makes the topic that offsets are kept in.
  void find_coordinator() {
    protocol::find_coordinator_request wanted;
    wanted.coordinator_keys = {"g"};
    EXPECT_EQ(broker.ask<protocol::find_coordinator_response>(wanted).coordinators.at(0).error_code,
              error_code::none);
  }
  error_code metadata_of(const std::string& name, bool may_create) {
    protocol::metadata_request wanted;
    wanted.topics.emplace();
    wanted.topics->push_back({{}, name});
    wanted.allow_auto_topic_creation = may_create;
    return broker.ask<protocol::metadata_response>(wanted).topics.at(0).error_code;
  }
  [[nodiscard]] model::offset log_end() {
    return broker.partitions().find("t")->partitions.at(0)->log_end_offset();
  }

  test_broker broker;
};

TEST_F(full_disk, producers_are_told_to_try_again_until_there_is_room) {
  leave_free(mib);
  const auto refused = produce();
  EXPECT_EQ(refused.error_code, error_code::kafka_storage_error);
  EXPECT_EQ(refused.base_offset, -1);
  EXPECT_NE(refused.error_message.value_or("").find("1.0 MiB are free, 16.0 MiB are kept in reserve"),
            std::string::npos)
      << refused.error_message.value_or("");
  EXPECT_EQ(log_end(), model::offset(5));
  leave_free(50 * mib);
  EXPECT_EQ(produce().error_code, error_code::none);
  EXPECT_EQ(log_end(), model::offset(6));
}

TEST_F(full_disk, write_that_finds_it_full_refuses_the_next_ones_too) {
  broker.files().inject(
      {.what = operation::write, .error_number = ENOSPC, .path_contains = "/t-0/", .times = 1});
  EXPECT_EQ(produce().error_code, error_code::kafka_storage_error);
  EXPECT_TRUE(broker.space().is_full());
  EXPECT_EQ(produce().error_code, error_code::kafka_storage_error);
  EXPECT_TRUE(broker.partitions().find("t")->partitions.at(0)->check_available());
  broker.space().look();
  EXPECT_EQ(produce().error_code, error_code::none);
}

TEST_F(full_disk, sync_that_finds_no_room_takes_a_partition_offline_until_there_is_some) {
  const auto target = broker.partitions().find("t")->partitions.at(0);
  const auto epoch = target->leader_epoch();
  broker.files().inject(
      {.what = operation::sync, .error_number = ENOSPC, .path_contains = "/t-0/", .times = for_ever});
  EXPECT_EQ(produce().error_code, error_code::kafka_storage_error);
  EXPECT_TRUE(broker.space().is_full());
  EXPECT_EQ(metadata_of("t", false), error_code::none);
  leave_free(mib);
  broker.service().bring_back_what_had_no_room();
  EXPECT_FALSE(target->check_available());
  EXPECT_EQ(target->leader_epoch(), epoch);

  // Room, but the disk does not take it: the mode begins again with the attempt.
  leave_free(50 * mib);
  EXPECT_FALSE(broker.space().is_full());
  broker.service().bring_back_what_had_no_room();
  while (!broker.space().is_full()) std::this_thread::yield();
  EXPECT_FALSE(target->check_available());

  broker.files().clear_faults();
  broker.space().look();
  EXPECT_FALSE(broker.space().is_full());
  while (!target->check_available()) {
    broker.clock().advance(std::chrono::seconds(2));
    broker.service().bring_back_what_had_no_room();
  }
  EXPECT_GT(target->leader_epoch(), epoch);
  EXPECT_EQ(produce().error_code, error_code::none);
}

TEST_F(full_disk, mode_does_not_end_while_syncs_find_no_room) {
  broker.files().inject(
      {.what = operation::sync, .error_number = ENOSPC, .path_contains = "/data", .times = for_ever});
  EXPECT_EQ(produce().error_code, error_code::kafka_storage_error);
  broker.space().look();
  EXPECT_TRUE(broker.space().is_full());
  broker.files().clear_faults();
  broker.space().look();
  EXPECT_FALSE(broker.space().is_full());
  broker.service().bring_back_what_had_no_room();
  while (!broker.partitions().find("t")->partitions.at(0)->check_available()) std::this_thread::yield();
}

TEST_F(full_disk, metadata_log_whose_sync_finds_no_room_is_offline_until_there_is_some) {
  broker.files().inject({.what = operation::sync,
                         .error_number = ENOSPC,
                         .path_contains = "__cluster_metadata",
                         .times = for_ever});
  EXPECT_EQ(create("first").error_code, error_code::kafka_storage_error);
  EXPECT_EQ(create("second").error_code, error_code::kafka_storage_error);
  broker.service().bring_back_what_had_no_room();
  EXPECT_TRUE(broker.space().is_full());
  broker.files().clear_faults();
  broker.space().look();
  broker.service().bring_back_what_had_no_room();
  EXPECT_EQ(create("third").error_code, error_code::none);
  broker.append("third", 0, 1);
  // Whether it is there or not, all agree about it.
  const auto again = create("first").error_code;
  EXPECT_TRUE(again == error_code::none || again == error_code::topic_already_exists);
  broker.append("first", 0, 1);
  EXPECT_EQ(broker.cluster().current()->topics().size(), 3U);
}

TEST_F(full_disk, topic_whose_files_found_no_room_can_be_used_when_there_is_some) {
  broker.files().inject(
      {.what = operation::make_directory, .error_number = ENOSPC, .path_contains = "new-0", .times = 1});
  create("new");
  EXPECT_TRUE(broker.space().is_full());
  const auto target = broker.partitions().find("new")->partitions.at(0);
  EXPECT_FALSE(target->check_available());
  broker.space().look();
  broker.service().bring_back_what_had_no_room();
  while (!target->check_available()) std::this_thread::yield();
  broker.append("new", 0, 1);
}

TEST_F(full_disk, topics_and_partitions_are_not_made_and_the_answer_says_why) {
  leave_free(mib);
  for (const bool validate_only : {false, true}) {
    const auto refused = create("new", validate_only);
    EXPECT_EQ(refused.error_code, error_code::kafka_storage_error);
    EXPECT_NE(refused.error_message.value_or("").find("the disk of /data is full"), std::string::npos);
  }
  EXPECT_EQ(create("t").error_code, error_code::topic_already_exists) << "what is wrong anyway is said first";
  protocol::create_partitions_request more;
  more.topics.push_back({"t", 3, std::nullopt});
  EXPECT_EQ(broker.ask<protocol::create_partitions_response>(more).results.at(0).error_code,
            error_code::kafka_storage_error);
  EXPECT_EQ(metadata_of("on-demand", true), error_code::leader_not_available);
  EXPECT_EQ(metadata_of("on-demand", false), error_code::unknown_topic_or_partition);

  leave_free(50 * mib);
  EXPECT_EQ(create("new").error_code, error_code::none);
  EXPECT_EQ(metadata_of("on-demand", true), error_code::none);
}

TEST_F(full_disk, reading_committing_deleting_and_configuring_go_on) {
  leave_free(mib);
  find_coordinator();
  while (commit_offset() == error_code::coordinator_load_in_progress) std::this_thread::yield();
  EXPECT_EQ(commit_offset(), error_code::none);
  EXPECT_EQ(broker.ask<protocol::init_producer_id_response>(protocol::init_producer_id_request{}).error_code,
            error_code::none);
  protocol::incremental_alter_configs_request changed;
  changed.resources.push_back(
      {protocol::resource_type::topic, "t", {{"retention.ms", protocol::config_operation::set, "1"}}});
  EXPECT_EQ(broker.ask<protocol::incremental_alter_configs_response>(changed).responses.at(0).error_code,
            error_code::none);
  const auto read = broker.partitions().find("t")->partitions.at(0)->read(
      model::offset(0), {1000, storage::read_limit::oversized_first_batch::return_whole},
      storage::read_bound::high_watermark(), io::patience::waits_for_disk);
  ASSERT_TRUE(read);
  EXPECT_GT(read->data.length, 0U);
  EXPECT_EQ(delete_records(3), error_code::none);
  EXPECT_EQ(delete_topic("t"), error_code::none);
}

TEST_F(full_disk, what_makes_room_works_without_a_byte_of_it) {
  broker.space().end_start();
  broker.space().look();
  ASSERT_TRUE(broker.files().exists("/data/.ballast").value());
  leave_free(0);
  EXPECT_EQ(delete_records(3), error_code::none);
  EXPECT_FALSE(broker.files().exists("/data/.ballast").value());
  leave_free(50 * mib);
  ASSERT_TRUE(broker.files().exists("/data/.ballast").value()) << "laid again when there is room";
  leave_free(0);
  EXPECT_EQ(delete_topic("t"), error_code::none);
  EXPECT_EQ(metadata_of("t", false), error_code::unknown_topic_or_partition);
}

}  // namespace
}  // namespace tidelog::test
