// Beginnings and ends: binding, bad frames, limits, idleness, memory, the orderly stop.

#include "network/loopback.hpp"

#include <gmock/gmock.h>

#include "tidelog/base/log_message.hpp"

#include <fcntl.h>
#include <fstream>
#include <latch>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace tidelog::network {
namespace {

using namespace test;
using namespace std::chrono_literals;
using protocol::connection_info;
using protocol::request_frame;
using protocol::responder;
using testing::HasSubstr;

/// What was said from warning up while it lives.
class overheard {
 public:
  overheard() {
    lines().clear();
    base::set_message_sink(
        [](base::severity, std::string_view line) {
          const std::lock_guard lock(mutex());
          lines().emplace_back(line);
        },
        base::severity::warning);
  }
  ~overheard() {
    base::set_message_sink([](base::severity, std::string_view) {}, base::severity::error);
  }
  [[nodiscard]] std::vector<std::string> said() const {
    const std::lock_guard lock(mutex());
    return lines();
  }

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }
};

bytes header_of(std::int32_t size) {
  bytes made(4);
  base::store_big_endian(made.data(), size);
  return made;
}

/// Keeps responders until the test wants them.
struct parking {
  scripted_service::script script() {
    return [this](connection_info&, request_frame, responder answer) {
      const std::lock_guard lock(mutex);
      parked.push_back(std::move(answer));
    };
  }
  [[nodiscard]] std::vector<responder> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(parked, {});
  }
  std::mutex mutex;
  std::vector<responder> parked;
};

TEST(binding_test, a_port_in_use_is_said_with_address_and_errno) {
  running_server first(echo());
  first.start();
  running_server second(echo());
  const auto outcome = second.server.bind({"plain", "127.0.0.1", first.port});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, std::errc::address_in_use);
  EXPECT_EQ(outcome.error().code.category(), std::system_category());
  EXPECT_THAT(outcome.error().describe(), HasSubstr(fmt::format("127.0.0.1:{}", first.port)));
}

TEST(binding_test, an_unknown_host_is_an_error_of_its_own) {
  running_server server(echo());
  const auto outcome = server.server.bind({"plain", "no-such-host.invalid", 0});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::unknown_host);
}

TEST(binding_test, all_addresses_of_a_listener_share_the_port_and_serve) {
  running_server server(echo());
  server.start("");
  for (const auto& address : server.server.bound()) {
    EXPECT_EQ(address.port, server.port);
    client one(address.port, {.host = address.host == "::" ? "::1" : "127.0.0.1"});
    one.send(request(3));
    EXPECT_TRUE(one.receive());
    EXPECT_EQ(server.service.last_connected().client_host, address.host == "::" ? "::1" : "127.0.0.1");
  }
}

TEST(bad_frame_test, giant_negative_empty_and_tiny_sizes_close_with_one_line) {
  running_server server(echo());
  server.settings.socket_request_max_bytes = 1000;
  server.start();
  for (const std::int32_t size : {1001, 0x7fffffff, -1, 0, 7}) {
    const overheard messages;
    auto one = server.connect();
    one.send(request(1));
    EXPECT_TRUE(one.receive());
    one.send(header_of(size));
    EXPECT_TRUE(one.is_at_end());
    ASSERT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
    ASSERT_EQ(messages.said().size(), 1U);
    EXPECT_THAT(messages.said()[0], HasSubstr("127.0.0.1:"));
    EXPECT_THAT(messages.said()[0], HasSubstr(fmt::format("{} bytes", size)));
    EXPECT_THAT(messages.said()[0], HasSubstr("1000"));
  }
  EXPECT_EQ(server.counters().frames_refused, 5U);
}

