#include "load_loop.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fcntl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace tidelog::tools {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t request_bytes = 8;

/// Answers every request of 8 bytes with one of 12, of which 4 are the size; `hold_first` before the first answer.
void serve(int socket, std::chrono::milliseconds hold_first) {
  std::array<std::byte, request_bytes> request{};
  std::array<std::byte, 12> answer{};
  base::store_big_endian<std::int32_t>(answer.data(), 8);
  for (bool first = true;; first = false) {
    if (::recv(socket, request.data(), request.size(), MSG_WAITALL) != static_cast<ssize_t>(request.size()))
      break;
    if (first) std::this_thread::sleep_for(hold_first);
    if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
  }
  ::close(socket);
}

request_ring one_request(std::uint64_t answer_bytes) {
  return std::make_shared<std::vector<prepared_request>>(
      1, prepared_request{std::vector<std::byte>(request_bytes), 100, answer_bytes});
}

struct finished {
  base::status outcome;
  load_result result;
};

finished run_against_server(load_settings settings, std::chrono::milliseconds hold_first,
                            std::uint64_t expected_answer_bytes = 8) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  // The loop's end stays non-blocking, as client::socket promises.
  ::fcntl(ends[1], F_SETFL, 0);
  std::thread server(serve, ends[1], hold_first);
  finished done;
  {
    load_loop loop(settings);
    loop.add(client::socket(ends[0]), one_request(expected_answer_bytes), 0);
    done.outcome = loop.run();
    done.result = loop.result();
  }
  server.join();
  return done;
}

load_settings for_a_while() {
  load_settings settings;
  settings.begin = std::chrono::steady_clock::now();
  settings.end = settings.begin + 300ms;
  settings.check = [](base::byte_span) { return base::status{}; };
  return settings;
}

TEST(load_loop, closed_loop_counts_each_answer_once) {
  const auto done = run_against_server(for_a_while(), 0ms);
  ASSERT_TRUE(done.outcome) << done.outcome.error().describe();
  EXPECT_GT(done.result.requests, 0U);
  EXPECT_EQ(done.result.latencies.count(), done.result.requests);
  EXPECT_EQ(done.result.payload_bytes, done.result.requests * 100);
}

TEST(load_loop, closed_loop_feels_a_stall_in_one_request_only) {
  auto settings = for_a_while();
  settings.depth = 1;
  const auto done = run_against_server(settings, 100ms);
  ASSERT_TRUE(done.outcome);
  EXPECT_GE(done.result.latencies.largest(), 100ms);
  EXPECT_LT(done.result.latencies.at(0.5), 50ms);
}

TEST(load_loop, open_loop_feels_a_stall_in_every_request_that_was_due) {
  auto settings = for_a_while();
  settings.interval = 1ms;
  const auto done = run_against_server(settings, 100ms);
  ASSERT_TRUE(done.outcome);
  // While one was held for 100 ms, about a hundred were due; those of the first half waited 50 ms and more.
  const auto all = static_cast<double>(done.result.latencies.count());
  ASSERT_GE(all, 100);
  EXPECT_GE(done.result.latencies.at(1 - 40 / all), 50ms);
}

TEST(load_loop, wrong_answer_ends_the_run_with_its_reason) {
  auto settings = for_a_while();
  settings.check = [](base::byte_span) -> base::status {
    return base::fail(std::make_error_code(std::errc::bad_message), "no");
  };
  const auto done = run_against_server(settings, 0ms);
  ASSERT_FALSE(done.outcome);
  EXPECT_EQ(done.outcome.error().code, std::errc::bad_message);
}

TEST(load_loop, server_that_goes_away_ends_the_run) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  ::close(ends[1]);
  load_loop loop(for_a_while());
  loop.add(client::socket(ends[0]), one_request(8), 0);
  EXPECT_FALSE(loop.run());
}

}  // namespace
}  // namespace tidelog::tools
