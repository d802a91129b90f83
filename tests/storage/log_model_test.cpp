// Random operations on a log against a vector of what should be in it.
#include "support/random_seed.hpp"
#include "support_log.hpp"

#include <deque>
#include <random>

namespace tidelog::test {
namespace {

using storage::read_bound;

struct model_record {
  std::int64_t offset;
  std::int64_t timestamp;
};
struct model_batch {
  std::int64_t base;
  std::int64_t next;
  std::vector<std::byte> bytes;
  std::vector<model_record> records;
};

class log_model_test : public ::testing::Test {
 protected:
  log_model_test() : seed_(random_seed()), random_(seed_) {}

  [[nodiscard]] std::int64_t below(std::int64_t bound) {
    return std::uniform_int_distribution<std::int64_t>(0, bound - 1)(random_);
  }
  [[nodiscard]] std::int64_t end() const { return next_; }

  void open(storage::start_kind start) {
    log_ = world_->open(
        config_, {.start = start, .recovery_point = at(recovery_point_), .log_start_offset = at(start_)});
    ASSERT_EQ(log_->log_end_offset(), at(next_));
    ASSERT_EQ(log_->log_start_offset(), at(start_));
  }
  void append_one() {
    const batch_spec spec{.records = static_cast<int>(1 + below(5)),
                          .timestamp = 1'000'000 + next_ * 10 + below(200),
                          .value_bytes = static_cast<std::size_t>(below(below(10) == 0 ? 3000 : 100))};
    auto bytes = make_batch(spec);
    const auto done = log_->append(bytes, {.leader_epoch = model::leader_epoch(epoch_)});
    ASSERT_TRUE(done) << done.error().describe();
    ASSERT_EQ(done->base_offset, at(next_));
    model_batch batch{next_, next_ + spec.records, bytes, {}};
    for (int i = 0; i < spec.records; ++i) batch.records.push_back({next_ + i, spec.timestamp + i});
    next_ = batch.next;
    batches_.push_back(std::move(batch));
  }
  [[nodiscard]] std::size_t batch_of(std::int64_t offset) const {
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      if (batches_[i].next > offset) return i;
    }
    return batches_.size();
  }
  void read_one() {
    const std::int64_t from = start_ + below(next_ - start_ + 1);
    const auto limit = static_cast<std::uint64_t>(1 + below(6000));
    const auto slice = log_->read(at(from), {.max_bytes = limit}, read_bound::log_end());
    ASSERT_TRUE(slice) << slice.error().describe();
    std::vector<std::byte> expected;
    std::size_t i = batch_of(from);
    const auto bytes = bytes_of(*slice);
    std::int64_t next = from;
    // A slice may end at a segment's end; what there is must be whole batches from the right one on.
    for (; i < batches_.size() && expected.size() < bytes.size(); ++i) {
      expected.insert(expected.end(), batches_[i].bytes.begin(), batches_[i].bytes.end());
      next = batches_[i].next;
    }
    ASSERT_EQ(bytes, expected);
    ASSERT_EQ(slice->next_offset, at(next));
    ASSERT_EQ(bytes.empty(), from == next_);
    if (bytes.size() > limit) {
      ASSERT_EQ(batches_[batch_of(from)].bytes.size(), bytes.size());
    }
  }
  void look_up_time() {
    const std::int64_t wanted = 1'000'000 + below(next_ * 10 + 300);
    const auto found = log_->offset_for_timestamp(model::timestamp(wanted));
    ASSERT_TRUE(found) << found.error().describe();
    std::optional<model_record> expected;
    std::optional<model_record> largest;
    for (const auto& batch : batches_) {
      for (const auto& record : batch.records) {
        if (record.offset < start_) continue;
        if (!expected && record.timestamp >= wanted) expected = record;
        if (!largest || record.timestamp > largest->timestamp) largest = record;
      }
    }
    ASSERT_EQ(found->has_value(), expected.has_value());
    if (expected) {
      ASSERT_EQ((*found)->offset, at(expected->offset));
    }
    if (start_ != 0) return;  // a batch cut by the log start may hold the largest timestamp below it
    const auto newest = log_->max_timestamp_offset();
    ASSERT_TRUE(newest);
    ASSERT_EQ(newest->has_value(), largest.has_value());
    if (largest) {
      ASSERT_EQ((*newest)->offset, at(largest->offset));
    }
  }
  void truncate() {
    const std::int64_t wanted = start_ + below(next_ - start_ + 1);
    ASSERT_TRUE(log_->truncate_to(at(wanted)));
    while (!batches_.empty() && batches_.back().next > wanted) {
      next_ = batches_.back().base;
      batches_.pop_back();
    }
    start_ = std::min(start_, next_);
    ASSERT_EQ(log_->log_end_offset(), at(next_));
    ++epoch_;
  }
  void advance_start() {
    start_ += below(next_ - start_ + 1) / 3;
    ASSERT_TRUE(log_->advance_log_start(at(start_)));
    while (!batches_.empty() && batches_.front().next <= start_) batches_.pop_front();
  }
  void restart_cleanly() {
    ASSERT_TRUE(log_->close(storage::close_kind::clean));
    log_.reset();
    recovery_point_ = next_;
    open(storage::start_kind::clean);
  }
  void kill() {
    recovery_point_ = log_->recovery_point().value();
    log_.reset();
    files_.restart(unsynced::kept);
    world_ = std::make_unique<log_world>(files_, 8);
    open(storage::start_kind::unclean);
  }
  void damage_an_index() {
    ASSERT_TRUE(log_->close(storage::close_kind::clean));
    log_.reset();
    recovery_point_ = next_;
    const auto names = files_.list("/data/t-0");
    for (const auto& entry : *names) {
      if (entry.name.find("index") == std::string::npos || below(3) != 0) continue;
      const auto path = io::path("/data/t-0") / entry.name;
      const auto file = files_.open(path, io::open_mode::read_write);
      const auto size = static_cast<std::int64_t>(*(*file)->size());
      std::vector<std::byte> garbage(static_cast<std::size_t>(below(40)));
      for (auto& byte : garbage) byte = static_cast<std::byte>(below(256));
      switch (below(3)) {
        case 0:
          ASSERT_TRUE(files_.remove_file(path));
          break;
        case 1:
          // Not between two entries: a time index that lacks just its end cannot be told without a scan.
          ASSERT_TRUE((*file)->truncate(static_cast<std::uint64_t>(below(size + 1) / 4 * 4 + 1)));
          break;
        default:
          ASSERT_TRUE((*file)->write_at(garbage, static_cast<std::uint64_t>(size)));
      }
    }
    open(storage::start_kind::clean);
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  fault_file_system files_;
  std::unique_ptr<log_world> world_ = std::make_unique<log_world>(files_, 8);
  storage::log_config config_;
  std::unique_ptr<storage::log> log_;
  std::deque<model_batch> batches_;
  std::int64_t start_ = 0;
  std::int64_t next_ = 0;
  std::int64_t recovery_point_ = 0;
  int epoch_ = 0;
};

TEST_F(log_model_test, log_behaves_like_a_vector) {
  config_ = page_cache_config();
  config_.segment_bytes = 20000;
  config_.index_interval_bytes = 300;
  ASSERT_NO_FATAL_FAILURE(open(storage::start_kind::unclean));
  for (int step = 0; step < 4000; ++step) {
    SCOPED_TRACE(step);
    const auto what = below(1000);
    if (what < 500) {
      ASSERT_NO_FATAL_FAILURE(append_one());
    } else if (what < 880) {
      ASSERT_NO_FATAL_FAILURE(read_one());
    } else if (what < 940) {
      ASSERT_NO_FATAL_FAILURE(look_up_time());
    } else if (what < 955) {
      ASSERT_TRUE(log_->roll());
    } else if (what < 965) {
      ASSERT_NO_FATAL_FAILURE(truncate());
    } else if (what < 970) {
      ASSERT_NO_FATAL_FAILURE(advance_start());
    } else if (what < 975) {
      ASSERT_TRUE(log_->flush());
      // Often the second one finds that nobody has used it since the first.
      for (int looks = static_cast<int>(below(4)); looks > 0; --looks)
        static_cast<void>(log_->rest_if_idle());
    } else if (what < 985) {
      ASSERT_NO_FATAL_FAILURE(restart_cleanly());
    } else if (what < 993) {
      ASSERT_NO_FATAL_FAILURE(kill());
    } else {
      ASSERT_NO_FATAL_FAILURE(damage_an_index());
    }
  }
}

}  // namespace
}  // namespace tidelog::test
