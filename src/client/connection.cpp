#include "tidelog/client/connection.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/protocol/api_versions.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

using protocol::api_key;

protocol::api_versions_request hello() {
  return {.client_software_name = "tidelog", .client_software_version = "1"};
}

}  // namespace

base::result<std::unique_ptr<connection>> connection::open(const broker_address& to,
                                                           const connection_options& options) {
  TIDELOG_TRY(auto opened, socket::connect(to, after(options.connect_timeout)));
  std::unique_ptr<connection> made(new connection(std::move(opened), to, options));
  if (auto agreed = made->negotiate(); !agreed) {
    agreed.error().context = fmt::format("{}: {}", to.text(), agreed.error().context);
    return base::forward_error(agreed);
  }
  return made;
}

// A broker that does not know our version of ApiVersions says so in version 0 and names its own range in it.
base::status connection::negotiate() {
  using request = protocol::api_versions_request;
  auto version = request::versions.max;
  for (int attempt = 0; attempt < 2; ++attempt) {
    TIDELOG_DO(send(hello(), version));
    TIDELOG_TRY(auto frame, receive_frame({}));
    codec::wire_reader code(frame.header.body);
    const auto outcome = static_cast<protocol::error_code>(code.read_integer<std::int16_t>());
    const bool too_new = outcome == protocol::error_code::unsupported_version;
    const std::int16_t spoken = too_new ? std::int16_t{0} : version;
    auto decoded = protocol::decode_response<protocol::api_versions_response>(frame.header, spoken);
    if (!decoded) return malformed(api_key::api_versions, decoded.error());
    for (const auto& api : decoded->api_keys)
      served_[api.api_key] = codec::version_range{api.min_version, api.max_version};
    if (!too_new) return check_answer(decoded->error_code, "ApiVersions");
    TIDELOG_TRY(version, version_of(api_key::api_versions, {0, static_cast<std::int16_t>(version - 1)}));
  }
  return base::fail(client_errc::unsupported_api, "ApiVersions");
}

base::result<std::int16_t> connection::version_of(api_key key, codec::version_range ours) const {
  const auto found = served_.find(key);
  if (found == served_.end())
    return base::fail(client_errc::unsupported_api, "{} at {}", protocol::api_name(key), address_.text());
  const auto& theirs = found->second;
  const auto highest = std::min(ours.max, theirs.max);
  if (highest < std::max(ours.min, theirs.min)) {
    return base::fail(client_errc::unsupported_api, "{} at {}: versions {} to {} there, {} to {} here",
                      protocol::api_name(key), address_.text(), theirs.min, theirs.max, ours.min, ours.max);
  }
  return highest;
}

base::status connection::send_frame(const codec::encoded& frame) {
  TIDELOG_ASSERT(frame.inserts.empty());
  auto sent = socket_.send_all(frame.memory, after(options_.request_timeout));
  if (!sent) usable_ = false;
  return sent;
}

base::result<connection::received_frame> connection::receive_frame(std::chrono::milliseconds extra_wait) {
  TIDELOG_ASSERT(!under_way_.empty());
  const auto expected = under_way_.front();
  under_way_.pop_front();
  const auto until = after(options_.request_timeout + extra_wait);
  // Until the whole answer is here, the connection is in the middle of one.
  usable_ = false;
  std::array<std::byte, sizeof(std::int32_t)> prefix{};
  TIDELOG_DO(socket_.receive_all(prefix, until));
  const auto size = base::load_big_endian<std::int32_t>(prefix.data());
  if (size < 4 || static_cast<std::size_t>(size) > options_.largest_answer_bytes) {
    return base::fail(client_errc::malformed_answer, "{} announces an answer of {} bytes to {}",
                      address_.text(), size, protocol::api_name(expected.key));
  }
  received_frame received;
  received.bytes.resize(static_cast<std::size_t>(size));
  TIDELOG_DO(socket_.receive_all(received.bytes, until));
  auto header = protocol::decode_response_header(received.bytes, expected.key, expected.version);
  if (!header) return malformed(expected.key, header.error());
  if (header->correlation_id != expected.correlation_id) {
    return base::fail(client_errc::malformed_answer, "{} answers request {} where {} was to be answered",
                      address_.text(), header->correlation_id, expected.correlation_id);
  }
  usable_ = true;
  received.header = *header;
  received.version = expected.version;
  return received;
}

tl::unexpected<base::error> connection::malformed(api_key key, const base::error& why) {
  usable_ = false;
  return base::fail(client_errc::malformed_answer, "{} to {}: {}", protocol::api_name(key), address_.text(),
                    why.describe());
}

}  // namespace tidelog::client
