// Random transactions, and all that may happen to a log, against a list of what was appended: a consumer that reads only
// what is committed, and filters as clients do, gets just the records of no transaction and of those that were committed.
#include "support/random_seed.hpp"
#include "support_cleaning.hpp"

#include "tidelog/model/transaction_end.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>

namespace tidelog::test {
namespace {

using compression = model::compression_type;
using model::transaction_outcome;

struct model_batch {
  std::int64_t base = 0;
  std::int64_t next = 0;
  std::int64_t producer = -1;
  std::optional<transaction_outcome> ends{};
};

/// What a client takes out of one answer to a fetch.
class committed_filter {
 public:
  explicit committed_filter(std::vector<storage::aborted_transaction> aborted)
      : waiting_(std::move(aborted)) {
    std::ranges::sort(waiting_, {}, &storage::aborted_transaction::first_offset);
  }
  [[nodiscard]] bool lets_through(const model::record_batch_view& batch) {
    for (; next_ < waiting_.size() && waiting_[next_].first_offset <= batch.last_offset(); ++next_)
      rolled_back_.insert(waiting_[next_].producer);
    if (batch.is_control()) {
      const auto end = *model::parse_transaction_end(batch);
      if (end && end->outcome == transaction_outcome::aborted) rolled_back_.erase(batch.producer_id());
      return false;
    }
    return !batch.is_transactional() || !rolled_back_.contains(batch.producer_id());
  }

 private:
  std::vector<storage::aborted_transaction> waiting_;
  std::size_t next_ = 0;
  std::set<model::producer_id> rolled_back_;
};

class log_transactions_model : public testing::Test {
 protected:
  log_transactions_model() : seed_(random_seed()), random_(seed_) {
    config_ = below(2) == 0 ? page_cache_config() : storage::log_config();
    config_.segment_bytes = 600 + below(3000);
    config_.snapshot_stretch_bytes = 400;
    config_.index_interval_bytes = 200;
    config_.retention_bytes = 12'000;
    open({});
  }
  [[nodiscard]] std::int64_t below(std::int64_t bound) {
    return std::uniform_int_distribution<std::int64_t>(0, bound - 1)(random_);
  }
  void open(const storage::log_open_options& options) {
    world_ = std::make_unique<log_world>(files_, 8);
    log_ = world_->open(config_, options);
  }

  /// False where the power is off.
  bool append_batch(std::vector<std::byte> bytes, model_batch made) {
    made.base = log_->log_end_offset().value();
    made.next = made.base + model::parse_record_batch(bytes)->record_count();
    const auto done = log_->append(bytes, {.origin = storage::append_origin::internal});
    if (!done) {
      EXPECT_TRUE(files_.is_down()) << done.error().describe();
      maybe_ = made;
      return false;
    }
    batches_.push_back(made);
    return true;
  }
  bool append_records(std::int64_t producer) {
    std::vector<keyed_record> records(static_cast<std::size_t>(1 + below(3)),
                                      put("k", std::string(static_cast<std::size_t>(below(60)), 'v')));
    return append_batch(make_keyed_batch(records, compression::none,
                                         {.id = producer, .sequence = -1, .transactional = producer >= 0}),
                        {.producer = producer});
  }
  bool end_transaction(std::int64_t producer) {
    const auto how = below(2) == 0 ? transaction_outcome::aborted : transaction_outcome::committed;
    return append_batch(
        model::encode_transaction_end({model::producer_id(producer), model::producer_epoch(0), how, 1},
                                      model::timestamp(1'700'000'000'000)),
        {.producer = producer, .ends = how});
  }
  bool append_something() {
    switch (below(5)) {
      case 0:
        return append_records(-1);
      case 1:
      case 2:
        return append_records(7 + below(4));
      default:
        return end_transaction(7 + below(4));
    }
  }

