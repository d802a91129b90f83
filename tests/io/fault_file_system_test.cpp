// The fault injector itself: tests above believe what it says was lost.

#include "support/fault_file_system.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace tidelog::test {
namespace {

using base::as_bytes;
using base::as_text;
using io::open_mode;

[[nodiscard]] std::shared_ptr<io::file> opened(io::file_system& files, const io::path& name) {
  return files.open(name, open_mode::create).value();
}

[[nodiscard]] std::string content(io::file_system& files, const io::path& name) {
  const auto bytes = io::read_file(files, name, 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : "error " + bytes.error().code.message();
}

/// A durable file with a durable text in it.
[[nodiscard]] std::shared_ptr<io::file> durable_file(fault_file_system& files, std::string_view text) {
  auto made = opened(files, "/log");
  EXPECT_TRUE(made->write_at(as_bytes(text), 0));
  files.make_durable();
  return made;
}

template <class T>
[[nodiscard]] int error_of(const base::result<T>& outcome) {
  return outcome ? 0 : outcome.error().code.value();
}

TEST(fault_file_system_test, power_cut_takes_unsynced_bytes_and_leaves_synced_ones) {
  fault_file_system files;
  const auto log = durable_file(files, "");
  ASSERT_TRUE(log->write_at(as_bytes("synced"), 0));
  ASSERT_TRUE(log->sync_data());
  ASSERT_TRUE(log->write_at(as_bytes(" lost"), 6));
  ASSERT_TRUE(log->write_at(as_bytes("S"), 0));
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/log"), "synced");
}

TEST(fault_file_system_test, process_death_keeps_unsynced_bytes_but_does_not_make_them_durable) {
  fault_file_system files;
  ASSERT_TRUE(durable_file(files, "a")->write_at(as_bytes("b"), 1));
  files.restart(unsynced::kept);
  EXPECT_EQ(content(files, "/log"), "ab");
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/log"), "a");
}

TEST(fault_file_system_test, unsynced_truncation_is_undone_by_a_power_cut) {
  fault_file_system files;
  ASSERT_TRUE(durable_file(files, "0123456789")->truncate(3));
  EXPECT_EQ(content(files, "/log"), "012");
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/log"), "0123456789");
}

TEST(fault_file_system_test, failed_sync_loses_bytes_that_no_later_sync_brings_back) {
  fault_file_system files;
  const auto log = durable_file(files, "old");
  files.inject({.what = operation::sync, .error_number = EIO});
  ASSERT_TRUE(log->write_at(as_bytes("NEW"), 0));
  EXPECT_EQ(error_of(log->sync_data()), EIO);
  EXPECT_EQ(content(files, "/log"), "NEW") << "the page cache goes on showing what is lost";
  ASSERT_TRUE(log->write_at(as_bytes("!"), 3));
  EXPECT_TRUE(log->sync_data());
  EXPECT_EQ(content(files, "/log"), "NEW!");
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/log"), "old!");
}

TEST(fault_file_system_test, failed_write_back_is_told_once_to_who_had_the_file_open_or_held) {
  fault_file_system files;
  auto log = durable_file(files, "old");
  ASSERT_TRUE(log->write_at(as_bytes("NEW"), 0));
  files.fail_write_back();
  EXPECT_EQ(error_of(log->sync_data()), EIO);
  EXPECT_TRUE(log->sync_data());

  ASSERT_TRUE(log->write_at(as_bytes("AND"), 0));
  auto hold = log->hold();
  ASSERT_TRUE(hold);
  log.reset();
  files.fail_write_back();
  log = opened(files, "/log");
  hold->reset();
  EXPECT_EQ(error_of(log->sync_data()), EIO);

  ASSERT_TRUE(log->write_at(as_bytes("YET"), 0));
  files.fail_write_back();
  log.reset();
  EXPECT_TRUE(opened(files, "/log")->sync_data()) << "nobody kept the error";
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/log"), "old");
}

TEST(fault_file_system_test, new_name_needs_a_sync_of_its_directory) {
  fault_file_system files;
  ASSERT_TRUE(opened(files, "/a")->sync_data());
  ASSERT_TRUE(opened(files, "/b")->sync_data());
  files.restart(unsynced::lost);
  EXPECT_EQ(files.exists("/a"), false) << "a synced file under a name that is not durable";

  const auto kept = opened(files, "/a");
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(kept->write_at(as_bytes("lost"), 0));
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/a"), "") << "a durable name of a file that is not synced";
}

TEST(fault_file_system_test, unsynced_removal_and_rename_are_undone_by_a_power_cut) {
  fault_file_system files;
  ASSERT_TRUE(files.make_directories("/d/e"));
  for (const char* name : {"/d/removed", "/d/from", "/d/e/below"}) {
    ASSERT_TRUE(opened(files, name)->write_at(as_bytes(name), 0));
  }
  files.make_durable();
  ASSERT_TRUE(files.remove_file("/d/removed"));
  ASSERT_TRUE(files.rename("/d/from", "/d/to"));
  ASSERT_TRUE(files.remove_tree("/d/e"));
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/d/removed"), "/d/removed");
  EXPECT_EQ(content(files, "/d/from"), "/d/from");
  EXPECT_EQ(files.exists("/d/to"), false);
  EXPECT_EQ(content(files, "/d/e/below"), "/d/e/below");

  ASSERT_TRUE(files.rename("/d/from", "/d/to"));
  ASSERT_TRUE(files.sync_directory("/d"));
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/d/to"), "/d/from");
  EXPECT_EQ(files.exists("/d/from"), false);
}

TEST(fault_file_system_test, random_power_cut_never_harms_what_is_durable_and_never_invents_bytes) {
  const auto seed = random_seed();
  bool all_kept = false;
  bool none_kept = false;
  bool torn = false;
  for (std::uint64_t round = 0; round < 300; ++round) {
    fault_file_system files;
    const std::string durable(5000, 'd');
    const auto log = durable_file(files, durable);
    const std::string first(3000, '1');
    const std::string second(9000, '2');
    ASSERT_TRUE(log->write_at(as_bytes(first), durable.size()));
    ASSERT_TRUE(log->write_at(as_bytes(second), durable.size() + first.size()));
    files.restart(unsynced::random, seed + round);
    const std::string left = content(files, "/log");
    ASSERT_EQ(left.substr(0, durable.size()), durable);
    ASSERT_EQ(left.find_first_not_of(std::string_view("d12\0", 4)), std::string::npos);
    all_kept |= left == durable + first + second;
    none_kept |= left == durable;
    torn |= left.size() > durable.size() && left.find('\0') != std::string::npos;
  }
  EXPECT_TRUE(all_kept);
  EXPECT_TRUE(none_kept);
  EXPECT_TRUE(torn);
}

TEST(fault_file_system_test, random_power_cut_shows_each_block_as_it_was_at_some_moment) {
  const auto seed = random_seed();
  for (std::uint64_t round = 0; round < 200; ++round) {
    fault_file_system files;
    const auto log = durable_file(files, std::string(8192, '0'));
    for (const char version : {'1', '2', '3'}) {
      ASSERT_TRUE(log->write_at(as_bytes(std::string(8192, version)), 0));
    }
    files.restart(unsynced::random, seed + round);
    const std::string left = content(files, "/log");
    ASSERT_EQ(left.size(), 8192U);
    for (std::size_t block = 0; block < left.size(); block += 512) {
      ASSERT_EQ(left.substr(block, 512), std::string(512, left[block]));
    }
  }
}

TEST(fault_file_system_test, random_power_cut_is_the_same_for_the_same_seed) {
  const auto left_by = [](std::uint64_t seed) {
    fault_file_system files;
    const auto log = durable_file(files, "");
    for (std::uint64_t i = 0; i < 20; ++i) {
      EXPECT_TRUE(log->write_at(as_bytes(std::string(700, static_cast<char>('a' + i))), i * 700));
      EXPECT_TRUE(opened(files, "/" + std::to_string(i))->sync_data());
    }
    files.restart(unsynced::random, seed);
    std::string left = content(files, "/log");
    const auto names = files.list("/").value();
    for (const auto& each : names) left += each.name + " ";
    return left;
  };
  EXPECT_EQ(left_by(7), left_by(7));
  EXPECT_NE(left_by(7), left_by(8));
}

TEST(fault_file_system_test, rename_survives_whole_or_not_at_all) {
  bool renamed = false;
  bool not_renamed = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    fault_file_system files;
    ASSERT_TRUE(durable_file(files, "x"));
    ASSERT_TRUE(files.rename("/log", "/moved"));
    files.restart(unsynced::random, seed);
    const bool old_name = files.exists("/log").value();
    const bool new_name = files.exists("/moved").value();
    ASSERT_NE(old_name, new_name);
    (new_name ? renamed : not_renamed) = true;
  }
  EXPECT_TRUE(renamed);
  EXPECT_TRUE(not_renamed);
}

TEST(fault_file_system_test, injected_fault_fails_the_matching_operations_only) {
  fault_file_system files;
  const auto log = opened(files, "/log");
  const auto index = opened(files, "/index");
  files.inject(
      {.what = operation::write, .error_number = EIO, .path_contains = "index", .after = 1, .times = 2});
  EXPECT_EQ(error_of(log->write_at(as_bytes("x"), 0)), 0);
  EXPECT_EQ(error_of(index->write_at(as_bytes("x"), 0)), 0);
  EXPECT_EQ(error_of(index->write_at(as_bytes("x"), 1)), EIO);
  EXPECT_EQ(error_of(log->write_at(as_bytes("x"), 1)), 0);
  EXPECT_EQ(error_of(index->write_at(as_bytes("x"), 1)), EIO);
  EXPECT_EQ(error_of(index->write_at(as_bytes("x"), 1)), 0);
  EXPECT_EQ(files.faults_met(), 2U);
}

TEST(fault_file_system_test, every_operation_can_be_refused) {
  fault_file_system files;
  ASSERT_TRUE(files.make_directories("/d"));
  const auto log = opened(files, "/log");
  const auto refuse = [&](operation what) {
    files.clear_faults();
    files.inject({.what = what, .error_number = EDQUOT});
  };
  std::byte one{};
  refuse(operation::open);
  EXPECT_EQ(error_of(files.open("/new", open_mode::create)), EDQUOT);
  EXPECT_EQ(files.exists("/new"), false);
  refuse(operation::read);
  EXPECT_EQ(error_of(log->read_at(base::byte_span(&one, 1), 0)), EDQUOT);
  refuse(operation::read);
  EXPECT_EQ(error_of(log->bring_in(0, 1)), EDQUOT);
  refuse(operation::size);
  EXPECT_EQ(error_of(log->size()), EDQUOT);
  refuse(operation::truncate);
  EXPECT_EQ(error_of(log->truncate(1)), EDQUOT);
  refuse(operation::exists);
  EXPECT_EQ(error_of(files.exists("/log")), EDQUOT);
  refuse(operation::rename);
  EXPECT_EQ(error_of(files.rename("/log", "/moved")), EDQUOT);
  refuse(operation::remove);
  EXPECT_EQ(error_of(files.remove_tree("/d")), EDQUOT);
  refuse(operation::make_directory);
  EXPECT_EQ(error_of(files.make_directories("/e")), EDQUOT);
  refuse(operation::list);
  EXPECT_EQ(error_of(files.list("/d")), EDQUOT);
  refuse(operation::sync_directory);
  EXPECT_EQ(error_of(files.sync_directory("/")), EDQUOT);
  refuse(operation::lock);
  EXPECT_EQ(error_of(files.lock("/.lock")), EDQUOT);
  refuse(operation::space);
  EXPECT_EQ(error_of(files.space("/")), EDQUOT);
  files.restart(unsynced::kept);
  EXPECT_EQ(content(files, "/log"), "");
  EXPECT_EQ(files.exists("/d"), true);
}

TEST(fault_file_system_test, failing_write_may_leave_its_first_bytes) {
  fault_file_system files;
  const auto log = durable_file(files, "");
  files.inject({.what = operation::write, .error_number = ENOSPC, .bytes_written = 3});
  EXPECT_EQ(error_of(log->write_at(as_bytes("abcdef"), 0)), ENOSPC);
  EXPECT_EQ(content(files, "/log"), "abc");
}

TEST(fault_file_system_test, full_disk_refuses_growth_takes_overwrites_and_recovers) {
  fault_file_system files;
  const auto log = opened(files, "/log");
  const auto other = opened(files, "/other");
  ASSERT_TRUE(other->write_at(as_bytes("12345"), 0));
  files.set_capacity_bytes(10);
  EXPECT_EQ(error_of(log->write_at(as_bytes("abcdefgh"), 0)), ENOSPC);
  EXPECT_EQ(content(files, "/log"), "abcde");
  EXPECT_EQ(files.space("/")->available_bytes, 0U);
  EXPECT_EQ(error_of(log->write_at(as_bytes("ABCDE"), 0)), 0);
  ASSERT_TRUE(files.remove_file("/other"));
  EXPECT_EQ(error_of(log->write_at(as_bytes("abcdefgh"), 0)), 0);
}

TEST(fault_file_system_test, after_a_power_cut_everything_fails_until_restart_and_old_handles_for_good) {
  fault_file_system files;
  const auto log = durable_file(files, "x");
  auto held = files.lock("/.lock").value();
  files.cut_power();
  EXPECT_TRUE(files.is_down());
  EXPECT_EQ(error_of(log->size()), EIO);
  EXPECT_EQ(error_of(files.list("/")), EIO);
  EXPECT_EQ(error_of(files.open("/log", open_mode::read)), EIO);
  EXPECT_EQ(error_of(files.remove_file("/log")), EIO);
  EXPECT_EQ(error_of(files.rename("/log", "/moved")), EIO);
  EXPECT_EQ(error_of(files.make_directories("/d")), EIO);
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/log"), "x");
  EXPECT_EQ(error_of(log->write_at(as_bytes("y"), 0)), EIO);
  EXPECT_EQ(error_of(log->sync_data()), EIO);
  auto held_again = files.lock("/.lock");
  ASSERT_TRUE(held_again);
  held.reset();
  EXPECT_EQ(error_of(files.lock("/.lock")), EWOULDBLOCK) << "a lock of the earlier life releases nothing";
}

TEST(fault_file_system_test, file_outlives_its_file_system) {
  auto files = std::make_unique<fault_file_system>();
  const auto log = durable_file(*files, "x");
  files.reset();
  EXPECT_EQ(log->size(), 1U);
}

TEST(fault_file_system_test, evicted_file_is_cached_again_when_it_is_brought_in) {
  fault_file_system files;
  const auto log = durable_file(files, "x");
  EXPECT_TRUE(log->is_cached(0, 1));
  files.evict_page_cache();
  EXPECT_FALSE(log->is_cached(0, 1));
  ASSERT_TRUE(log->bring_in(0, 1));
  EXPECT_TRUE(log->is_cached(0, 1));
}

/// The old content or the new one, at every crash point and whatever survives: the promise of replace_file.
TEST(fault_file_system_test, volume_puts_all_on_disk_and_tells_once_of_what_failed) {
  fault_file_system files;
  const auto file = *files.open("/file", io::open_mode::create);
  const auto whole = *files.volume_of("/file");
  ASSERT_TRUE(file->write_at(as_bytes("old"), 0));
  ASSERT_TRUE(whole->sync());
  ASSERT_TRUE(file->write_at(as_bytes("new"), 0));
  files.inject({.what = operation::sync_volume, .error_number = EIO});
  EXPECT_EQ(error_of(whole->sync()), EIO);
  EXPECT_FALSE(file->sync_data()) << "the file hears of it too";
  EXPECT_EQ(error_of(whole->sync()), 0);
  files.fail_write_back();
  EXPECT_EQ(error_of(whole->sync()), EIO);
  files.restart(unsynced::lost);
  EXPECT_EQ(content(files, "/file"), "old") << "what was lost does not come by a later sync";
  EXPECT_EQ(error_of(whole->sync()), EIO) << "of a life that is over";
}

TEST(fault_file_system_test, replace_file_leaves_old_or_new_content_at_every_crash_point) {
  const auto seed = random_seed();
  const std::string old_content(3000, 'o');
  const std::string new_content(5000, 'n');
  for (const auto fate : {unsynced::lost, unsynced::random, unsynced::kept}) {
    for (std::uint64_t at = 0;; ++at) {
      fault_file_system files;
      ASSERT_TRUE(io::replace_file(files, "/file", as_bytes(old_content)));
      const auto before = files.changes();
      files.cut_power_at(before + at);
      const bool acknowledged = io::replace_file(files, "/file", as_bytes(new_content)).has_value();
      ASSERT_EQ(acknowledged, !files.is_down());
      const bool finished = !files.is_down();
      files.restart(fate, seed + at);
      const std::string left = content(files, "/file");
      ASSERT_TRUE(left == new_content || (left == old_content && !acknowledged)) << "crash at change " << at;
      if (finished) {
        EXPECT_GE(at, 6U) << "create, truncate, write, sync, rename, sync of the directory";
        break;
      }
    }
  }
}

TEST(fault_file_system_test, replace_file_reports_every_failure_and_keeps_the_old_content) {
  for (const auto what :
       {operation::open, operation::truncate, operation::write, operation::sync, operation::rename}) {
    fault_file_system files;
    ASSERT_TRUE(io::replace_file(files, "/file", as_bytes("old")));
    files.inject({.what = what, .error_number = ENOSPC, .bytes_written = 1});
    EXPECT_EQ(error_of(io::replace_file(files, "/file", as_bytes("new"))), ENOSPC);
    EXPECT_EQ(content(files, "/file"), "old");
    EXPECT_EQ(files.exists("/file.tmp"), false);
    EXPECT_TRUE(io::replace_file(files, "/file", as_bytes("new")));
  }
}

}  // namespace
}  // namespace tidelog::test
