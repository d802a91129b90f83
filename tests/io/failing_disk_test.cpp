// What is told of a write-back that has failed, seen on a real file system whose disk fails: to who opens the file later,
// where somebody had a hold on it, and to who syncs the file system as a whole.
#include "posix_file.hpp"
#include "support/temp_directory.hpp"
#include "write_back.hpp"

#include <gtest/gtest.h>

#include "tidelog/io/file_system.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <unistd.h>

namespace tidelog::io {
namespace {

constexpr std::size_t mib = 1024UL * 1024;

/// An ext4 file system in an image that has no room for what is written to it: writes to it succeed, and their write-back
/// fails.
class full_image {
 public:
  full_image() {
    made_ = run("mkdir {0}/t {0}/fs && mount -t tmpfs -o size=24m tmpfs {0}/t") &&
            run("truncate -s 200M {0}/t/image && mkfs.ext4 -q -F -O ^has_journal {0}/t/image") &&
            run("mount -o loop {0}/t/image {0}/fs");
  }
  full_image(const full_image&) = delete;
  full_image& operator=(const full_image&) = delete;
  ~full_image() {
    static_cast<void>(run("umount {0}/fs"));
    static_cast<void>(run("umount {0}/t"));
  }
  [[nodiscard]] bool is_made() const { return made_; }
  [[nodiscard]] path root() const { return home_.path() / "fs"; }
  /// Writes more than there is room for to an open file.
  static void overfill(file& written) {
    const std::vector<std::byte> piece(mib, std::byte{7});
    for (std::size_t i = 0; i < 60; ++i) ASSERT_TRUE(written.write_at(piece, i * mib));
  }

 private:
  [[nodiscard]] bool run(const std::string& command) {
    const std::string line =
        fmt::format(fmt::runtime("(" + command + ") >/dev/null 2>&1"), home_.path().native());
    return std::system(line.c_str()) == 0;
  }

  test::temp_directory home_;
  bool made_ = false;
};

class failing_disk_test : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may mount an image";
    image_.emplace();
    if (!image_->is_made()) GTEST_SKIP() << "no loop device, or no mkfs.ext4";
  }
  std::optional<full_image> image_;
};

TEST_F(failing_disk_test, error_of_a_write_back_is_told_after_a_held_file_was_closed_and_forgotten) {
  const auto files = make_posix_file_system();
  std::unique_ptr<file_hold> hold;
  {
    const auto held = files->open(image_->root() / "held", open_mode::create);
    ASSERT_TRUE(held);
    full_image::overfill(**held);
    auto taken = (*held)->hold();
    ASSERT_TRUE(taken) << taken.error().describe();
    hold = std::move(*taken);
  }
  // Starts the write-back and waits for it; says nothing of what it met in a file.
  const int root = ::open(image_->root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  static_cast<void>(::syncfs(root));
  ::close(root);
  // The kernel lets go of what nobody uses.
  std::ofstream("/proc/sys/vm/drop_caches") << "2";
  const auto again = files->open(image_->root() / "held", open_mode::read_write);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->sync_data().error().code, std::errc::io_error);
  EXPECT_TRUE((*again)->sync_data()) << "told once";
}

TEST_F(failing_disk_test, failure_of_a_write_back_that_was_begun_early_is_left_to_the_sync) {
  const std::string name = image_->root() / "written";
  const auto written =
      std::make_shared<const owned_descriptor>(open_descriptor(name, O_RDWR | O_CREAT).value());
  full_image::overfill(*make_posix_file_system()->open(name, open_mode::read_write).value());
  // Each goes when it has done what it was asked for.
  const auto begin_early = [&] { write_back().request(written, 0, 60 * mib); };
  begin_early();
  // Waits for what has been begun; what it is told of is another descriptor's.
  const owned_descriptor other = open_descriptor(name, O_RDWR).value();
  EXPECT_NE(::fdatasync(other.number()), 0);
  begin_early();
  EXPECT_NE(::fdatasync(written->number()), 0);
}

TEST_F(failing_disk_test, volume_hears_of_a_write_back_that_failed_and_that_the_file_has_told_of_already) {
  const auto files = make_posix_file_system();
  const auto written = files->open(image_->root() / "written", open_mode::create);
  ASSERT_TRUE(written);
  const auto whole = files->volume_of(image_->root() / "written");
  ASSERT_TRUE(whole) << whole.error().describe();
  EXPECT_TRUE((*whole)->sync());
  full_image::overfill(**written);
  EXPECT_FALSE((*written)->sync_data());
  EXPECT_FALSE((*whole)->sync());
}

TEST_F(failing_disk_test, volume_has_the_directories_that_lie_on_it) {
  const auto files = make_posix_file_system();
  ASSERT_TRUE(files->make_directories(image_->root() / "below"));
  ASSERT_TRUE(files->open(image_->root() / "some-file", open_mode::create));
  const auto whole = files->volume_of(image_->root() / "some-file");
  ASSERT_TRUE(whole);
  EXPECT_TRUE((*whole)->has(image_->root() / "below"));
  EXPECT_FALSE((*whole)->has(image_->root().parent_path()));
  EXPECT_FALSE((*whole)->has(image_->root() / "missing"));
}

TEST(posix_volume_test, is_not_there_where_its_word_is_not_known_to_hold) {
  const auto files = make_posix_file_system();
  EXPECT_EQ(files->volume_of("/proc/self/status").error().code, std::errc::operation_not_supported);
  EXPECT_EQ(files->volume_of("/missing/file").error().code, std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace tidelog::io
