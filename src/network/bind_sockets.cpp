#include "host_and_port.hpp"
#include "listener.hpp"

#include "tidelog/base/log_message.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tidelog::network {

namespace {

/// The system chooses a port for the first address; another address may have it taken by somebody else.
constexpr int attempts_at_one_port = 16;

struct address_list {
  addrinfo* first = nullptr;
  address_list() = default;
  address_list(const address_list&) = delete;
  address_list& operator=(const address_list&) = delete;
  ~address_list() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

std::string numeric_host(const sockaddr* address, socklen_t length) {
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(address, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "?";
  return host.data();
}

base::result<bound_socket> bind_one(const listen_address& wanted, const addrinfo& entry, std::uint16_t port) {
  sockaddr_storage address{};
  std::memcpy(&address, entry.ai_addr, entry.ai_addrlen);
  const auto* as_address = reinterpret_cast<const sockaddr*>(&address);
  const auto host = numeric_host(as_address, entry.ai_addrlen);
  auto& port_field = entry.ai_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                                 : reinterpret_cast<sockaddr_in&>(address).sin_port;
  port_field = htons(port);

  unique_fd socket(::socket(entry.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0)
    return base::fail_errno(errno, "listener {}: socket for {}", wanted.listener_name, host);
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      (entry.ai_family == AF_INET6 &&
       ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)) {
    return base::fail_errno(errno, "listener {}: socket option for {}", wanted.listener_name, host);
  }
  if (::bind(socket.get(), as_address, entry.ai_addrlen) != 0) {
    return base::fail_errno(errno, "listener {}: cannot bind {}", wanted.listener_name,
                            host_and_port(host, port));
  }
  socklen_t length = sizeof(address);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return base::fail_errno(errno, "listener {}: getsockname for {}", wanted.listener_name, host);
  }
  return bound_socket{std::move(socket), {wanted.listener_name, host, ntohs(port_field)}};
}

bool family_is_missing(const base::error& error) {
  return error.code == std::errc::address_family_not_supported ||
         error.code == std::errc::address_not_available;
}

base::result<std::vector<bound_socket>> bind_all(const listen_address& wanted, const addrinfo* first) {
  std::vector<bound_socket> bound;
  base::error missing;
  auto port = wanted.port;
  for (const auto* entry = first; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    auto one = bind_one(wanted, *entry, port);
    if (one) {
      port = one->address.port;
      bound.push_back(std::move(*one));
    } else if (family_is_missing(one.error())) {
      missing = std::move(one.error());
    } else {
      return base::forward_error(one);
    }
  }
  if (bound.empty()) return tl::unexpected<base::error>(std::move(missing));
  if (missing.code) base::say_info("left out: {}", missing.describe());
  return bound;
}

}  // namespace

base::result<std::vector<bound_socket>> bind_sockets(const listen_address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  address_list found;
  const int outcome =
      ::getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(), "0", &hints, &found.first);
  if (outcome == EAI_SYSTEM) {
    return base::fail_errno(errno, "listener {}: looking up {}", address.listener_name, address.host);
  }
  if (outcome != 0) {
    return base::fail(errc::unknown_host, "listener {}: {} ({})", address.listener_name, address.host,
                      ::gai_strerror(outcome));
  }
  auto bound = bind_all(address, found.first);
  for (int attempt = 1; attempt < attempts_at_one_port; ++attempt) {
    if (bound || address.port != 0 || bound.error().code != std::errc::address_in_use) break;
    bound = bind_all(address, found.first);
  }
  return bound;
}

}  // namespace tidelog::network
