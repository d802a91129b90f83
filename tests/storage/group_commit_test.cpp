#include "tidelog/storage/group_commit.hpp"

#include "support_log.hpp"

#include <gtest/gtest.h>

#include <future>

namespace tidelog::test {
namespace {

/// Says to the committer, while it commits, that it is to be forgotten.
class impatient_source final : public storage::commit_source {
 public:
  explicit impatient_source(storage::group_commit& commits) : commits_(commits) {}
  void commit() override { commits_.forget(*this); }

 private:
  storage::group_commit& commits_;
};

TEST(group_commit_test, forgetting_within_the_commit_is_a_mistake_that_is_told_and_not_a_hang) {
  EXPECT_DEATH(
      {
        storage::group_commit commits(1);
        impatient_source source(commits);
        commits.request(source);
        std::promise<void>().get_future().wait();
      },
      "would wait for itself");
}

TEST(group_commit_test, closing_a_log_in_its_own_callback_is_a_mistake_that_is_told_and_not_a_hang) {
  EXPECT_DEATH(
      {
        fault_file_system files;
        log_world world(files);
        std::shared_ptr<storage::log> log = world.open({});
        // Before the append, so that it is called by who commits.
        log->when_committed(at(1), [log](const base::status&) {
          static_cast<void>(log->close(storage::close_kind::discard));
        });
        append(*log, {});
        std::promise<void>().get_future().wait();
      },
      "would wait for itself");
}

}  // namespace
}  // namespace tidelog::test
