#include "metrics_port.hpp"

#include "tidelog/metadata/config_listeners.hpp"

#include <array>
#include <cerrno>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace tidelog::app {
namespace {

/// Far more than what scrapers send.
constexpr ev_ssize_t most_header_bytes = 16 * 1024;
constexpr ev_ssize_t most_body_bytes = 1024;
/// For a request to come, an answer to go, or the next request of a connection.
constexpr int patience_seconds = 30;
constexpr std::string_view openmetrics_type = "application/openmetrics-text";

template <auto Free>
struct freed_by {
  template <class Thing>
  void operator()(Thing* thing) const {
    Free(thing);
  }
};
using event_base_ptr = std::unique_ptr<event_base, freed_by<&event_base_free>>;
using event_ptr = std::unique_ptr<event, freed_by<&event_free>>;
using evhttp_ptr = std::unique_ptr<evhttp, freed_by<&evhttp_free>>;

/// 0 where it cannot be told.
std::uint16_t port_of(int socket) {
  sockaddr_storage found{};
  socklen_t length = sizeof(found);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&found), &length) != 0) return 0;
  if (found.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(found).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(found).sin_port);
}

void answer(evhttp_request* request, int code, const char* reason, std::string_view type,
            std::string_view body) {
  evkeyvalq* const headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Content-Type", std::string(type).c_str());
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evhttp_add_header(headers, "Content-Length", std::to_string(body.size()).c_str());
  if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
    evbuffer_add(evhttp_request_get_output_buffer(request), body.data(), body.size());
  }
  evhttp_send_reply(request, code, reason, nullptr);
}

void answer_in_words(evhttp_request* request, int code, const char* reason, std::string_view words) {
  answer(request, code, reason, "text/plain; charset=utf-8", words);
}

}  // namespace

struct metrics_port::parts {
  parts() = default;
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;
  ~parts() {
    if (stop_signal >= 0) ::close(stop_signal);
  }

  void answer_metrics(evhttp_request* request) const;
  void answer_request(evhttp_request* request) const;
  void run();

  const metrics::registry* series = nullptr;
  health_check is_healthy;
  std::string address;
  /// Written to, it ends the loop.
  int stop_signal = -1;
  event_base_ptr loop;
  event_ptr stop;
  evhttp_ptr server;
  std::thread thread;
};

void metrics_port::parts::answer_metrics(evhttp_request* request) const {
  const char* accepted = evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");
  const bool wants_openmetrics =
      accepted != nullptr && std::string_view(accepted).find(openmetrics_type) != std::string_view::npos;
  const auto format =
      wants_openmetrics ? metrics::text_format::openmetrics : metrics::text_format::prometheus;
  answer(request, HTTP_OK, "OK", metrics::content_type(format), series->text(format));
}

void metrics_port::parts::answer_request(evhttp_request* request) const {
  const char* path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
  const std::string_view wanted = path != nullptr ? path : "";
  if (wanted == "/metrics") return answer_metrics(request);
  if (wanted == "/health") {
    if (is_healthy()) return answer_in_words(request, HTTP_OK, "OK", "the broker makes progress\n");
    return answer_in_words(request, HTTP_SERVUNAVAIL, "Service Unavailable",
                           "the broker makes no progress\n");
  }
  answer_in_words(request, HTTP_NOTFOUND, "Not Found", "there are /metrics and /health\n");
}

void metrics_port::parts::run() {
  ::pthread_setname_np(::pthread_self(), "metrics");
  event_base_dispatch(loop.get());
}

metrics_port::metrics_port(std::unique_ptr<parts> made) : parts_(std::move(made)) {}

metrics_port::~metrics_port() {
  if (!parts_->thread.joinable()) return;
  constexpr std::uint64_t once = 1;
  // A counter that nobody else writes to always takes it.
  static_cast<void>(!::write(parts_->stop_signal, &once, sizeof(once)));
  parts_->thread.join();
}

base::result<std::unique_ptr<metrics_port>> metrics_port::bind(const std::string& host, std::uint16_t port) {
  auto made = std::make_unique<parts>();
  made->stop_signal = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made->stop_signal < 0) return base::fail_errno(errno, "eventfd");
  made->loop.reset(event_base_new());
  if (!made->loop) return base::fail_errno(ENOMEM, "an event loop for the metrics");
  made->stop.reset(event_new(
      made->loop.get(), made->stop_signal, EV_READ,
      [](evutil_socket_t, short, void* loop) { event_base_loopbreak(static_cast<event_base*>(loop)); },
      made->loop.get()));
  made->server.reset(evhttp_new(made->loop.get()));
  if (!made->stop || event_add(made->stop.get(), nullptr) != 0 || !made->server) {
    return base::fail_errno(ENOMEM, "an HTTP server for the metrics");
  }
  evhttp_set_allowed_methods(made->server.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
  evhttp_set_max_headers_size(made->server.get(), most_header_bytes);
  evhttp_set_max_body_size(made->server.get(), most_body_bytes);
  evhttp_set_timeout(made->server.get(), patience_seconds);
  evhttp_set_gencb(
      made->server.get(),
      [](evhttp_request* request, void* self) { static_cast<const parts*>(self)->answer_request(request); },
      made.get());
  errno = 0;
  auto* const bound =
      evhttp_bind_socket_with_handle(made->server.get(), host.empty() ? nullptr : host.c_str(), port);
  if (bound == nullptr) {
    return base::fail_errno(errno != 0 ? errno : EADDRNOTAVAIL, "metrics.listen {}",
                            metadata::host_and_port_text(host, port));
  }
  made->address = metadata::host_and_port_text(host, port_of(evhttp_bound_socket_get_fd(bound)));
  return std::unique_ptr<metrics_port>(new metrics_port(std::move(made)));
}

void metrics_port::serve(const metrics::registry& series, health_check is_healthy) {
  parts_->series = &series;
  parts_->is_healthy = std::move(is_healthy);
  parts_->thread = std::thread([this] { parts_->run(); });
}

const std::string& metrics_port::address() const {
  return parts_->address;
}

}  // namespace tidelog::app
