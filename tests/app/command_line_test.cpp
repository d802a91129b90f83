#include "command_line.hpp"

#include <gtest/gtest.h>

namespace tidelog::app {
namespace {

command_line parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tidelogd");
  return parse_command_line(arguments, "1.2.3");
}

TEST(command_line, without_options_the_daemon_runs) {
  const auto parsed = parse({});
  EXPECT_FALSE(parsed.exit);
  EXPECT_EQ(parsed.action, daemon_action::run);
  EXPECT_FALSE(parsed.source.file);
  EXPECT_FALSE(parsed.source.data_directory);
}

TEST(command_line, options_reach_the_settings) {
  const auto parsed = parse({"--config", "c.toml", "--data-dir", "d", "--listen", "a:1", "--listen", "b:2",
                             "--set", "k=v=w", "--check-config"});
  EXPECT_FALSE(parsed.exit) << parsed.text;
  EXPECT_EQ(parsed.source.file, "c.toml");
  EXPECT_EQ(parsed.source.data_directory, "d");
  EXPECT_EQ(parsed.source.listen, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(parsed.source.assignments, (std::vector<std::string>{"k=v=w"}));
  EXPECT_EQ(parsed.action, daemon_action::check_config);
}

TEST(command_line, brackets_and_commas_of_a_value_are_its_own) {
  const auto parsed =
      parse({"--listen", "[::1]:0", "--set", "log.cleanup.policy=compact,delete", "--print-config"});
  EXPECT_FALSE(parsed.exit) << parsed.text;
  EXPECT_EQ(parsed.source.listen, (std::vector<std::string>{"[::1]:0"}));
  EXPECT_EQ(parsed.source.assignments, (std::vector<std::string>{"log.cleanup.policy=compact,delete"}));
  EXPECT_EQ(parsed.action, daemon_action::print_config);
}

TEST(command_line, help_and_version_are_texts) {
  EXPECT_EQ(parse({"--version"}).exit, exit_code::well);
  EXPECT_EQ(parse({"--version"}).text, "tidelogd 1.2.3\n");
  const auto help = parse({"--help"});
  EXPECT_EQ(help.exit, exit_code::well);
  EXPECT_NE(help.text.find("Examples:"), std::string::npos);
}

TEST(command_line, mistakes_are_bad_usage) {
  EXPECT_EQ(parse({"--no-such-option"}).exit, exit_code::bad_usage);
  EXPECT_EQ(parse({"stray"}).exit, exit_code::bad_usage);
  EXPECT_EQ(parse({"--check-config", "--print-config"}).exit, exit_code::bad_usage);
}

}  // namespace
}  // namespace tidelog::app
