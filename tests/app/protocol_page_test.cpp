// docs/protocol.md is generated from the table of handlers, as ApiVersions is answered from it.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tidelog/server/server.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tidelog {
namespace {

std::string protocol_page() {
  std::string page =
      "# Protocol\n\n"
      "The APIs of the Apache Kafka protocol that are served, and their versions. This page is generated "
      "from the table\n"
      "that requests are dispatched from and ApiVersions is answered with. Produce is offered from version "
      "0, because\n"
      "librdkafka turns compression off otherwise, and served from 3. An API that is not listed, and a "
      "version outside\n"
      "its range, closes the connection; only ApiVersions itself is answered in any version.\n\n"
      "| key | API | versions |\n|---|---|---|\n";
  for (const auto& api : server::served_apis()) {
    page += fmt::format("| {} | {} | {}–{} |\n", api.key, api.name, api.min_version, api.max_version);
  }
  return page;
}

TEST(generated_files, protocol_page_is_current) {
  const auto file = std::filesystem::path(TIDELOG_TEST_DATA) / ".." / ".." / "docs" / "protocol.md";
  if (std::getenv("TIDELOG_UPDATE_GENERATED") != nullptr) std::ofstream(file) << protocol_page();
  std::stringstream content;
  content << std::ifstream(file).rdbuf();
  EXPECT_EQ(content.str(), protocol_page())
      << "run app_test with TIDELOG_UPDATE_GENERATED=1 to write it anew";
}

}  // namespace
}  // namespace tidelog