TEST(bad_frame_test, requests_before_a_bad_frame_are_answered) {
  running_server server(echo());
  server.start();
  const overheard messages;
  auto one = server.connect();
  auto sent = request(1);
  const auto bad = header_of(-5);
  sent.insert(sent.end(), bad.begin(), bad.end());
  one.send(sent);
  one.send(pattern(500'000));
  EXPECT_TRUE(one.receive());
  EXPECT_TRUE(one.is_at_end());
}

TEST(bad_frame_test, a_half_sent_request_whose_sender_is_gone_leaves_nothing) {
  running_server server(echo());
  server.start();
  {
    auto one = server.connect();
    one.send(header_of(1'000'000));
    one.send(pattern(500'000));
    ASSERT_TRUE(eventually([&] { return server.counters().bytes_in == 500'004; }));
  }
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
  EXPECT_EQ(server.service.handled_count(), 0U);
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(memory_test, connections_that_announce_giant_frames_hold_little) {
  running_server server(echo());
  server.start();
  const auto before = resident_bytes();
  std::vector<client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(server.connect());
    clients.back().send(header_of(100 * 1024 * 1024));
    clients.back().send(pattern(1000));
  }
  ASSERT_TRUE(eventually([&] { return server.counters().bytes_in == 20U * 1004; }));
  EXPECT_LT(resident_bytes(), before + 16 * 1024 * 1024);
  EXPECT_EQ(server.counters().request_bytes_in_flight, 0U);
}

TEST(memory_test, no_connection_begins_a_request_above_the_bound_and_all_go_on_below_it) {
  parking lot;
  running_server server(lot.script());
  server.settings.queued_max_request_bytes = 100'000;
  server.start();
  std::vector<client> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(server.connect());
    clients.back().send(request(1, 20'000));
  }
  // Each of the two reactors may take one more than fits, not knowing of the other's.
  ASSERT_TRUE(eventually([&] { return server.service.handled_count() >= 5; }));
  std::size_t answered = 0;
  while (answered < clients.size()) {
    auto parked = lot.take();
    EXPECT_LE(server.service.handled_count(), answered + parked.size() + 8);
    for (auto& one : parked) one.answer(response(request(1)));
    answered += parked.size();
    if (parked.empty()) std::this_thread::yield();
  }
  for (auto& one : clients) EXPECT_TRUE(one.receive());
}

TEST(memory_test, raising_the_bound_wakes_those_who_wait) {
  parking lot;
  running_server server(lot.script());
  server.settings.queued_max_request_bytes = 10;
  server.settings.connections_max_idle_ms = 100;  // sweeps often
  server.start();
  auto first = server.connect();
  first.send(request(1));
  ASSERT_TRUE(eventually([&] { return server.counters().request_bytes_in_flight > 10; }));
  auto second = server.connect();
  second.send(request(1));
  server.settings.queued_max_request_bytes = -1;
  EXPECT_TRUE(eventually([&] { return server.service.handled_count() == 2; }));
  for (auto& one : lot.take()) one.answer(response(request(1)));
  EXPECT_TRUE(second.receive());
}

TEST(limits_test, connections_above_the_limits_are_closed_and_places_are_given_back) {
  running_server server(echo());
  server.settings.max_connections_per_ip = 3;
  server.start();
  const overheard messages;
  std::vector<client> clients;
  const auto serves = [](client& one) {
    one.send(request(1));
    return one.receive().has_value();
  };
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.connect());
    EXPECT_TRUE(serves(clients.back()));
  }
  auto refused = server.connect();
  EXPECT_TRUE(refused.is_at_end());
  EXPECT_EQ(server.counters().connections_refused, 1U);
  ASSERT_EQ(messages.said().size(), 1U);
  EXPECT_THAT(messages.said()[0], HasSubstr("max.connections.per.ip is 3"));
  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return server.counters().connections_open == 2; }));
  auto later = server.connect();
  EXPECT_TRUE(serves(later));
  server.settings.max_connections_per_ip = 1000;
  server.settings.max_connections = 3;
  auto refused_too = server.connect();
  EXPECT_TRUE(refused_too.is_at_end());
  server.settings.max_connections = 4;
  auto welcome = server.connect();
  EXPECT_TRUE(serves(welcome));
}

TEST(limits_test, an_address_may_have_a_bound_of_its_own) {
  running_server server(echo());
  server.settings.max_connections_per_ip = 100;
  server.settings.max_connections_per_ip_overrides.replace({{"127.0.0.1", 1}, {"127.0.0.2", 50}});
  server.start();
  const overheard messages;
  auto first = server.connect();
  first.send(request(1));
  ASSERT_TRUE(first.receive());
  auto refused = server.connect();
  EXPECT_TRUE(refused.is_at_end());
  ASSERT_EQ(messages.said().size(), 1U);
  EXPECT_THAT(messages.said()[0], HasSubstr("max.connections.per.ip.overrides has 1 for it"));
  server.settings.max_connections_per_ip_overrides.replace({});
  auto welcome = server.connect();
  welcome.send(request(1));
  EXPECT_TRUE(welcome.receive());
}

TEST(limits_test, running_out_of_descriptors_pauses_accepting_and_it_goes_on_later) {
  running_server server(echo());
  server.start();
  const overheard messages;
  auto waiting = server.connect();
  waiting.send(request(1));
  ASSERT_TRUE(waiting.receive());
  // Both threads of the pool have begun: a sanitizer wants descriptors while they do.
  std::latch begun(2);
  for (int i = 0; i < 2; ++i) server.disk.submit([&] { begun.arrive_and_wait(); });
  begun.wait();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int highest = ::dup(0);
  const int socket_of_late = ::socket(AF_INET, SOCK_STREAM, 0);
  ::close(socket_of_late);
  // One more descriptor may be had: the client's end.
  const rlimit lowered{static_cast<rlim_t>(std::max(highest, socket_of_late)) + 1, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &lowered);
  auto late = server.connect();
  late.send(request(2));
  EXPECT_TRUE(eventually([&] { return server.counters().accept_failures >= 2; }));
  EXPECT_LT(server.counters().accept_failures, 50U);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ::close(highest);
  EXPECT_TRUE(late.receive());
  ASSERT_EQ(messages.said().size(), 1U);
  EXPECT_THAT(messages.said()[0], HasSubstr("cannot accept"));
}

TEST(limits_test, many_connections_are_served_and_spread_over_the_reactors) {
  std::mutex mutex;
  std::map<protocol::reactor*, int> homes;
  running_server server([&](connection_info& connection, request_frame frame, responder answer) {
    {
      const std::lock_guard lock(mutex);
      ++homes[connection.home];
    }
    answer.answer(response(frame.bytes));
  });
  server.start();
  std::vector<client> clients;
  for (int i = 0; i < 400; ++i) clients.push_back(server.connect());
  for (auto& one : clients) one.send(request(1));
  for (auto& one : clients) EXPECT_TRUE(one.receive());
  EXPECT_EQ(server.counters().connections_open, 400U);
  ASSERT_EQ(homes.size(), 2U);
  EXPECT_EQ(homes.begin()->second, 200);
}

TEST(idle_test, idle_connections_are_closed_and_those_that_wait_for_an_answer_are_not) {
  parking lot;
  running_server server(lot.script());
  server.settings.connections_max_idle_ms = 2000;
  server.start();
  auto busy = server.connect();
  busy.send(request(1));
  ASSERT_TRUE(eventually([&] { return server.service.handled_count() == 1; }));
  server.settings.connections_max_idle_ms = 100;
  for (std::size_t i = 1; i <= 2; ++i) {
    auto idle = server.connect();
    EXPECT_TRUE(idle.is_at_end());
    EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 1; }));
    EXPECT_EQ(server.counters().connections_closed_idle, i);
  }
  for (auto& one : lot.take()) one.answer(response(request(1)));
  EXPECT_TRUE(busy.receive());
  EXPECT_TRUE(busy.is_at_end());
}

