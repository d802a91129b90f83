#include "partition_promises.hpp"

#include "tidelog/model/record.hpp"

#include <algorithm>
#include <set>

namespace tidelog::test {
namespace {

constexpr std::uint64_t read_size_bytes = 2048;

[[nodiscard]] std::optional<std::string> text_of(const model::nullable_bytes& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(base::as_text(*bytes));
}

[[nodiscard]] std::vector<std::byte> bytes_of(const storage::read_slice& slice) {
  std::vector<std::byte> bytes(slice.data.length);
  const auto got = slice.data.source->read_at(bytes, slice.data.position);
  require(got.has_value(), "a slice cannot be read: {}", got ? "" : got.error().describe());
  require(*got == bytes.size(), "a slice of {} bytes has {}", bytes.size(), *got);
  return bytes;
}

template <class T>
[[nodiscard]] T must(base::result<T> outcome, const char* what) {
  require(outcome.has_value(), "{}: {}", what, outcome ? "" : outcome.error().describe());
  return std::move(*outcome);
}

}  // namespace

void partition_promises::stored(model::offset base, const sent_batch& batch) {
  require(base.value() == end_, "an append got offset {} where the log ended at {}", base.value(), end_);
  std::int64_t index = 0;
  for (const auto& record : batch.records) records_[end_++] = {record, batch.from, index++};
}

void partition_promises::refused(model::offset base, const sent_batch& batch) {
  std::int64_t index = 0;
  for (const auto& record : batch.records) {
    refused_.insert({base.value() + index, {record, batch.from, index}});
    ++index;
  }
}

void partition_promises::check(storage::log& log, last_stop how, std::mt19937_64& random) {
  if (how == last_stop::clean) refused_.clear();
  check_ends(log, how);
  const auto seen = check_content(log);
  const std::int64_t start = log.log_start_offset().value();
  const std::int64_t end = log.log_end_offset().value();
  records_.erase(records_.lower_bound(end), records_.end());
  refused_.clear();
  check_last_values(start, end, seen);
  check_lookups(log, seen, random);
  end_ = on_disk_ = end;
  highest_start_ = std::max(highest_start_, start);
}

void partition_promises::check_ends(const storage::log& log, last_stop how) const {
  const std::int64_t start = log.log_start_offset().value();
  const std::int64_t end = log.log_end_offset().value();
  require(end >= on_disk_, "the log ends at {}, up to {} it was on disk", end, on_disk_);
  if (how == last_stop::clean) {
    require(end == end_, "the log ends at {}, it was closed cleanly at {}", end, end_);
  }
  if (how == last_stop::killed) {
    require(end >= end_, "the log ends at {}, when the process died it ended at {}", end, end_);
  }
  require(log.high_watermark().value() == end, "the high watermark is {} after a start, the log ends at {}",
          log.high_watermark().value(), end);
  require(start >= kept_start_ && start <= std::max(highest_start_, kept_start_),
          "the log starts at {}, it was told to start at {} for good and never higher than {}", start,
          kept_start_, highest_start_);
}

std::vector<partition_promises::seen_record> partition_promises::check_content(storage::log& log) {
  std::vector<seen_record> seen;
  model::offset at = log.log_start_offset();
  std::int64_t expected = -1;
  while (at < log.log_end_offset()) {
    const auto slice = must(log.read(at, {.max_bytes = read_size_bytes}, storage::read_bound::log_end()),
                            "the log cannot be read");
    require(slice.data.length > 0, "nothing to read at {}, the log ends at {}", at.value(),
            log.log_end_offset().value());
    const auto bytes = bytes_of(slice);
    base::byte_view rest(bytes);
    while (!rest.empty()) {
      const auto batch = must(model::parse_record_batch(rest), "a reader meets bytes that are no batch");
      require(model::verify_crc(batch).has_value(), "the batch at {} does not check",
              batch.base_offset().value());
      const std::int64_t base = batch.base_offset().value();
      require(expected < 0 || base == expected || (config_.cleanup.compact && base > expected),
              "a batch at {} where {} is expected", base, expected);
      expected = batch.next_offset().value();
      take_batch(log, batch, seen);
      rest = rest.subspan(batch.size_bytes());
    }
    require(slice.next_offset > at, "a read at {} leads to {}", at.value(), slice.next_offset.value());
    at = slice.next_offset;
  }
  return seen;
}

void partition_promises::take_batch(const storage::log& log, const model::record_batch_view& batch,
                                    std::vector<seen_record>& seen) {
  const auto first = std::max(batch.base_offset(), log.log_start_offset());
  const auto epoch = log.epoch_at(first);
  require(epoch == batch.partition_leader_epoch(), "the batch at {} has epoch {}, the log says {}",
          first.value(), batch.partition_leader_epoch().value(),
          epoch.value_or(model::no_leader_epoch).value());
  model::record_reader reader(batch.records(), batch.record_count());
  while (const auto record = must(reader.next(), "a record cannot be read")) {
    const std::int64_t offset = model::offset_of(batch, *record).value();
    const std::int64_t timestamp = model::timestamp_of(batch, *record).value();
    if (offset < log.log_start_offset().value()) continue;
    take_record(offset, batch.producer_id(), {text_of(record->key), text_of(record->value), timestamp});
    seen.push_back({offset, timestamp});
  }
}

void partition_promises::take_record(std::int64_t offset, model::producer_id of, const sent_record& record) {
  // Two tombstones may be alike but for who sent them.
  const auto is_it = [&](const known_record& each) {
    return each.content == record && producer_id_of(each.from.sender) == of;
  };
  const auto known = records_.find(offset);
  if (known != records_.end() && is_it(known->second)) return;
  const auto [first, last] = refused_.equal_range(offset);
  const auto same = std::find_if(first, last, [&](const auto& each) { return is_it(each.second); });
  require(offset >= on_disk_ && same != last, "offset {} has a record that was not written there: '{:.40}'",
          offset, record.value.value_or("(null)"));
  records_[offset] = same->second;
}

void partition_promises::check_last_values(std::int64_t start, std::int64_t end,
                                           const std::vector<seen_record>& seen) const {
  std::set<std::int64_t> present;
  for (const auto& each : seen) present.insert(each.offset);
  std::map<std::string, std::int64_t> last_of_key;
  for (auto each = records_.lower_bound(start); each != records_.end(); ++each) {
    if (!has_been_cleaned_) {
      require(present.contains(each->first), "the record at {} is gone, the log has {} to {}", each->first,
              start, end);
    }
    if (each->second.content.key) last_of_key[*each->second.content.key] = each->first;
  }
  for (const auto& [key, offset] : last_of_key) {
    require(present.contains(offset) || !records_.at(offset).content.value,
            "the last value of key {}, at {}, is gone", key, offset);
  }
}

void partition_promises::check_lookups(storage::log& log, const std::vector<seen_record>& seen,
                                       std::mt19937_64& random) const {
  for (int i = 0; i < 3 && !seen.empty(); ++i) {
    const auto& wanted = seen[random() % seen.size()];
    const auto slice =
        must(log.read(model::offset(wanted.offset), {.max_bytes = 1}, storage::read_bound::high_watermark()),
             "a random read");
    const auto bytes = bytes_of(slice);
    const auto batch = must(model::parse_record_batch(bytes), "a random read");
    require(batch.base_offset().value() <= wanted.offset && batch.last_offset().value() >= wanted.offset,
            "a read at {} got the batch {} to {}", wanted.offset, batch.base_offset().value(),
            batch.last_offset().value());
    const auto found = must(log.offset_for_timestamp(model::timestamp(wanted.timestamp)), "a lookup by time");
    const auto first = std::find_if(seen.begin(), seen.end(), [&](const seen_record& each) {
      return each.timestamp >= wanted.timestamp;
    });
    require(found && found->offset.value() == first->offset,
            "the first record from {} on is at {}, told is {}", wanted.timestamp, first->offset,
            found ? found->offset.value() : -1);
  }
}

std::optional<model::offset> partition_promises::place_of(const batch_origin& batch) const {
  for (const auto& [offset, record] : records_) {
    if (record.from == batch) return model::offset(offset);
  }
  return std::nullopt;
}

std::size_t partition_promises::batches_of(int sender) const {
  std::size_t count = 0;
  for (const auto& [offset, record] : records_) {
    if (record.from.sender != sender) continue;
    if (record.index == 0) ++count;
    require(record.from.number + 1 == count, "batch {} of sender {} stands at {}, after {} batches",
            record.from.number, sender, offset - record.index, count);
  }
  return count;
}

}  // namespace tidelog::test
