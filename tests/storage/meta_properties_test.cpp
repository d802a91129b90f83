#include "tidelog/storage/meta_properties.hpp"

#include "support/fault_file_system.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {
namespace {

meta_properties sample() {
  return {.node_id = model::broker_id(1),
          .cluster_id = "TidelogPeerClusterIdAA",
          .directory_id = base::parse_uuid("EAYc0R6RKxFcCZYLQuzJig"),
          .others = {}};
}

TEST(meta_properties_test, kafkas_own_file_is_read) {
  const auto parsed = parse_meta_properties(
      "#\n#Sun Nov 22 16:12:32 UTC 2026\nnode.id=1\ndirectory.id=EAYc0R6RKxFcCZYLQuzJig\nversion=1\n"
      "cluster.id=TidelogPeerClusterIdAA\n",
      "f");
  EXPECT_EQ(parsed, sample());
}

TEST(meta_properties_test, text_is_kafkas_without_its_comment) {
  EXPECT_EQ(format_meta_properties(sample()),
            "node.id=1\ndirectory.id=EAYc0R6RKxFcCZYLQuzJig\nversion=1\ncluster.id=TidelogPeerClusterIdAA\n");
}

TEST(meta_properties_test, every_way_to_write_java_properties_is_read) {
  const auto parsed = parse_meta_properties(
      "! a comment\r\n\r\n  cluster.id : TidelogPeer\\\r\n     ClusterIdAA\r\n version 1\nnode.id\t=\t1\n"
      "  # another\ndirectory\\.id=EAYc0R6RKxFcCZYLQuzJig",
      "f");
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_EQ(*parsed, sample());
}

TEST(meta_properties_test, escapes_and_unknown_keys_survive_a_rewrite) {
  const std::string text =
      "node.id=1\ndirectory.id=EAYc0R6RKxFcCZYLQuzJig\nversion=1\ncluster.id=a\\=b\\:c\\\\\nk\\ "
      "ey=v\\#\\u00e9\n";
  const auto parsed = parse_meta_properties(text, "f");
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_EQ(parsed->cluster_id, "a=b:c\\");
  EXPECT_EQ(parsed->others.at("k ey"), "v#\\u00e9");
  EXPECT_EQ(format_meta_properties(*parsed), text);
}

TEST(meta_properties_test, directory_id_may_be_missing_and_nothing_else) {
  const auto without = parse_meta_properties("node.id=1\nversion=1\ncluster.id=c\n", "f");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->directory_id, std::nullopt);
  for (const auto* text : {"", "node.id=1\nversion=1\n", "version=1\ncluster.id=c\n",
                           "node.id=1\ncluster.id=c\n", "node.id=-1\nversion=1\ncluster.id=c\n",
                           "node.id=1\nversion=one\ncluster.id=c\n", "node.id=1\nversion=1\ncluster.id=\n",
                           "node.id=1\nversion=1\ncluster.id=c\ndirectory.id=short\n", "\\", "=\n"}) {
    const auto parsed = parse_meta_properties(text, "f");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::corrupt_meta_properties) << text;
  }
}

TEST(meta_properties_test, damage_is_told_in_readable_text) {
  const std::string begin = "node.id=1\nversion=1\n";
  for (const std::string& text :
       {begin + "cluster.id=c\ndirectory.id=\x1b[2J\xff\xfe\x01" + std::string(100'000, 'x') + "\n",
        begin + "cluster.id=\x1b[2J\xff\xfe\x01" + std::string(100'000, 'x') + "\n"}) {
    const auto parsed = parse_meta_properties(text, "f");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, errc::corrupt_meta_properties);
    EXPECT_LT(parsed.error().context.size(), 200U);
    EXPECT_NE(parsed.error().context.find("'\\x1b[2J\\xff\\xfe\\x01xxx"), std::string::npos)
        << parsed.error().context;
  }
  EXPECT_EQ(parse_meta_properties(begin + "cluster.id=c\xc3\n", "f").error().code,
            errc::corrupt_meta_properties);
  EXPECT_TRUE(parse_meta_properties(begin + "cluster.id=d\xc3\xa4mmerung\n", "f"));
}

TEST(meta_properties_test, other_versions_are_refused_as_such) {
  for (const auto* text : {"version=0\nbroker.id=1\n", "version=2\nnode.id=1\ncluster.id=c\n"}) {
    EXPECT_EQ(parse_meta_properties(text, "f").error().code, errc::unknown_format_version) << text;
  }
}

TEST(meta_properties_test, reads_what_it_wrote) {
  test::fault_file_system files;
  ASSERT_TRUE(files.make_directories("/d"));
  EXPECT_EQ(read_meta_properties(files, "/d").error().code, std::errc::no_such_file_or_directory);
  ASSERT_TRUE(write_meta_properties(files, "/d", sample()));
  EXPECT_EQ(read_meta_properties(files, "/d"), sample());
}

TEST(meta_properties_test, blanks_of_every_kind_come_back) {
  auto strange = sample();
  for (const auto* text : {"a\tb", "\tc", "d\t", "\f", " e = f "}) strange.others[text] = text;
  const auto again = parse_meta_properties(format_meta_properties(strange), "f");
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(*again, strange);
}

}  // namespace
}  // namespace tidelog::storage
