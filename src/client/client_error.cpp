#include "tidelog/client/client_error.hpp"

namespace tidelog::client {
namespace {

class client_error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "client"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<client_errc>(code)) {
      case client_errc::bad_address:
        return "not an address like host:9092";
      case client_errc::unknown_host:
        return "the host has no address";
      case client_errc::timed_out:
        return "timed out";
      case client_errc::connection_closed:
        return "the broker closed the connection";
      case client_errc::malformed_answer:
        return "the answer is not one of the Kafka protocol";
      case client_errc::unsupported_api:
        return "the broker does not serve this in a version known here";
      case client_errc::no_broker:
        return "no broker could be reached";
      case client_errc::no_leader:
        return "the partition has no leader at the moment";
      case client_errc::unknown_topic:
        return "there is no such topic";
      case client_errc::unknown_partition:
        return "the topic has no such partition";
      case client_errc::corrupt_batch:
        return "the record batch cannot be read";
    }
    return "unknown client error";
  }
};

class broker_error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "broker"; }
  [[nodiscard]] std::string message(int code) const override {
    const auto& info = protocol::describe(static_cast<protocol::error_code>(code));
    return fmt::format("{} ({})", info.message, info.name);
  }
};

}  // namespace

const std::error_category& client_category() noexcept {
  static const client_error_category category;
  return category;
}

const std::error_category& broker_category() noexcept {
  static const broker_error_category category;
  return category;
}

base::status check_answer(protocol::error_code code, std::string_view what, std::string_view broker_message) {
  if (code == protocol::error_code::none) return {};
  // What the code says anyway need not be said twice.
  if (broker_message.empty() || broker_message == protocol::error_message(code))
    return base::fail(broker_error(code), "{}", what);
  // What follows is put behind a colon.
  if (broker_message.ends_with('.')) broker_message.remove_suffix(1);
  return base::fail(broker_error(code), "{}: {}", what, broker_message);
}

bool is_retriable(const std::error_code& code) noexcept {
  if (code.category() == broker_category())
    return protocol::describe(static_cast<protocol::error_code>(code.value())).retry ==
           protocol::retry::retriable;
  if (code.category() == client_category()) {
    return code == client_errc::timed_out || code == client_errc::connection_closed ||
           code == client_errc::no_broker || code == client_errc::no_leader;
  }
  return code == std::errc::connection_refused || code == std::errc::connection_reset ||
         code == std::errc::network_unreachable || code == std::errc::host_unreachable ||
         code == std::errc::broken_pipe;
}

}  // namespace tidelog::client
