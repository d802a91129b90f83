#include "support_fake_broker.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/bytes.hpp"
#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/metadata.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <sys/socket.h>
#include <unistd.h>

namespace tidelog::test {
namespace {

bool read_frame(int peer, std::vector<std::byte>& into) {
  std::array<std::byte, 4> size{};
  if (::recv(peer, size.data(), size.size(), MSG_WAITALL) != 4) return false;
  into.resize(static_cast<std::size_t>(base::load_big_endian<std::int32_t>(size.data())));
  return ::recv(peer, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
}

}  // namespace

fake_broker::fake_broker() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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

fake_broker::~fake_broker() {
  ::shutdown(listener_, SHUT_RDWR);
  finish();
  ::close(listener_);
}

void fake_broker::finish() {
  if (thread_.joinable()) thread_.join();
}

void fake_broker::has_topics(const std::map<std::string, std::int32_t>& partition_counts) {
  protocol::metadata_response metadata;
  metadata.brokers.push_back({1, "127.0.0.1", port_, std::nullopt});
  for (const auto& [name, count] : partition_counts) {
    auto& topic = metadata.topics.emplace_back();
    topic.name = name;
    for (std::int32_t index = 0; index < count; ++index) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = index;
      partition.leader_id = 1;
      partition.replica_nodes = {1};
    }
  }
  on<protocol::metadata_request>([metadata](const auto& asked) {
    auto answer = metadata;
    // Null asks for all topics.
    if (asked.topics) {
      std::erase_if(answer.topics, [&asked](const auto& topic) {
        return std::none_of(asked.topics->begin(), asked.topics->end(),
                            [&topic](const auto& wanted) { return wanted.name == topic.name; });
      });
    }
    return answer;
  });
}

void fake_broker::coordinates() {
  on<protocol::find_coordinator_request>([this](const auto& asked) {
    protocol::find_coordinator_response answer;
    for (const auto& key : asked.coordinator_keys) {
      answer.coordinators.push_back({.key = key,
                                     .node_id = 1,
                                     .host = "127.0.0.1",
                                     .port = port_,
                                     .error_code = protocol::error_code::none,
                                     .error_message = std::nullopt});
    }
    return answer;
  });
}

void fake_broker::serve() {
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

std::vector<std::byte> fake_broker::answer_to(const protocol::request_header& asked) const {
  if (asked.key != protocol::api_key::api_versions) return apis_.at(asked.key).answer(asked);
  protocol::api_versions_response versions;
  for (const auto& [key, served] : apis_)
    versions.api_keys.push_back({key, served.versions.min, served.versions.max});
  return protocol::encode_response(asked.correlation_id, versions, asked.version).memory;
}

}  // namespace tidelog::test
