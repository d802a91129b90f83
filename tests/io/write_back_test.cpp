#include "write_back.hpp"

#include "posix_file.hpp"
#include "support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fcntl.h>
#include <future>
#include <thread>
#include <tuple>
#include <vector>

namespace tidelog::io {
namespace {

using testing::ElementsAre;
using range = std::tuple<int, std::uint64_t, std::uint64_t>;

[[nodiscard]] std::shared_ptr<const owned_descriptor> open_in(const test::temp_directory& home) {
  return std::make_shared<const owned_descriptor>(
      open_descriptor(home.path() / "log", O_RDWR | O_CREAT).value());
}

TEST(write_back_test, begins_on_a_thread_of_its_own) {
  const test::temp_directory home;
  const auto file = open_in(home);
  std::vector<range> begun;
  std::thread::id where;
  {
    write_back under_test([&](int descriptor, std::uint64_t position, std::uint64_t length) {
      begun.emplace_back(descriptor, position, length);
      where = std::this_thread::get_id();
    });
    under_test.request(file, 0, 100);
    under_test.request(file, 100, 50);
  }
  EXPECT_THAT(begun, ElementsAre(range{file->number(), 0, 100}, range{file->number(), 100, 50}));
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(write_back_test, file_stays_open_until_its_turn_has_come) {
  const test::temp_directory home;
  auto file = open_in(home);
  const int descriptor = file->number();
  std::promise<void> go_on;
  bool was_open = false;
  {
    write_back under_test([&, gate = go_on.get_future().share()](int number, std::uint64_t, std::uint64_t) {
      gate.wait();
      was_open = ::fcntl(number, F_GETFD) != -1;
    });
    under_test.request(file, 0, 100);
    file.reset();
    go_on.set_value();
  }
  EXPECT_TRUE(was_open);
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
}

TEST(write_back_test, nobody_waits_for_a_disk_that_is_behind) {
  const test::temp_directory home;
  const auto file = open_in(home);
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<std::size_t> calls{0};
  {
    write_back under_test([&, gate = go_on.get_future().share()](int, std::uint64_t, std::uint64_t) {
      if (calls.fetch_add(1) == 0) begun.set_value();
      gate.wait();
    });
    under_test.request(file, 0, 1);
    begun.get_future().wait();
    for (std::size_t i = 0; i < 2 * write_back::most_waiting; ++i) under_test.request(file, i, 1);
    go_on.set_value();
  }
  EXPECT_EQ(calls, 1 + write_back::most_waiting);
}

TEST(write_back_test, is_a_hint_that_any_file_may_get) {
  const test::temp_directory home;
  const auto files = make_posix_file_system();
  const auto target = files->open(home.path() / "log", open_mode::create).value();
  const std::vector<std::byte> content(1 << 20);
  ASSERT_TRUE(target->write_at(content, 0));
  target->begin_write_back(0, content.size());
  target->begin_write_back(1ULL << 40, 1ULL << 40);
  target->begin_write_back(~0ULL, ~0ULL);
  EXPECT_TRUE(target->sync_data());
  EXPECT_EQ(target->size(), content.size());
}

}  // namespace
}  // namespace tidelog::io
