#pragma once
// A broker that answers as a test tells it.

#include "tidelog/client/address.hpp"
#include "tidelog/client/response_of.hpp"
#include "tidelog/protocol/headers.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace tidelog::test {

/// Node 1, for one connection. Tell it everything before a client connects; answers are made in its own thread.
class fake_broker {
 public:
  fake_broker();
  fake_broker(const fake_broker&) = delete;
  fake_broker& operator=(const fake_broker&) = delete;
  ~fake_broker();

  [[nodiscard]] client::broker_address address() const { return {"127.0.0.1", port_}; }

  /// Serves an API in these versions.
  template <class Request>
  void on(std::function<typename client::response_of<Request>::type(const Request&)> answer,
          codec::version_range versions = Request::versions) {
    apis_[Request::key] = {
        versions, [answer](const protocol::request_header& asked) {
          const auto request = protocol::decode_request<Request>(asked).value();
          return protocol::encode_response(asked.correlation_id, answer(request), asked.version).memory;
        }};
  }
  /// Serves metadata: topics with so many partitions, all of them led by this node.
  void has_topics(const std::map<std::string, std::int32_t>& partition_counts);
  /// Serves FindCoordinator: this node coordinates everything.
  void coordinates();

  /// Waits for the end of the connection, which the client's end is. What answers have noted can be read then.
  void finish();

 private:
  struct served_api {
    codec::version_range versions;
    std::function<std::vector<std::byte>(const protocol::request_header&)> answer;
  };
  void serve();
  [[nodiscard]] std::vector<std::byte> answer_to(const protocol::request_header& asked) const;

  int listener_;
  std::uint16_t port_ = 0;
  std::map<protocol::api_key, served_api> apis_;
  std::thread thread_;
};

}  // namespace tidelog::test
