#include "network/loopback.hpp"

#include "tidelog/base/assert.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace tidelog::test {

bool eventually(const std::function<bool()>& fact, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!fact()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bytes request(std::uint64_t number, std::size_t size) {
  bytes frame(4 + size);
  base::store_big_endian(frame.data(), static_cast<std::int32_t>(size));
  base::store_big_endian(frame.data() + 4, number);
  return frame;
}

codec::encoded response(base::byte_view body) {
  codec::encoded made;
  made.memory.resize(4 + body.size());
  base::store_big_endian(made.memory.data(), static_cast<std::int32_t>(body.size()));
  std::memcpy(made.memory.data() + 4, body.data(), body.size());
  return made;
}

std::uint64_t number_of(base::byte_view body) {
  return base::load_big_endian<std::uint64_t>(body.data());
}

bytes pattern(std::size_t size, unsigned seed) {
  bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::byte>((i * 2654435761U + seed) >> 13U);
  return made;
}

void scripted_service::connected(protocol::connection_info& connection) {
  const std::lock_guard lock(mutex_);
  TIDELOG_ASSERT(stages_.emplace(connection.id, stage::open).second);
  last_ = connection;
  ++connected_;
}

void scripted_service::handle(protocol::connection_info& connection, protocol::request_frame frame,
                              protocol::responder answer) {
  {
    const std::lock_guard lock(mutex_);
    TIDELOG_ASSERT(stages_.at(connection.id) == stage::open);
  }
  ++handled_;
  run_(connection, std::move(frame), std::move(answer));
}

void scripted_service::disconnected(protocol::connection_info& connection) {
  const std::lock_guard lock(mutex_);
  TIDELOG_ASSERT(stages_.at(connection.id) == stage::open);
  stages_.at(connection.id) = stage::gone;
  ++disconnected_;
}

protocol::connection_info scripted_service::last_connected() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

scripted_service::script echo() {
  return [](protocol::connection_info&, protocol::request_frame frame, protocol::responder answer) {
    answer.answer(response(frame.bytes));
  };
}

client::client(std::uint16_t port, const options& with) {
  const bool six = with.host.find(':') != std::string::npos;
  socket_ = ::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (with.receive_buffer_bytes > 0) {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &with.receive_buffer_bytes, sizeof(int));
  }
  const timeval patience{20, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  int outcome = 0;
  if (six) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    ::inet_pton(AF_INET6, with.host.c_str(), &address.sin6_addr);
    outcome = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, with.host.c_str(), &address.sin_addr);
    outcome = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  if (outcome != 0) throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
}

bool client::send(base::byte_view data) {
  while (!data.empty()) {
    const auto sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    data = data.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<bytes> client::receive_exactly(std::size_t count) {
  bytes got(count);
  std::size_t at = 0;
  while (at < count) {
    const auto received = ::recv(socket_, got.data() + at, count - at, 0);
    if (received <= 0) return std::nullopt;
    at += static_cast<std::size_t>(received);
  }
  return got;
}

std::optional<bytes> client::receive() {
  const auto size = receive_exactly(4);
  if (!size) return std::nullopt;
  return receive_exactly(static_cast<std::size_t>(base::load_big_endian<std::int32_t>(size->data())));
}

bool client::is_at_end() {
  std::byte one{};
  const auto received = ::recv(socket_, &one, 1, 0);
  return received == 0 || (received < 0 && errno == ECONNRESET);
}

void client::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void client::finish_sending() {
  ::shutdown(socket_, SHUT_WR);
}

moody_file::moody_file(const bytes& content, descriptor_kind kind)
    : name_(folder_.path() / "file"), kind_(kind), size_(content.size()) {
  descriptor_ = ::open(name_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  std::size_t at = 0;
  while (at < content.size()) {
    const auto written = ::write(descriptor_, content.data() + at, content.size() - at);
    if (written <= 0) throw std::runtime_error("cannot write the test's file");
    at += static_cast<std::size_t>(written);
  }
}

moody_file::~moody_file() {
  ::close(descriptor_);
}

base::result<std::size_t> moody_file::read_at(base::byte_span into, std::uint64_t position) const {
  const auto read = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(position));
  if (read < 0) return base::fail_errno(errno, "{}", name_.string());
  return static_cast<std::size_t>(read);
}

base::status moody_file::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
    return base::fail_errno(errno, "{}", name_.string());
  size_ = size;
  return {};
}

bool moody_file::is_cached(std::uint64_t position, std::uint64_t length) const {
  ++probes_;
  if (!cold_) return true;
  const std::lock_guard lock(mutex_);
  const auto found = warm_.find(position);
  return found != warm_.end() && found->second >= length;
}

base::status moody_file::bring_in(std::uint64_t position, std::uint64_t length) const {
  ++brought_in_;
  if (fails_ != 0) return base::fail_errno(fails_, "{}", name_.string());
  const std::lock_guard lock(mutex_);
  warm_[position] = length;
  return {};
}

void moody_file::cool_down(int fails) {
  fails_ = fails;
  cold_ = true;
}

running_server::running_server(scripted_service::script run, std::size_t reactor_count)
    : service(std::move(run)), reactors(reactor_count), server(reactors, settings, service, disk) {}

running_server::~running_server() {
  server.stop(std::chrono::milliseconds(0));
  EXPECT_EQ(service.connected_count(), service.disconnected_count());
  EXPECT_EQ(counters().connections_open, 0U);
  EXPECT_EQ(counters().requests_in_flight, 0U);
  EXPECT_EQ(counters().request_bytes_in_flight, 0U);
}

void running_server::start(const std::string& host) {
  const auto outcome = server.bind({"plain", host, 0});
  ASSERT_TRUE(outcome) << outcome.error().describe();
  port = server.bound().front().port;
  const auto started = server.start();
  ASSERT_TRUE(started) << started.error().describe();
}

}  // namespace tidelog::test
