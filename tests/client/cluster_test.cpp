#include "tidelog/client/cluster.hpp"

#include "support_fake_broker.hpp"

#include <gtest/gtest.h>

#include "tidelog/client/admin.hpp"
#include "tidelog/protocol/list_offsets.hpp"
#include "tidelog/protocol/metadata.hpp"

namespace tidelog::client {
namespace {

/// Serves a topic of one partition, which has no leader the first times that it is asked for.
void serve_leaderless_topic(test::fake_broker& broker, int answers_without_leader) {
  broker.on<protocol::metadata_request>(
      [port = broker.address().port, left = answers_without_leader](const auto& /*asked*/) mutable {
        protocol::metadata_response metadata;
        metadata.brokers.push_back({1, "127.0.0.1", port, std::nullopt});
        auto& topic = metadata.topics.emplace_back();
        topic.name = "t";
        auto& partition = topic.partitions.emplace_back();
        partition.leader_id = left-- > 0 ? -1 : 1;
        partition.replica_nodes = {1};
        return metadata;
      });
  broker.on<protocol::list_offsets_request>([](const auto& /*asked*/) {
    protocol::list_offsets_response offsets;
    auto& topic = offsets.topics.emplace_back();
    topic.name = "t";
    topic.partitions.emplace_back().offset = 7;
    return offsets;
  });
}

TEST(cluster, a_partition_without_a_leader_is_asked_for_until_it_has_one) {
  test::fake_broker broker;
  serve_leaderless_topic(broker, 5);
  cluster_options options;
  options.first_backoff = std::chrono::milliseconds(1);
  auto connected = cluster::connect({broker.address()}, options);
  ASSERT_TRUE(connected) << connected.error().describe();
  // Looked at as it is, as a listing does: that is remembered.
  ASSERT_TRUE((*connected)->topic_as_it_is("t"));
  const model::topic_partition at{"t", model::partition_index(0)};
  const auto listed = list_offsets(**connected, std::span(&at, 1), latest_offset);
  ASSERT_TRUE(listed) << listed.error().describe();
  EXPECT_EQ(listed->at(0).offset, model::offset(7));
}

}  // namespace
}  // namespace tidelog::client
