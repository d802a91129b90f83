// Order, pipelining, slices, back-pressure: over real loopback sockets.

#include "network/loopback.hpp"
#include "support/random_seed.hpp"

#include <random>
#include <thread>

namespace tidelog::network {
namespace {

using namespace test;
using protocol::connection_info;
using protocol::request_frame;
using protocol::responder;

bytes slice_header(std::uint64_t file_bytes, std::size_t memory_bytes) {
  bytes made(4 + memory_bytes);
  base::store_big_endian(made.data(), static_cast<std::int32_t>(memory_bytes + file_bytes));
  return made;
}

TEST(connection_test, the_service_learns_who_is_talking) {
  running_server server(echo());
  server.start();
  auto one = server.connect();
  one.send(request(7));
  EXPECT_EQ(number_of(*one.receive()), 7U);
  const auto info = server.service.last_connected();
  EXPECT_EQ(info.client_host, "127.0.0.1");
  EXPECT_EQ(info.local_host, "127.0.0.1");
  EXPECT_EQ(info.local_port, server.port);
  EXPECT_EQ(info.listener_name, "plain");
  EXPECT_NE(info.home, nullptr);
  one.close();
  EXPECT_TRUE(eventually([&] { return server.service.disconnected_count() == 1; }));
}

TEST(connection_test, thousands_of_pipelined_requests_are_answered_in_order) {
  running_server server(echo());
  server.start();
  auto one = server.connect();
  constexpr std::uint64_t count = 20'000;
  std::thread sender([&] {
    bytes all;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto frame = request(i, 8 + i % 50);
      all.insert(all.end(), frame.begin(), frame.end());
    }
    EXPECT_TRUE(one.send(all));
  });
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto got = one.receive();
    ASSERT_TRUE(got);
    ASSERT_EQ(number_of(*got), i);
    ASSERT_EQ(got->size(), 8 + i % 50);
  }
  sender.join();
  EXPECT_EQ(server.counters().requests, count);
  // The last bytes are counted after they have left, which the client may see first.
  EXPECT_TRUE(eventually([&] { return server.counters().bytes_in == server.counters().bytes_out; }));
}

/// Requests finish on several threads in a random order, some without an answer.
TEST(connection_test, answers_leave_in_request_order_whatever_the_order_they_are_given_in) {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::pair<bytes, responder>> waiting;
  bool over = false;
  running_server server([&](connection_info&, request_frame frame, responder answer) {
    const std::lock_guard lock(mutex);
    waiting.emplace_back(bytes(frame.bytes.begin(), frame.bytes.end()), std::move(answer));
    wake.notify_one();
  });
  server.start();
  std::mt19937_64 seeds(random_seed());
  std::vector<std::thread> finishers;
  for (int i = 0; i < 3; ++i) {
    finishers.emplace_back([&, random = std::mt19937_64(seeds())]() mutable {
      std::unique_lock lock(mutex);
      while (true) {
        wake.wait(lock, [&] { return over || !waiting.empty(); });
        if (waiting.empty()) return;
        std::swap(waiting[random() % waiting.size()], waiting.back());
        auto [body, answer] = std::move(waiting.back());
        waiting.pop_back();
        lock.unlock();
        if (number_of(body) % 10 == 3) {
          answer.answer_nothing();
        } else {
          answer.answer(response(body));
        }
        lock.lock();
      }
    });
  }
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      auto one = server.connect();
      std::thread sender([&] {
        for (std::uint64_t i = 0; i < 3000; ++i) one.send(request(i));
      });
      for (std::uint64_t i = 0; i < 3000; ++i) {
        if (i % 10 == 3) continue;
        const auto got = one.receive();
        EXPECT_TRUE(got && number_of(*got) == i) << i;
        if (!got) break;
      }
      sender.join();
    });
  }
  for (auto& thread : clients) thread.join();
  {
    const std::lock_guard lock(mutex);
    over = true;
    wake.notify_all();
  }
  for (auto& thread : finishers) thread.join();
}