TEST(close_test, closing_waits_for_the_answers_before_it) {
  parking lot;
  running_server server(lot.script());
  server.start();
  const overheard messages;
  auto one = server.connect();
  for (std::uint64_t i = 0; i < 3; ++i) one.send(request(i));
  ASSERT_TRUE(eventually([&] { return server.service.handled_count() == 3; }));
  auto parked = lot.take();
  parked[1].close("it had to be");
  parked[2].answer(response(request(2)));
  parked[0].answer(response(request(0)));
  EXPECT_TRUE(one.receive());
  EXPECT_TRUE(one.is_at_end());
  ASSERT_EQ(messages.said().size(), 1U);
  EXPECT_THAT(messages.said()[0], HasSubstr("it had to be"));
}

TEST(close_test, a_request_dropped_without_an_answer_closes_the_connection) {
  running_server server([](connection_info&, request_frame, responder) {});
  server.start();
  const overheard messages;
  auto one = server.connect();
  one.send(request(1));
  EXPECT_TRUE(one.is_at_end());
  EXPECT_TRUE(eventually([&] { return server.service.disconnected_count() == 1; }));
}

TEST(close_test, answers_after_the_client_has_gone_fall_on_nothing) {
  parking lot;
  running_server server(lot.script());
  server.start();
  {
    auto one = server.connect();
    for (std::uint64_t i = 0; i < 100; ++i) one.send(request(i));
    ASSERT_TRUE(eventually([&] { return server.service.handled_count() == 100; }));
  }
  ASSERT_TRUE(eventually([&] { return server.service.disconnected_count() == 1; }));
  for (auto& one : lot.take()) one.answer(response(request(1)));
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
}

