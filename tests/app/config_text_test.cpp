// The generated files are those of the repository. TIDELOG_UPDATE_GENERATED=1 writes them anew.

#include "config_text.hpp"

#include "support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace tidelog::app {
namespace {

const std::filesystem::path repository = std::filesystem::path(TIDELOG_TEST_DATA).parent_path().parent_path();

void expect_current(const std::filesystem::path& file, const std::string& wanted) {
  if (std::getenv("TIDELOG_UPDATE_GENERATED") != nullptr) {
    std::ofstream(file, std::ios::binary) << wanted;
    return;
  }
  std::ostringstream content;
  content << std::ifstream(file, std::ios::binary).rdbuf();
  EXPECT_EQ(content.str(), wanted) << file << " is not what the table says; run this test with "
                                   << "TIDELOG_UPDATE_GENERATED=1 to write it anew";
}

TEST(generated_files, default_configuration_is_current) {
  expect_current(repository / "config" / "tidelogd.toml", default_config_file());
}

TEST(generated_files, reference_page_is_current) {
  expect_current(repository / "docs" / "configuration.md", config_reference_page());
}

TEST(annotated_config, reads_back_as_the_same_settings) {
  const auto settings =
      load_settings({.assignments = {"log.retention.hours=5", "log.cleanup.policy=delete,compact",
                                     "auto.create.topics.enable=false", "broker.rack=a \"b\" \\c",
                                     "log.cleaner.io.max.bytes.per.second=1e9"}});
  ASSERT_TRUE(settings) << settings.error().context;
  const test::temp_directory directory;
  const auto file = directory.path() / "printed.toml";
  std::ofstream(file) << annotated_config(*settings);
  const auto again = load_settings({.file = file});
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(again->configured, settings->configured);
  EXPECT_EQ(again->values, settings->values);
}

TEST(annotated_config, changed_values_stand_with_their_defaults) {
  const auto text = annotated_config(*load_settings({.assignments = {"num.partitions=3"}}));
  EXPECT_NE(text.find("# Changed; the default is 1.\n\"num.partitions\" = 3\n"), std::string::npos);
  EXPECT_NE(text.find("# \"message.max.bytes\" = 1048588\n"), std::string::npos);
}

TEST(annotated_config, every_default_is_a_line_that_can_be_uncommented) {
  std::istringstream lines(default_config_file());
  std::string active;
  for (std::string line; std::getline(lines, line);) {
    const bool is_setting = line.rfind("# \"", 0) == 0 && line.find("(default: ") == std::string::npos;
    active += (is_setting ? line.substr(2) : line) + "\n";
  }
  const test::temp_directory directory;
  const auto file = directory.path() / "all.toml";
  // What has no value stays a comment.
  std::ofstream(file) << active;
  const auto settings = load_settings({.file = file});
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_GT(settings->configured.size(), 50U);
}

}  // namespace
}  // namespace tidelog::app