TEST(connection_test, large_frames_go_both_ways_through_tiny_socket_buffers) {
  running_server server(echo());
  server.settings.socket_send_buffer_bytes = 4096;
  server.settings.socket_receive_buffer_bytes = 4096;
  server.start();
  client one(server.port, {.host = "127.0.0.1", .receive_buffer_bytes = 4096});
  std::vector<bytes> sent;
  for (std::size_t size :
       std::initializer_list<std::size_t>{300'000, 12, 70'000, 40'000, 1'000'000, 8, 33'000}) {
    auto body = pattern(size, static_cast<unsigned>(size));
    auto frame = request(0, size);
    std::copy(body.begin(), body.end(), frame.begin() + 4);
    sent.push_back(std::move(frame));
  }
  std::thread sender([&] {
    for (const auto& frame : sent) one.send(frame);
  });
  for (const auto& frame : sent) {
    const auto got = one.receive();
    ASSERT_TRUE(got);
    EXPECT_TRUE(std::equal(got->begin(), got->end(), frame.begin() + 4, frame.end()));
  }
  sender.join();
}

struct slices_test : testing::TestWithParam<moody_file::descriptor_kind> {
  static constexpr std::size_t file_bytes = 5'000'000;
  const bytes content = pattern(file_bytes);
  std::shared_ptr<moody_file> file = std::make_shared<moody_file>(content, GetParam());

