#include "tidelog/client/cluster.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/bytes.hpp"
#include "tidelog/client/admin.hpp"
#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/headers.hpp"
#include "tidelog/protocol/list_offsets.hpp"
#include "tidelog/protocol/metadata.hpp"

#include <arpa/inet.h>
#include <array>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace tidelog::client {
namespace {

/// A broker of one topic with one partition, which has no leader the first times that it is asked for. For one
/// connection.
class leaderless_broker {
 public:
  explicit leaderless_broker(int answers_without_leader) : without_leader_(answers_without_leader) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, plain, size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, plain, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  leaderless_broker(const leaderless_broker&) = delete;
  leaderless_broker& operator=(const leaderless_broker&) = delete;
  /// After the client, whose end ends the connection.
  ~leaderless_broker() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] broker_address address() const { return {"127.0.0.1", port_}; }

 private:
  void serve() {
    const int peer = ::accept(listener_, nullptr, nullptr);
    std::vector<std::byte> frame;
    while (peer >= 0 && read_frame(peer, frame)) {
      const auto header = protocol::decode_request_header(frame);
      ASSERT_TRUE(header) << header.error().describe();
      const auto answer = answer_to(*header);
      if (::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    }
    if (peer >= 0) ::close(peer);
  }
  static bool read_frame(int peer, std::vector<std::byte>& into) {
    std::array<std::byte, 4> size{};
    if (::recv(peer, size.data(), size.size(), MSG_WAITALL) != 4) return false;
    into.resize(static_cast<std::size_t>(base::load_big_endian<std::int32_t>(size.data())));
    return ::recv(peer, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
  }
  [[nodiscard]] std::vector<std::byte> answer_to(const protocol::request_header& asked) {
    const auto encoded = [&](const auto& response) {
      return protocol::encode_response(asked.correlation_id, response, asked.version).memory;
    };
    if (asked.key == protocol::api_key::api_versions) {
      protocol::api_versions_response versions;
      versions.api_keys = {{protocol::api_key::list_offsets, 1, 1}, {protocol::api_key::metadata, 1, 1}};
      return encoded(versions);
    }
    if (asked.key == protocol::api_key::metadata) {
      protocol::metadata_response metadata;
      metadata.brokers.push_back({1, "127.0.0.1", port_, std::nullopt});
      auto& topic = metadata.topics.emplace_back();
      topic.name = "t";
      auto& partition = topic.partitions.emplace_back();
      partition.leader_id = without_leader_-- > 0 ? -1 : 1;
      partition.replica_nodes = {1};
      return encoded(metadata);
    }
    protocol::list_offsets_response offsets;
    auto& topic = offsets.topics.emplace_back();
    topic.name = "t";
    topic.partitions.emplace_back().offset = 7;
    return encoded(offsets);
  }

  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
  int without_leader_;
  std::thread thread_;
};

TEST(cluster, a_partition_without_a_leader_is_asked_for_until_it_has_one) {
  leaderless_broker broker(5);
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
