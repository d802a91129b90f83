#pragma once
// A whole broker in a test's process, from the request's bytes to the files: only the network is left out, and the
// disk is in memory. Requests are handed to the server on a reactor's thread, as a connection does it.

#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/protocol/headers.hpp"
#include "tidelog/protocol/service.hpp"
#include "tidelog/server/server.hpp"

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::test {

/// What became of a request.
struct reply {
  enum class kind { answered, answered_nothing, closed };
  kind what = kind::closed;
  /// The whole frame, with its leading size.
  std::vector<std::byte> frame;
  /// Why the connection was closed.
  std::string reason;
};

struct test_broker_options {
  metadata::config_map configuration_file{};
  /// Null: a disk of its own.
  fault_file_system* files = nullptr;
};

/// Starts in the constructor, stops cleanly in the destructor.
class test_broker {
 public:
  explicit test_broker(test_broker_options options = {});
  test_broker(const test_broker&) = delete;
  test_broker& operator=(const test_broker&) = delete;
  ~test_broker();

  static constexpr std::int32_t node_id = 1;
  static constexpr std::string_view host = "broker.example";
  static constexpr std::uint16_t port = 9092;

  /// Sends a frame (without its leading size) and waits for what becomes of it.
  [[nodiscard]] reply send_frame(std::vector<std::byte> frame);
  [[nodiscard]] std::future<reply> start_frame(std::vector<std::byte> frame);

  template <class Request>
  [[nodiscard]] reply send(const Request& message, std::int16_t version = Request::versions.max) {
    return send_frame(frame_of(message, version));
  }
  /// Sends a request that is answered, and decodes the answer.
  template <class Response, class Request>
  [[nodiscard]] Response ask(const Request& message, std::int16_t version = Request::versions.max) {
    auto got = send(message, version);
    EXPECT_EQ(got.what, reply::kind::answered) << got.reason;
    if (got.what != reply::kind::answered) return {};
    return decode<Response>(got, version);
  }
  template <class Response>
  [[nodiscard]] static Response decode(reply& got, std::int16_t version) {
    const auto header =
        protocol::decode_response_header(base::byte_span(got.frame).subspan(4), Response::key, version);
    if (!header) {
      ADD_FAILURE() << header.error().describe();
      return {};
    }
    EXPECT_EQ(header->correlation_id, correlation_id);
    codec::wire_reader reader(header->body);
    auto message = codec::decode<Response>(reader, version);
    if (!message) {
      ADD_FAILURE() << message.error().describe();
      return {};
    }
    return std::move(*message);
  }
  template <class Request>
  [[nodiscard]] static std::vector<std::byte> frame_of(const Request& message, std::int16_t version) {
    auto encoded = protocol::encode_request(correlation_id, "test", message, version);
    encoded.memory.erase(encoded.memory.begin(), encoded.memory.begin() + 4);
    return std::move(encoded.memory);
  }

  /// Makes a topic, which exists when this returns.
  void make_topic(const std::string& name, std::int32_t partitions = 1,
                  const metadata::config_map& configs = {});
  /// Appends a batch of `records` records without keys, and waits until they are committed.
  void append(const std::string& topic, std::int32_t partition, int records);

  [[nodiscard]] server::server& service();
  [[nodiscard]] partition::partition_manager& partitions();
  [[nodiscard]] metadata::cluster_metadata& cluster();
  [[nodiscard]] manual_clock& clock();
  [[nodiscard]] fault_file_system& files();
  [[nodiscard]] storage::free_space_watch& space();
  /// How often the server has told that broker configs were changed.
  [[nodiscard]] int config_changes() const;

 private:
  static constexpr std::int32_t correlation_id = 77;

  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace tidelog::test