  /// Nothing where the batch's transaction is open.
  [[nodiscard]] std::optional<transaction_outcome> outcome_of(std::size_t batch) const {
    if (batches_[batch].producer < 0) return transaction_outcome::committed;
    for (std::size_t i = batch; i < batches_.size(); ++i) {
      if (batches_[i].producer == batches_[batch].producer && batches_[i].ends) return batches_[i].ends;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::int64_t start() const { return log_->log_start_offset().value(); }

  [[nodiscard]] std::int64_t last_stable() {
    const auto end = log_->high_watermark();
    return std::min(log_->first_unstable_offset().value_or(end), end).value();
  }
  void check_last_stable(std::int64_t stable) {
    const std::int64_t end = log_->high_watermark().value();
    std::int64_t lowest = end;
    std::int64_t highest = end;
    std::map<std::int64_t, std::int64_t> open;
    const auto bound_by = [&](std::int64_t first, std::int64_t first_here) {
      lowest = std::min(lowest, std::max(first, start()));
      highest = std::min(highest, first_here);
    };
    std::map<std::int64_t, std::int64_t> open_here;
    for (const auto& each : batches_) {
      if (each.producer < 0) continue;
      if (!each.ends) {
        open.emplace(each.producer, each.base);
        if (each.next > start()) open_here.emplace(each.producer, std::max(each.base, start()));
        continue;
      }
      if (each.base >= end && open.contains(each.producer)) {
        bound_by(open[each.producer], open_here.contains(each.producer) ? open_here[each.producer] : end);
      }
      open.erase(each.producer);
      open_here.erase(each.producer);
    }
    for (const auto& [producer, first] : open)
      bound_by(first, open_here.contains(producer) ? open_here[producer] : end);
    ASSERT_GE(stable, lowest);
    ASSERT_LE(stable, highest);
  }

  void check_reader() {
    // A marker that is committed while we look only moves it up.
    const std::int64_t stable = last_stable();
    const std::int64_t from = start() + below(stable - start() + 1);
    std::vector<std::int64_t> expected;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      if (batches_[i].ends || outcome_of(i) != transaction_outcome::committed) continue;
      for (std::int64_t offset = std::max(from, batches_[i].base);
           offset < std::min(stable, batches_[i].next); ++offset)
        expected.push_back(offset);
    }
    ASSERT_EQ(read_committed(from, stable), expected) << "from " << from << " below " << stable;
  }
  [[nodiscard]] std::vector<std::int64_t> read_committed(std::int64_t from, std::int64_t stable) {
    std::vector<std::int64_t> seen;
    for (model::offset next(from);;) {
      const auto limit = static_cast<std::uint64_t>(1 + below(1000));
      const auto slice = log_->read(next, {.max_bytes = limit}, storage::read_bound::before(at(stable)));
      EXPECT_TRUE(slice) << slice.error().describe();
      if (!slice || slice->data.length == 0) return seen;
      committed_filter filter(*log_->aborted_transactions(next, slice->next_offset));
      const auto bytes = bytes_of(*slice);
      for (base::byte_view rest(bytes); !rest.empty();) {
        const auto batch = *model::parse_record_batch(rest);
        rest = rest.subspan(batch.size_bytes());
        if (!filter.lets_through(batch)) continue;
        for (auto offset = std::max(batch.base_offset(), next); offset <= batch.last_offset();
             offset = offset + 1)
          seen.push_back(offset.value());
      }
      next = slice->next_offset;
    }
  }

  void truncate() {
    const std::int64_t end = log_->log_end_offset().value();
    ASSERT_TRUE(log_->truncate_to(at(start() + below(end - start() + 1))));
    take_end();
  }
  /// What the log does not have any more is gone.
  void take_end() {
    const std::int64_t end = log_->log_end_offset().value();
    if (maybe_ && maybe_->next == end && (batches_.empty() || batches_.back().next == maybe_->base))
      batches_.push_back(*maybe_);
    maybe_.reset();
    while (!batches_.empty() && batches_.back().next > end) batches_.pop_back();
    ASSERT_TRUE(batches_.empty() || batches_.back().next == end || end == start()) << end;
  }
  void delete_records() {
    const std::int64_t most = log_->high_watermark().value() - start();
    ASSERT_TRUE(log_->advance_log_start(at(start() + below(most + 1) / 4)));
  }
  void retain() {
    ASSERT_TRUE(log_->delete_old_segments(world_->clock.now_ms()));
    ASSERT_TRUE(log_->remove_deleted_files(world_->clock.now_ms() + below(2) * 1'000'000));
  }
  void restart_cleanly() {
    const auto log_start = log_->log_start_offset();
    ASSERT_TRUE(log_->close(storage::close_kind::clean));
    const auto point = log_->recovery_point();
    log_.reset();
    open({.start = storage::start_kind::clean, .recovery_point = point, .log_start_offset = log_start});
    take_end();
  }
  void crash() {
    const auto log_start = log_->log_start_offset();
    // The checkpoint is written now and then.
    const auto point = at(std::max(log_start.value(), log_->recovery_point().value() - below(30)));
    log_.reset();
    const unsynced fates[] = {unsynced::kept, unsynced::lost, unsynced::random};
    files_.restart(fates[below(3)], random_());
    open({.recovery_point = point, .log_start_offset = log_start});
    take_end();
  }
  void lose_power_while_appending() {
    files_.cut_power_at(files_.changes() + static_cast<std::uint64_t>(below(30)));
    while (append_something() && (below(4) != 0 || log_->flush()) && (below(6) != 0 || log_->roll())) {
      if (files_.is_down()) break;
    }
    crash();
  }
  void do_something() {
    switch (below(24)) {
      case 0:
        return truncate();
      case 1:
        return delete_records();
      case 2:
        return retain();
      case 3:
        return restart_cleanly();
      case 4:
        return crash();
      case 5:
        return lose_power_while_appending();
      case 6:
        ASSERT_TRUE(log_->roll());
        return;
      case 7:
        ASSERT_TRUE(log_->flush());
        return;
      default:
        ASSERT_TRUE(append_something());
    }
  }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  storage::log_config config_;
  fault_file_system files_;
  std::unique_ptr<log_world> world_;
  std::unique_ptr<storage::log> log_;
  std::vector<model_batch> batches_;
  std::optional<model_batch> maybe_;
};

TEST_F(log_transactions_model, readers_of_what_is_committed_get_that_and_nothing_else) {
  SCOPED_TRACE(seed_);
  for (int step = 0; step < 1500; ++step) {
    SCOPED_TRACE(step);
    do_something();
    if (HasFatalFailure()) return;
    if (step % 5 != 0) continue;
    check_reader();
    if (HasFatalFailure()) return;
    if (step % 25 != 0) continue;
    ASSERT_TRUE(log_->flush());
    check_last_stable(last_stable());
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tidelog::test
