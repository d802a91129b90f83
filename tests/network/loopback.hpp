#pragma once
// What the tests of real sockets share: a service whose behaviour is a lambda, a blocking client, a file in memory or
// on disk that can pretend to be cold, and waiting for conditions.

#include "support/temp_directory.hpp"

#include <gtest/gtest.h>

#include "tidelog/network/socket_server.hpp"
#include "tidelog/protocol/service.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace tidelog::test {

using bytes = std::vector<std::byte>;

/// True when `fact` became true in time; a test that needs longer is wrong.
[[nodiscard]] bool eventually(const std::function<bool()>& fact,
                              std::chrono::milliseconds patience = std::chrono::seconds(20));

/// Leading size and a body of `size` bytes that begins with `number`.
[[nodiscard]] bytes request(std::uint64_t number, std::size_t size = 16);
/// A whole response frame: leading size, then `body`.
[[nodiscard]] codec::encoded response(base::byte_view body);
[[nodiscard]] std::uint64_t number_of(base::byte_view body);
/// Deterministic bytes that differ from place to place.
[[nodiscard]] bytes pattern(std::size_t size, unsigned seed = 1);

/// Answers by a lambda; checks that the network keeps the promises of protocol::service.
class scripted_service final : public protocol::service {
 public:
  using script =
      std::function<void(protocol::connection_info&, protocol::request_frame, protocol::responder)>;
  explicit scripted_service(script run) : run_(std::move(run)) {}

  void connected(protocol::connection_info& connection) override;
  void handle(protocol::connection_info& connection, protocol::request_frame frame,
              protocol::responder answer) override;
  void disconnected(protocol::connection_info& connection) override;

  [[nodiscard]] std::size_t connected_count() const { return connected_.load(); }
  [[nodiscard]] std::size_t disconnected_count() const { return disconnected_.load(); }
  [[nodiscard]] std::size_t handled_count() const { return handled_.load(); }
  [[nodiscard]] protocol::connection_info last_connected() const;

 private:
  enum class stage { open, gone };
  script run_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, stage> stages_;
  protocol::connection_info last_;
  std::atomic<std::size_t> connected_ = 0;
  std::atomic<std::size_t> disconnected_ = 0;
  std::atomic<std::size_t> handled_ = 0;
};

/// Answers each request with its own bytes, at once.
[[nodiscard]] scripted_service::script echo();

/// A blocking TCP client.
class client {
 public:
  struct options {
    std::string host = "127.0.0.1";
    int receive_buffer_bytes = 0;
  };
  explicit client(std::uint16_t port) : client(port, options{}) {}
  client(std::uint16_t port, const options& with);
  client(client&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  client& operator=(client&&) = delete;
  ~client() { close(); }

  /// False when the server has closed.
  bool send(base::byte_view data);
  /// The next frame's body; nothing when the connection ended first (or nothing came for 20 s).
  [[nodiscard]] std::optional<bytes> receive();
  /// Exactly that many bytes.
  [[nodiscard]] std::optional<bytes> receive_exactly(std::size_t count);
  /// Nothing but the end comes: true on EOF or reset.
  [[nodiscard]] bool is_at_end();
  void close();
  void finish_sending();
  [[nodiscard]] int descriptor() const { return socket_; }

 private:
  int socket_ = -1;
};

/// A file on disk that says what the test wants about the page cache.
class moody_file final : public io::file {
 public:
  enum class descriptor_kind { real, none };
  moody_file(const bytes& content, descriptor_kind kind);
  ~moody_file() override;

  base::result<std::size_t> read_at(base::byte_span into, std::uint64_t position) const override;
  base::status write_at(base::byte_view, std::uint64_t) override {
    return base::fail_errno(EROFS, "{}", "test");
  }
  base::status sync_data() override { return {}; }
  base::result<std::uint64_t> size() const override { return size_; }
  base::status truncate(std::uint64_t size) override;
  bool is_cached(std::uint64_t position, std::uint64_t length) const override;
  base::status bring_in(std::uint64_t position, std::uint64_t length) const override;
  base::result<std::unique_ptr<io::file_hold>> hold() const override {
    return base::fail_errno(ENOTSUP, "{}", "test");
  }
  int descriptor() const override { return kind_ == descriptor_kind::real ? descriptor_ : -1; }
  const std::string& name() const override { return name_.native(); }

  /// From now on nothing is cached until it is brought in; `fails` is the errno of bringing in.
  void cool_down(int fails = 0);
  [[nodiscard]] std::size_t probes() const { return probes_.load(); }
  [[nodiscard]] std::size_t brought_in() const { return brought_in_.load(); }

 private:
  temp_directory folder_;
  io::path name_;
  int descriptor_ = -1;
  descriptor_kind kind_;
  std::uint64_t size_;
  std::atomic<bool> cold_ = false;
  std::atomic<int> fails_ = 0;
  mutable std::atomic<std::size_t> probes_ = 0;
  mutable std::atomic<std::size_t> brought_in_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::uint64_t, std::uint64_t> warm_;
};

/// A server on a port of the system's choice with everything it needs.
struct running_server {
  explicit running_server(scripted_service::script run, std::size_t reactor_count = 2);
  ~running_server();
  /// Binds and starts; settings are changed before.
  void start(const std::string& host = "127.0.0.1");
  [[nodiscard]] client connect() const { return client(port); }
  [[nodiscard]] network::network_counters counters() const { return server.counters(); }

  network::network_settings settings;
  scripted_service service;
  base::worker_pool disk{"disk", 2};
  network::reactor_pool reactors;
  network::socket_server server;
  std::uint16_t port = 0;
};

}  // namespace tidelog::test
