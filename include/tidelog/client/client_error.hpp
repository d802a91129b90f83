#pragma once
// What can go wrong between a client and a broker, apart from what the broker itself says (see broker_category).

#include "tidelog/base/result.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <string>
#include <system_error>

namespace tidelog::client {

enum class client_errc {
  /// A bootstrap list or address that cannot be read.
  bad_address = 1,
  /// The name has no address.
  unknown_host,
  /// Nothing came or left in time.
  timed_out,
  /// The peer ended the connection.
  connection_closed,
  /// Bytes that are no answer to what was asked.
  malformed_answer,
  /// Broker and client have no version of an API in common, or the broker does not serve it.
  unsupported_api,
  /// No broker of the bootstrap list could be reached.
  no_broker,
  /// The partition has no leader now.
  no_leader,
  unknown_topic,
  unknown_partition,
  /// A batch in an answer that cannot be read.
  corrupt_batch,
};

[[nodiscard]] const std::error_category& client_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(client_errc code) noexcept {
  return {static_cast<int>(code), client_category()};
}

/// What a broker answered: the values are the protocol's error codes, the messages name and explain them.
[[nodiscard]] const std::error_category& broker_category() noexcept;
[[nodiscard]] inline std::error_code broker_error(protocol::error_code code) noexcept {
  return {static_cast<int>(code), broker_category()};
}
/// Nothing to say for error_code::none; otherwise a failure about `what`, with the broker's own message where it gave
/// one.
[[nodiscard]] base::status check_answer(protocol::error_code code, std::string_view what,
                                        std::string_view broker_message = {});

/// True for answers and failures that may be different when the same is asked again a little later.
[[nodiscard]] bool is_retriable(const std::error_code& code) noexcept;

}  // namespace tidelog::client

template <>
struct std::is_error_code_enum<tidelog::client::client_errc> : std::true_type {};
