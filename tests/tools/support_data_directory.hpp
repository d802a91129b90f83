#pragma once
// What the tests of verify, repair and dump share: a data directory on the disk, ways to harm it, and the commands.

#include "log_repair.hpp"
#include "log_verify.hpp"
#include "support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace tidelog::tools {

namespace fs = std::filesystem;

/// Three records of producer 7, in one of the compressions.
[[nodiscard]] std::vector<std::byte> make_batch(int number);

struct outcome {
  int code;
  std::string printed;
  std::string complained;
};
/// The command `tidelog` with these words.
[[nodiscard]] outcome run(std::vector<std::string> words);

[[nodiscard]] std::string content(const fs::path& file);
void write(const fs::path& file, const std::string& bytes);
void flip(const fs::path& file, std::uint64_t position, unsigned char mask = 0x10);
/// Where the batches of a segment begin.
[[nodiscard]] std::vector<std::uint64_t> positions(const fs::path& segment);

[[nodiscard]] bool has(const verify_summary& summary, std::string_view kind, severity level);
[[nodiscard]] std::string listed(const verify_summary& summary);

/// A directory that a broker stopped cleanly: one partition of several segments with every compression.
class data_directory_test : public testing::Test {
 protected:
  void SetUp() override;

  [[nodiscard]] fs::path root() const { return directory_.path() / "data"; }
  [[nodiscard]] fs::path partition() const { return root() / "orders-0"; }
  [[nodiscard]] std::vector<fs::path> files_of(std::string_view suffix) const;
  void stop_uncleanly() const;

  verify_summary verify(std::size_t jobs = 2);
  /// Returns the folder that has what was removed.
  io::path repair();
  void expect_clean_after_repair();

  static constexpr int batches = 60;
  test::temp_directory directory_;
  std::unique_ptr<io::file_system> files_ = io::make_posix_file_system();
};

}  // namespace tidelog::tools
