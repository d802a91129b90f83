#include "listener.hpp"

#include "host_and_port.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "tidelog/base/log_message.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tidelog::network {

namespace {

constexpr int accepted_per_turn = 64;
constexpr std::chrono::milliseconds pause_after_failure{200};
constexpr std::chrono::seconds failures_said_every{10};

peer_address to_peer(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(six.sin6_port)};
  }
  const auto& four = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
  return {text.data(), ntohs(four.sin_port)};
}

/// The connection was over before it was accepted, or so the network says; the next one may be fine.
bool concerns_one_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

listener::listener(std::shared_ptr<event_loop> loop, bound_socket bound, events calls)
    : loop_(std::move(loop)),
      address_(std::move(bound.address)),
      calls_(std::move(calls)),
      bound_(std::move(bound.socket)),
      socket_(loop_->context()) {}

base::status listener::start(const network_settings& settings) {
  // Sizes of the buffers are inherited by what is accepted, and the receive window is agreed on before that.
  for (const auto& [option, bytes] : {std::pair{SO_SNDBUF, settings.socket_send_buffer_bytes},
                                      std::pair{SO_RCVBUF, settings.socket_receive_buffer_bytes}}) {
    if (bytes >= 0 && ::setsockopt(bound_.get(), SOL_SOCKET, option, &bytes, sizeof(bytes)) != 0) {
      return base::fail_errno(errno, "listener {}: buffer of {} bytes", address_.listener_name, bytes);
    }
  }
  if (::listen(bound_.get(), settings.socket_listen_backlog_size) != 0) {
    return base::fail_errno(errno, "listener {}: cannot listen on {}", address_.listener_name,
                            host_and_port(address_.host, address_.port));
  }
  loop_->post([self = shared_from_this()] {
    if (self->stopped_) return;
    std::error_code refused;
    self->socket_.assign(self->bound_.get(), refused);
    if (refused) {
      base::say_error("listener {} is dead: {}", self->address_.listener_name, refused.message());
      return;
    }
    (void)self->bound_.release();
    asio::co_spawn(self->loop_->context(), self->accept_until_stopped(self), asio::detached);
  });
  return {};
}

void listener::stop() {
  loop_->post([self = shared_from_this()] {
    self->stopped_ = true;
    std::error_code ignored;
    self->socket_.close(ignored);
    self->bound_ = {};
  });
}

asio::awaitable<void> listener::accept_until_stopped(std::shared_ptr<listener> keeps_alive) {
  asio::steady_timer pause(loop_->context());
  std::error_code error;
  while (!stopped_) {
    co_await socket_.async_wait(socket_.wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error || stopped_) break;
    const int lacking = accept_waiting();
    if (lacking == 0) continue;
    // The connections stay in the backlog; asking again at once would only burn the processor.
    calls_.failed();
    say_failure(lacking);
    pause.expires_after(pause_after_failure);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  keeps_alive.reset();
}

int listener::accept_waiting() {
  const event_loop::turn guard(*loop_);
  for (int i = 0; i < accepted_per_turn; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    unique_fd accepted(::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&address), &length,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.get() >= 0) {
      calls_.accepted(*this, std::move(accepted), to_peer(address));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (!concerns_one_connection(errno)) return errno;
  }
  return 0;
}

void listener::say_failure(int error) {
  const auto now = std::chrono::steady_clock::now();
  if (last_said_ != std::chrono::steady_clock::time_point{} && now - last_said_ < failures_said_every) return;
  last_said_ = now;
  base::say_error("listener {} cannot accept connections for now: {}", address_.listener_name,
                  std::system_category().message(error));
}

}  // namespace tidelog::network
