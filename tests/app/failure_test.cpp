#include "failure.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/storage_error.hpp"

namespace tidelog::app {
namespace {

failure start_failure(start_stage stage, std::error_code code) {
  daemon_settings settings;
  settings.data_directory = "/data";
  return describe_start_failure(stage, {code, "place"}, settings);
}

std::error_code errno_code(int number) {
  return {number, std::system_category()};
}

TEST(failure, each_cause_has_its_exit_code) {
  using enum start_stage;
  EXPECT_EQ(start_failure(reserving_addresses, errno_code(EADDRINUSE)).code, exit_code::cannot_listen);
  EXPECT_EQ(start_failure(reserving_addresses, errno_code(EACCES)).code, exit_code::cannot_listen);
  EXPECT_EQ(start_failure(reserving_metrics_address, errno_code(EADDRINUSE)).code, exit_code::cannot_listen);
  EXPECT_EQ(start_failure(opening_directory, errno_code(EACCES)).code, exit_code::directory_not_writable);
  EXPECT_EQ(start_failure(opening_directory, errno_code(EROFS)).code, exit_code::directory_not_writable);
  EXPECT_EQ(start_failure(opening_directory, storage::errc::directory_locked).code,
            exit_code::directory_locked);
  EXPECT_EQ(start_failure(opening_directory, storage::errc::directory_not_writable).code,
            exit_code::directory_not_writable);
  EXPECT_EQ(start_failure(recovering, storage::errc::unknown_format_version).code,
            exit_code::unknown_format_version);
  EXPECT_EQ(start_failure(opening_directory, storage::errc::wrong_node_id).code,
            exit_code::directory_unusable);
  EXPECT_EQ(start_failure(recovering, errno_code(EIO)).code, exit_code::directory_unusable);
  EXPECT_EQ(start_failure(serving, errno_code(EMFILE)).code, exit_code::internal);
}

TEST(failure, one_line_says_what_why_and_what_to_do) {
  const auto line = start_failure(start_stage::reserving_addresses, errno_code(EADDRINUSE)).line;
  EXPECT_EQ(line,
            "cannot start: place: Address already in use; stop the other program, or listen elsewhere with "
            "--listen "
            "HOST:PORT");
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace tidelog::app
