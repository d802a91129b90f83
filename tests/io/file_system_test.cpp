// What the layers above rely on, held against the machine's own file system and against the one of the tests.

#include "tidelog/io/file_system.hpp"

#include "posix_file.hpp"
#include "support/fault_file_system.hpp"
#include "support/random_seed.hpp"
#include "support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tidelog/io/patience.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace tidelog::io {
namespace {

using base::as_bytes;
using base::as_text;
using ::testing::UnorderedElementsAre;

enum class kind { posix, fault };

class file_system_test : public ::testing::TestWithParam<kind> {
 protected:
  file_system_test() {
    if (GetParam() == kind::posix) {
      files_ = make_posix_file_system();
    } else {
      files_ = std::make_unique<test::fault_file_system>();
      EXPECT_TRUE(files_->make_directories(home_.path()));
    }
  }
  [[nodiscard]] path at(const std::string& name) const { return home_.path() / name; }
  [[nodiscard]] std::shared_ptr<file> opened(const std::string& name, open_mode mode = open_mode::create) {
    auto outcome = files_->open(at(name), mode);
    EXPECT_TRUE(outcome) << outcome.error().describe();
    return *outcome;
  }
  void write(const std::string& name, std::string_view text) {
    EXPECT_TRUE(opened(name)->write_at(as_bytes(text), 0));
  }
  [[nodiscard]] std::string content(const std::string& name) {
    const auto bytes = read_file(*files_, at(name), 1 << 20);
    return bytes ? std::string(as_text(*bytes)) : bytes.error().describe();
  }
  [[nodiscard]] std::vector<std::string> names(const std::string& directory = "") {
    std::vector<std::string> found;
    const auto listed = files_->list(at(directory)).value();
    for (const auto& each : listed) found.push_back(each.name);
    return found;
  }