TEST(close_test, answers_after_the_server_has_gone_fall_on_nothing) {
  parking lot;
  {
    running_server server(lot.script());
    server.start();
    auto one = server.connect();
    one.send(request(1));
    ASSERT_TRUE(eventually([&] { return server.service.handled_count() == 1; }));
  }
  for (auto& one : lot.take()) one.answer(response(request(1)));
}

TEST(stop_test, an_orderly_stop_answers_what_was_taken_and_takes_no_more) {
  parking lot;
  // On one reactor, so that who is idle is gone no sooner than nobody is read any more.
  running_server server(lot.script(), 1);
  server.start();
  auto idle = server.connect();
  auto busy = server.connect();
  busy.send(request(1));
  ASSERT_TRUE(eventually([&] { return server.service.handled_count() == 1; }));
  std::thread stopper([&] { server.server.stop(20s); });
  EXPECT_TRUE(idle.is_at_end());
  busy.send(request(2));
  for (auto& one : lot.take()) one.answer(response(request(1)));
  EXPECT_TRUE(busy.receive());
  EXPECT_TRUE(busy.is_at_end());
  stopper.join();
  EXPECT_EQ(server.service.handled_count(), 1U);
  EXPECT_EQ(server.counters().connections_open, 0U);
  EXPECT_THROW((void)server.connect(), std::runtime_error);
}

TEST(stop_test, patience_ends) {
  parking lot;
  running_server server(lot.script());
  server.start();
  const overheard messages;
  auto one = server.connect();
  one.send(request(1));
  ASSERT_TRUE(eventually([&] { return server.service.handled_count() == 1; }));
  server.server.stop(50ms);
  EXPECT_TRUE(one.is_at_end());
  EXPECT_EQ(server.service.disconnected_count(), 1U);
  ASSERT_EQ(messages.said().size(), 1U);
  EXPECT_THAT(messages.said()[0], HasSubstr("closing 1 connections"));
}

TEST(stop_test, a_stop_in_the_middle_of_everything_leaves_nobody_behind) {
  for (int round = 0; round < 5; ++round) {
    running_server server([](connection_info& connection, request_frame frame, responder answer) {
      auto late = std::make_shared<std::pair<responder, bytes>>(
          std::move(answer), bytes(frame.bytes.begin(), frame.bytes.end()));
      connection.home->start_timer(1ms, [late] { late->first.answer(response(late->second)); });
    });
    server.settings.queued_max_request_bytes = 5000;
    server.start();
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([one = std::make_shared<client>(server.port)] {
        while (one->send(request(1, 1000)) && one->receive()) continue;
      });
    }
    ASSERT_TRUE(eventually([&] { return server.service.handled_count() > 200; }));
    server.server.stop(round % 2 == 0 ? 0ms : 5000ms);
    for (auto& thread : clients) thread.join();
  }
}

}  // namespace
}  // namespace tidelog::network
