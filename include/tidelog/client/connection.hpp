#pragma once
// One connection to one broker: requests out, answers back in the same order, in versions that both sides know.

#include "tidelog/base/assert.hpp"
#include "tidelog/client/client_error.hpp"
#include "tidelog/client/response_of.hpp"
#include "tidelog/client/socket.hpp"
#include "tidelog/protocol/headers.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::client {

struct connection_options {
  std::chrono::milliseconds connect_timeout{5'000};
  /// For one answer; on top of what the request itself lets the broker wait.
  std::chrono::milliseconds request_timeout{30'000};
  std::string client_id = "tidelog";
  /// Answers that announce more are malformed.
  std::size_t largest_answer_bytes = std::size_t{512} << 20;
};

/// A decoded answer with the bytes that its records view.
template <class Request>
struct answer {
  typename response_of<Request>::type message;
  std::vector<std::byte> frame;
  std::int16_t version = 0;

  [[nodiscard]] typename response_of<Request>::type* operator->() { return &message; }
  [[nodiscard]] const typename response_of<Request>::type* operator->() const { return &message; }
};

/// Blocking, with deadlines. One thread at a time. After a failure that is not the broker's answer it is of no more use.
class connection {
 public:
  /// Connects and asks which versions the broker serves.
  [[nodiscard]] static base::result<std::unique_ptr<connection>> open(const broker_address& to,
                                                                      const connection_options& options);

  /// The highest version of an API that `ours` and the broker have in common. Fails with unsupported_api.
  [[nodiscard]] base::result<std::int16_t> version_of(protocol::api_key key, codec::version_range ours) const;
  /// What the broker said it serves.
  [[nodiscard]] const std::map<protocol::api_key, codec::version_range>& served() const { return served_; }

  /// Sends without waiting for the answer. Requests that want no answer must not be followed by receive().
  template <class Request>
  [[nodiscard]] base::status send(const Request& request, std::int16_t version);
  /// The answer to the oldest request sent and not yet answered, which must have been a Request.
  template <class Request>
  [[nodiscard]] base::result<answer<Request>> receive(std::chrono::milliseconds extra_wait = {});
  /// Sends a request that the broker does not answer (a produce with acks 0).
  template <class Request>
  [[nodiscard]] base::status send_unanswered(const Request& request, std::int16_t version);

  /// Sends in the highest common version, not above `ceiling`, and waits for the answer. Nothing else is under way.
  template <class Request>
  [[nodiscard]] base::result<answer<Request>> call(const Request& request,
                                                   std::chrono::milliseconds extra_wait = {},
                                                   std::int16_t ceiling = codec::never);

  [[nodiscard]] bool is_usable() const { return usable_; }
  [[nodiscard]] const broker_address& address() const { return address_; }
  /// For poll(), to wait for several connections at once.
  [[nodiscard]] int descriptor() const { return socket_.descriptor(); }
  /// The socket, for programs that go on in their own way; nothing may be under way then.
  [[nodiscard]] socket release() && { return std::move(socket_); }

 private:
  struct under_way {
    protocol::api_key key;
    std::int16_t version;
    std::int32_t correlation_id;
  };
  struct received_frame {
    std::vector<std::byte> bytes;
    protocol::response_header header;
    std::int16_t version;
  };
  connection(socket opened, broker_address to, const connection_options& options)
      : socket_(std::move(opened)), address_(std::move(to)), options_(options) {}
  [[nodiscard]] base::status negotiate();
  [[nodiscard]] base::status send_frame(const codec::encoded& frame);
  [[nodiscard]] base::result<received_frame> receive_frame(std::chrono::milliseconds extra_wait);
  [[nodiscard]] tl::unexpected<base::error> malformed(protocol::api_key key, const base::error& why);

  socket socket_;
  broker_address address_;
  connection_options options_;
  std::map<protocol::api_key, codec::version_range> served_;
  std::deque<under_way> under_way_;
  std::int32_t next_correlation_id_ = 0;
  bool usable_ = true;
};

template <class Request>
base::status connection::send(const Request& request, std::int16_t version) {
  const auto id = next_correlation_id_++;
  TIDELOG_DO(send_frame(protocol::encode_request(id, options_.client_id, request, version)));
  under_way_.push_back({Request::key, version, id});
  return {};
}

template <class Request>
base::status connection::send_unanswered(const Request& request, std::int16_t version) {
  return send_frame(protocol::encode_request(next_correlation_id_++, options_.client_id, request, version));
}

template <class Request>
base::result<answer<Request>> connection::receive(std::chrono::milliseconds extra_wait) {
  TIDELOG_TRY(auto frame, receive_frame(extra_wait));
  auto decoded = protocol::decode_response<typename response_of<Request>::type>(frame.header, frame.version);
  if (!decoded) return malformed(Request::key, decoded.error());
  return answer<Request>{std::move(*decoded), std::move(frame.bytes), frame.version};
}

template <class Request>
base::result<answer<Request>> connection::call(const Request& request, std::chrono::milliseconds extra_wait,
                                               std::int16_t ceiling) {
  auto ours = Request::versions;
  ours.max = std::min(ours.max, ceiling);
  TIDELOG_ASSERT(under_way_.empty(), "{} requests are not answered yet", under_way_.size());
  TIDELOG_TRY(const auto version, version_of(Request::key, ours));
  TIDELOG_DO(send(request, version));
  return receive<Request>(extra_wait);
}

}  // namespace tidelog::client