  test::temp_directory home_;
  std::unique_ptr<file_system> files_;
};

template <class T>
[[nodiscard]] int error_of(const base::result<T>& outcome) {
  if (outcome) return 0;
  EXPECT_EQ(outcome.error().code.category(), std::system_category());
  return outcome.error().code.value();
}

TEST_P(file_system_test, reads_what_was_written_at_its_position) {
  const auto target = opened("log");
  ASSERT_TRUE(target->write_at(as_bytes("world"), 6));
  ASSERT_TRUE(target->write_at(as_bytes("hello"), 0));
  EXPECT_EQ(target->size(), 11U);
  EXPECT_EQ(content("log"), std::string("hello\0world", 11));
}

TEST_P(file_system_test, read_ends_where_the_file_ends) {
  write("log", "0123456789");
  std::array<std::byte, 8> into{};
  const auto source = opened("log", open_mode::read);
  EXPECT_EQ(source->read_at(into, 6), 4U);
  EXPECT_EQ(as_text(base::byte_view(into).first(4)), "6789");
  EXPECT_EQ(source->read_at(into, 10), 0U);
  EXPECT_EQ(source->read_at(into, 1000), 0U);
}

TEST_P(file_system_test, truncate_cuts_and_extends_with_zeros) {
  const auto target = opened("log");
  ASSERT_TRUE(target->write_at(as_bytes("0123456789"), 0));
  ASSERT_TRUE(target->truncate(4));
  ASSERT_TRUE(target->truncate(6));
  EXPECT_EQ(content("log"), std::string("0123\0\0", 6));
}

TEST_P(file_system_test, open_modes_demand_what_they_say) {
  EXPECT_EQ(error_of(files_->open(at("missing"), open_mode::read)), ENOENT);
  EXPECT_EQ(error_of(files_->open(at("missing"), open_mode::read_write)), ENOENT);
  EXPECT_EQ(error_of(files_->open(at("none/missing"), open_mode::create)), ENOENT);
  EXPECT_TRUE(files_->open(at("new"), open_mode::create_new));
  EXPECT_EQ(error_of(files_->open(at("new"), open_mode::create_new)), EEXIST);
  EXPECT_TRUE(files_->open(at("new"), open_mode::create));
  EXPECT_EQ(error_of(opened("new", open_mode::read)->write_at(as_bytes("x"), 0)), EBADF);
}

TEST_P(file_system_test, errors_name_the_path) {
  EXPECT_THAT(files_->open(at("missing"), open_mode::read).error().context,
              ::testing::HasSubstr(at("missing").native()));
}

TEST_P(file_system_test, file_is_readable_after_its_name_is_gone) {
  write("log", "still here");
  const auto source = opened("log", open_mode::read);
  ASSERT_TRUE(files_->remove_file(at("log")));
  EXPECT_EQ(files_->exists(at("log")), false);
  std::array<std::byte, 10> into{};
  EXPECT_EQ(source->read_at(into, 0), 10U);
  EXPECT_EQ(as_text(into), "still here");
}

TEST_P(file_system_test, rename_replaces_the_target) {
  write("old", "old");
  write("new", "new");
  ASSERT_TRUE(files_->rename(at("new"), at("old")));
  EXPECT_EQ(content("old"), "new");
  EXPECT_THAT(names(), UnorderedElementsAre("old"));
  EXPECT_EQ(error_of(files_->rename(at("missing"), at("old"))), ENOENT);
}

TEST_P(file_system_test, renamed_directory_keeps_what_is_in_it) {
  ASSERT_TRUE(files_->make_directories(at("topic-0")));
  write("topic-0/log", "records");
  ASSERT_TRUE(files_->rename(at("topic-0"), at("topic-0.gone-delete")));
  EXPECT_EQ(content("topic-0.gone-delete/log"), "records");
  EXPECT_EQ(files_->exists(at("topic-0/log")), false);
}

TEST_P(file_system_test, directory_does_not_replace_one_that_holds_something) {
  ASSERT_TRUE(files_->make_directories(at("a")));
  ASSERT_TRUE(files_->make_directories(at("b")));
  write("b/log", "");
  EXPECT_EQ(error_of(files_->rename(at("a"), at("b"))), ENOTEMPTY);
  EXPECT_EQ(error_of(files_->rename(at("b"), at("b/below"))), EINVAL);
}

TEST_P(file_system_test, make_directories_makes_parents_and_is_fine_with_what_is_there) {
  ASSERT_TRUE(files_->make_directories(at("a/b/c")));
  ASSERT_TRUE(files_->make_directories(at("a/b/c")));
  write("a/b/c/log", "x");
  EXPECT_EQ(files_->exists(at("a/b/c/log")), true);
  EXPECT_NE(error_of(files_->make_directories(at("a/b/c/log/d"))), 0);
}

TEST_P(file_system_test, list_tells_names_and_kinds) {
  ASSERT_TRUE(files_->make_directories(at("folder")));
  write("log", "x");
  const auto listed = files_->list(home_.path());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  for (const auto& each : *listed) {
    EXPECT_EQ(each.kind, each.name == "folder" ? entry_kind::directory : entry_kind::file) << each.name;
  }
  EXPECT_EQ(error_of(files_->list(at("missing"))), ENOENT);
  EXPECT_EQ(error_of(files_->list(at("log"))), ENOTDIR);
}

TEST_P(file_system_test, remove_tree_takes_all_and_misses_nothing_that_is_not_there) {
  ASSERT_TRUE(files_->make_directories(at("a/b")));
  write("a/b/log", "x");
  write("a/log", "x");
  ASSERT_TRUE(files_->remove_tree(at("a")));
  ASSERT_TRUE(files_->remove_tree(at("a")));
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(error_of(files_->remove_file(at("a"))), ENOENT);
}

TEST_P(file_system_test, remove_file_refuses_a_directory) {
  ASSERT_TRUE(files_->make_directories(at("a")));
  EXPECT_EQ(error_of(files_->remove_file(at("a"))), EISDIR);
}

TEST_P(file_system_test, path_through_a_file_does_not_exist) {
  write("log", "x");
  EXPECT_EQ(files_->exists(at("log/below")), false);
  EXPECT_EQ(error_of(files_->open(at("log/below"), open_mode::create)), ENOTDIR);
}

TEST_P(file_system_test, lock_is_exclusive_until_it_is_released) {
  auto held = files_->lock(at(".lock"));
  ASSERT_TRUE(held);
  EXPECT_EQ(error_of(files_->lock(at(".lock"))), EWOULDBLOCK);
  held->reset();
  EXPECT_TRUE(files_->lock(at(".lock")));
}

TEST_P(file_system_test, syncs_succeed_on_what_is_there) {
  write("log", "x");
  EXPECT_TRUE(opened("log")->sync_data());
  EXPECT_TRUE(files_->sync_directory(home_.path()));
  EXPECT_EQ(error_of(files_->sync_directory(at("missing"))), ENOENT);
  EXPECT_EQ(error_of(files_->sync_directory(at("log"))), ENOTDIR);
}

TEST_P(file_system_test, what_was_brought_in_is_cached) {
  const std::string text(300'000, 'x');
  write("log", text);
  const auto source = opened("log", open_mode::read);
  EXPECT_TRUE(source->bring_in(0, text.size()));
  EXPECT_TRUE(source->is_cached(0, text.size()));
  EXPECT_TRUE(source->is_cached(17, 0));
  EXPECT_TRUE(source->bring_in(200'000, 200'000)) << "a range that goes on after the end of the file";
  std::vector<std::byte> got(text.size() + 1);
  EXPECT_EQ(read_at(*source, got, 0, patience::never_waits), text.size());
  EXPECT_EQ(as_text(got).substr(0, text.size()), text);
}

TEST_P(file_system_test, space_available_is_within_capacity) {
  const auto space = files_->space(home_.path());
  ASSERT_TRUE(space);
  EXPECT_GT(space->capacity_bytes, 0U);
  EXPECT_LE(space->available_bytes, space->capacity_bytes);
  EXPECT_EQ(error_of(files_->space(at("missing"))), ENOENT);
}

TEST_P(file_system_test, replace_file_puts_the_whole_content_and_leaves_nothing_else) {
  ASSERT_TRUE(replace_file(*files_, at("checkpoint"), as_bytes("a long first content")));
  ASSERT_TRUE(replace_file(*files_, at("checkpoint"), as_bytes("short")));
  EXPECT_EQ(content("checkpoint"), "short");
  EXPECT_THAT(names(), UnorderedElementsAre("checkpoint"));
}

TEST_P(file_system_test, replace_file_is_not_misled_by_an_older_temporary_file) {
  write("checkpoint.tmp", "left by a crash, and longer than what comes");
  ASSERT_TRUE(replace_file(*files_, at("checkpoint"), as_bytes("short")));
  EXPECT_EQ(content("checkpoint"), "short");
}

TEST_P(file_system_test, read_file_refuses_what_is_larger_than_allowed) {
  write("log", "0123456789");
  EXPECT_EQ(read_file(*files_, at("log"), 10)->size(), 10U);
  EXPECT_EQ(error_of(read_file(*files_, at("log"), 9)), EFBIG);
  EXPECT_EQ(error_of(read_file(*files_, at("missing"), 9)), ENOENT);
}

TEST_P(file_system_test, random_writes_and_truncations_match_a_string) {
  std::mt19937_64 random(test::random_seed());
  const auto target = opened("log");
  std::string model;
  for (int step = 0; step < 500; ++step) {
    if (random() % 5 == 0) {
      model.resize(random() % 20'000);
      ASSERT_TRUE(target->truncate(model.size()));
    } else {
      const std::string text(random() % 3000, static_cast<char>('a' + random() % 26));
      const std::size_t position = random() % 20'000;
      if (!text.empty()) {
        model.resize(std::max(model.size(), position + text.size()));
        model.replace(position, text.size(), text);
      }
      ASSERT_TRUE(target->write_at(as_bytes(text), position));
    }
    ASSERT_EQ(target->size(), model.size()) << "step " << step;
  }
  EXPECT_EQ(content("log"), model);
}

INSTANTIATE_TEST_SUITE_P(, file_system_test, ::testing::Values(kind::posix, kind::fault),
                         [](const auto& each) { return each.param == kind::posix ? "posix" : "fault"; });

TEST(posix_file_system_test, positions_beyond_the_kernels_are_refused) {
  const test::temp_directory home;
  const auto files = make_posix_file_system();
  const auto target = files->open(home.path() / "log", open_mode::create);
  ASSERT_TRUE(target);
  const std::uint64_t far = std::uint64_t{1} << 63;
  std::byte one{};
  EXPECT_EQ(error_of((*target)->write_at(base::byte_view(&one, 1), far)), EFBIG);
  EXPECT_EQ(error_of((*target)->read_at(base::byte_span(&one, 1), far)), EOVERFLOW);
  EXPECT_EQ(error_of((*target)->truncate(far)), EFBIG);
}

TEST(posix_file_system_test, descriptors_are_not_inherited_and_close_with_the_file) {
  const test::temp_directory home;
  const auto files = make_posix_file_system();
  auto target = files->open(home.path() / "log", open_mode::create).value();
  const int descriptor = target->descriptor();
  EXPECT_EQ(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  target.reset();
  EXPECT_EQ(fcntl(descriptor, F_GETFD), -1);
}

TEST(posix_file_system_test, evicted_range_is_not_cached_until_it_is_brought_in) {
  const test::temp_directory home;
  const auto files = make_posix_file_system();
  const auto target = files->open(home.path() / "log", open_mode::create).value();
  const std::vector<std::byte> content(1 << 20);
  ASSERT_TRUE(target->write_at(content, 0));
  ASSERT_TRUE(target->sync_data());
  ASSERT_EQ(posix_fadvise(target->descriptor(), 0, 0, POSIX_FADV_DONTNEED), 0);
  if (target->is_cached(0, content.size()))
    GTEST_SKIP() << "this file system does not let go or does not tell";
  std::vector<std::byte> got(content.size());
  const auto cached = read_at(*target, got, 0, patience::never_waits);
  ASSERT_FALSE(cached);
  EXPECT_TRUE(would_wait(cached.error()));
  ASSERT_TRUE(target->bring_in(0, content.size()));
  EXPECT_TRUE(target->is_cached(0, content.size()));
  EXPECT_EQ(read_at(*target, got, 0, patience::never_waits), content.size());
}

TEST(posix_file_system_test, old_data_that_was_brought_in_gives_way_to_what_is_brought_in_later) {
  constexpr std::uint64_t piece_bytes = 1 << 20;
  const test::temp_directory home;
  const auto traffic = std::make_shared<disk_traffic>(2 * piece_bytes);
  const posix_file target(open_descriptor(home.path() / "log", O_RDWR | O_CREAT).value(), "log", traffic);
  const std::vector<std::byte> content(4 * piece_bytes);
  ASSERT_EQ(pwrite(target.descriptor(), content.data(), content.size(), 0),
            static_cast<ssize_t>(content.size()));
  ASSERT_EQ(fdatasync(target.descriptor()), 0);
  ASSERT_EQ(posix_fadvise(target.descriptor(), 0, 0, POSIX_FADV_DONTNEED), 0);
  if (target.is_cached(0, content.size()))
    GTEST_SKIP() << "this file system does not let go or does not tell";
  for (std::uint64_t at = 0; at < content.size(); at += piece_bytes) {
    ASSERT_TRUE(target.bring_in(at, piece_bytes));
    EXPECT_TRUE(target.is_cached(at, piece_bytes));
  }
  EXPECT_FALSE(target.is_cached(0, piece_bytes));
  EXPECT_TRUE(target.is_cached(2 * piece_bytes, 2 * piece_bytes));
}

TEST(posix_file_system_test, old_data_that_is_read_by_the_byte_is_not_remembered_without_end) {
  const test::temp_directory home;
  const auto file = std::make_shared<const owned_descriptor>(
      open_descriptor(home.path() / "log", O_RDWR | O_CREAT).value());
  cold_pages pages(1 << 20);
  for (std::uint64_t at = 0; at < 10'000; ++at) pages.brought_in(file, at, 1);
  EXPECT_GT(pages.ranges(), 0U);
  EXPECT_LE(pages.ranges(), 16U);
}

}  // namespace
}  // namespace tidelog::io