  /// 10 bytes of memory, a slice, 5 bytes, an empty slice, two slices in a row, 3 bytes.
  [[nodiscard]] codec::encoded fetch() const {
    codec::encoded made;
    made.memory = slice_header(4'000'000 + 100 + 70'000, 18);
    made.inserts.push_back({14, {file, 1000, 4'000'000}});
    made.inserts.push_back({19, {file, 5, 0}});
    made.inserts.push_back({19, {file, 0, 100}});
    made.inserts.push_back({19, {file, 4'900'000, 70'000}});
    return made;
  }
  void expect_fetched(const bytes& got) const {
    ASSERT_EQ(got.size(), 4'000'000U + 100 + 70'000 + 18);
    const auto at = [&](std::size_t place) { return got.begin() + static_cast<std::ptrdiff_t>(place); };
    const auto in_file = [&](std::size_t place) {
      return content.begin() + static_cast<std::ptrdiff_t>(place);
    };
    EXPECT_TRUE(std::equal(at(10), at(4'000'010), in_file(1000)));
    EXPECT_TRUE(std::equal(at(4'000'015), at(4'000'115), in_file(0)));
    EXPECT_TRUE(std::equal(at(4'000'115), at(4'070'115), in_file(4'900'000)));
  }
  scripted_service::script fetches() {
    return [this](connection_info&, request_frame frame, responder answer) {
      if (number_of(frame.bytes) == 0) {
        answer.answer(fetch());
      } else {
        answer.answer(response(frame.bytes));
      }
    };
  }
};

TEST_P(slices_test, memory_and_slices_leave_in_their_order_between_other_answers) {
  running_server server(fetches());
  server.start();
  auto one = server.connect();
  bytes all;
  for (std::uint64_t number : {1U, 0U, 2U, 0U, 0U, 3U}) {
    const auto frame = request(number);
    all.insert(all.end(), frame.begin(), frame.end());
  }
  one.send(all);
  for (std::uint64_t number : {1U, 0U, 2U, 0U, 0U, 3U}) {
    const auto got = one.receive();
    ASSERT_TRUE(got);
    if (number == 0) {
      expect_fetched(*got);
    } else {
      EXPECT_EQ(number_of(*got), number);
    }
  }
}

TEST_P(slices_test, a_slow_reader_gets_everything_and_holds_nobody_up) {
  running_server server(fetches(), 1);
  server.settings.socket_send_buffer_bytes = 16 * 1024;
  server.start();
  client slow(server.port, {.host = "127.0.0.1", .receive_buffer_bytes = 4096});
  slow.send(request(0));
  auto quick = server.connect();
  for (std::uint64_t i = 1; i < 200; ++i) {
    quick.send(request(i));
    ASSERT_EQ(number_of(*quick.receive()), i);
  }
  expect_fetched(*slow.receive());
}

TEST_P(slices_test, cold_slices_are_brought_in_piece_by_piece_and_asked_for_once_each) {
  running_server server(fetches());
  server.start();
  file->cool_down();
  auto one = server.connect();
  one.send(request(0));
  expect_fetched(*one.receive());
  // 4,000,000 bytes are four pieces of 1 MiB; the two other slices are one each.
  EXPECT_EQ(file->brought_in(), 6U);
  EXPECT_EQ(file->probes(), 6U);
  EXPECT_EQ(server.counters().cold_pieces, 6U);
}

TEST_P(slices_test, a_slice_that_cannot_be_brought_in_closes_the_connection) {
  running_server server(fetches());
  server.start();
  file->cool_down(EIO);
  auto one = server.connect();
  one.send(request(0));
  EXPECT_FALSE(one.receive());
  EXPECT_TRUE(eventually([&] { return server.service.disconnected_count() == 1; }));
}

TEST_P(slices_test, a_file_that_has_become_shorter_closes_the_connection) {
  running_server server(fetches());
  server.start();
  ASSERT_TRUE(file->truncate(2'000'000));
  auto one = server.connect();
  one.send(request(0));
  EXPECT_FALSE(one.receive());
}

INSTANTIATE_TEST_SUITE_P(both, slices_test,
                         testing::Values(moody_file::descriptor_kind::real,
                                         moody_file::descriptor_kind::none),
                         [](const auto& tested) {
                           return tested.param == moody_file::descriptor_kind::real ? "by_sendfile"
                                                                                    : "by_reading";
                         });

TEST(connection_test, a_client_that_does_not_read_stops_being_read) {
  // Each request of 16 bytes is answered with 64 KiB.
  running_server server(
      [](connection_info&, request_frame, responder answer) { answer.answer(response(pattern(64 * 1024))); });
  server.settings.response_bytes_queued_per_connection = 256 * 1024;
  server.settings.socket_send_buffer_bytes = 64 * 1024;
  server.start();
  client one(server.port, {.host = "127.0.0.1", .receive_buffer_bytes = 64 * 1024});
  constexpr std::size_t count = 2000;
  bytes all;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto frame = request(i);
    all.insert(all.end(), frame.begin(), frame.end());
  }
  one.send(all);
  ASSERT_TRUE(eventually([&] { return server.service.handled_count() >= 4; }));
  auto other = server.connect();
  for (int i = 0; i < 20; ++i) {
    other.send(request(1));
    ASSERT_TRUE(other.receive());
  }
  EXPECT_LT(server.service.handled_count(), 100U);
  for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(one.receive());
}

TEST(connection_test, no_more_requests_are_taken_than_may_be_in_flight) {
  std::mutex mutex;
  std::vector<responder> parked;
  running_server server([&](connection_info&, request_frame, responder answer) {
    const std::lock_guard lock(mutex);
    parked.push_back(std::move(answer));
  });
  server.settings.requests_in_flight_per_connection = 8;
  server.start();
  auto one = server.connect();
  for (std::uint64_t i = 0; i < 100; ++i) one.send(request(i));
  std::size_t answered = 0;
  while (answered < 100) {
    ASSERT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return !parked.empty();
    }));
    EXPECT_LE(server.service.handled_count(), answered + 8);
    responder oldest;
    {
      const std::lock_guard lock(mutex);
      oldest = std::move(parked.front());
      parked.erase(parked.begin());
    }
    oldest.answer(response(request(1)));
    ASSERT_TRUE(one.receive());
    ++answered;
  }
}

TEST(connection_test, a_kept_frame_stays_as_it_is_while_more_arrive) {
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, request_frame>> kept;
  running_server server([&](connection_info&, request_frame frame, responder answer) {
    answer.answer(response(frame.bytes.first(8)));
    const std::lock_guard lock(mutex);
    kept.emplace_back(number_of(frame.bytes), std::move(frame));
  });
  server.start();
  auto one = server.connect();
  for (std::uint64_t i = 0; i < 300; ++i) {
    one.send(request(i, 8 + (i * 977) % 50'000));
    ASSERT_TRUE(one.receive());
  }
  const std::lock_guard lock(mutex);
  for (const auto& [number, frame] : kept) EXPECT_EQ(number_of(frame.bytes), number);
}

}  // namespace
}  // namespace tidelog::network
