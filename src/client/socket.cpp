#include "tidelog/client/socket.hpp"

#include "tidelog/client/client_error.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidelog::client {
namespace {

/// Waits until the socket is ready for `events`, or fails with timed_out.
base::status wait_for(int descriptor, short events, deadline until, std::string_view what) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return base::fail(client_errc::timed_out, "{}", what);
    pollfd waiting{descriptor, events, 0};
    const auto ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return base::fail_errno(errno, "{}", what);
  }
}

base::result<socket> connect_one(const addrinfo& to, deadline until) {
  socket made(::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol));
  if (made.descriptor() < 0) return base::fail_errno(errno, "socket");
  // Requests are written whole, and a small one must not wait for the answer to the one before it.
  const int on = 1;
  if (::setsockopt(made.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    return base::fail_errno(errno, "TCP_NODELAY");
  if (::connect(made.descriptor(), to.ai_addr, to.ai_addrlen) == 0) return made;
  if (errno != EINPROGRESS) return base::fail_errno(errno, "connect");
  TIDELOG_DO(wait_for(made.descriptor(), POLLOUT, until, "connect"));
  int failure = 0;
  socklen_t size = sizeof failure;
  if (::getsockopt(made.descriptor(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
  if (failure != 0) return base::fail_errno(failure, "connect");
  return made;
}

}  // namespace

socket::socket(socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
socket& socket::operator=(socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
socket::~socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::result<socket> socket::connect(const broker_address& to, deadline until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  auto outcome = ::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found);
  if (outcome != 0) {
    // AI_ADDRCONFIG hides ::1 on machines whose only IPv6 address is the loopback's.
    hints.ai_flags = AI_NUMERICSERV;
    outcome = ::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found);
  }
  if (outcome != 0) return base::fail(client_errc::unknown_host, "{}: {}", to.host, ::gai_strerror(outcome));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  base::result<socket> last = base::fail(client_errc::unknown_host, "{}", to.host);
  for (const auto* address = found; address != nullptr; address = address->ai_next) {
    last = connect_one(*address, until);
    if (last) break;
  }
  if (!last) last.error().context = to.text();
  return last;
}

base::status socket::send_all(base::byte_view bytes, deadline until) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      TIDELOG_DO(wait_for(descriptor_, POLLOUT, until, "sending a request"));
    } else if (errno == EPIPE) {
      return base::fail(client_errc::connection_closed, "sending a request");
    } else if (errno != EINTR) {
      return base::fail_errno(errno, "sending a request");
    }
  }
  return {};
}

base::status socket::receive_all(base::byte_span into, deadline until) {
  while (!into.empty()) {
    const auto received = ::recv(descriptor_, into.data(), into.size(), 0);
    if (received > 0) {
      into = into.subspan(static_cast<std::size_t>(received));
    } else if (received == 0) {
      return base::fail(client_errc::connection_closed, "waiting for an answer");
    } else if (errno == EAGAIN) {
      TIDELOG_DO(wait_for(descriptor_, POLLIN, until, "waiting for an answer"));
    } else if (errno != EINTR) {
      return base::fail_errno(errno, "waiting for an answer");
    }
  }
  return {};
}

}  // namespace tidelog::client
