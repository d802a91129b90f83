#include "ledger.hpp"

#include <fmt/core.h>

#include <charconv>
#include <stdexcept>

namespace tidelog::test {
namespace {

std::string text_of(const record_identity& record) {
  return fmt::format("record {} of producer {}", record.number, record.producer);
}

[[noreturn]] void broken(const model::topic_partition& at, std::int64_t offset, const std::string& what) {
  throw std::runtime_error(fmt::format("{} at offset {}: {}", at.text(), offset, what));
}

}  // namespace

std::string value_of(const record_identity& of) {
  auto value = fmt::format("{} {} ", of.producer, of.number);
  auto state =
      static_cast<std::uint64_t>(of.number) * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(of.producer);
  const auto size = state % 16 == 0 ? 3000 : state % 200;
  for (std::uint64_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    value += static_cast<char>('a' + (state >> 60));
  }
  return value;
}

record_identity identity_of(std::string_view value) {
  record_identity found;
  const auto* const end = value.data() + value.size();
  const auto producer = std::from_chars(value.data(), end, found.producer);
  if (producer.ec == std::errc{} && producer.ptr < end) std::from_chars(producer.ptr + 1, end, found.number);
  if (value_of(found) != value)
    throw std::runtime_error(fmt::format("nobody sent the value '{:.60}'", value));
  return found;
}

void ledger::add_producer(int producer, delivery_promise promise) {
  const std::lock_guard lock(mutex_);
  producers_[producer] = promise;
}

void ledger::promise(const model::topic_partition& at, model::offset offset, const record_identity& record) {
  const auto [place, is_new] = promised_[at].emplace(offset.value(), record);
  if (!is_new && place->second != record) {
    broken(at, offset.value(),
           fmt::format("{} is promised, and so is {}", text_of(place->second), text_of(record)));
  }
}

void ledger::acknowledged(const model::topic_partition& at, model::offset base_offset,
                          const record_identity& first, std::int64_t count) {
  const std::lock_guard lock(mutex_);
  for (std::int64_t i = 0; i < count; ++i) promise(at, base_offset + i, {first.producer, first.number + i});
  ++acknowledgements_;
}

void ledger::shown_to_a_consumer(const model::topic_partition& at, model::offset offset,
                                 const record_identity& record) {
  const std::lock_guard lock(mutex_);
  promise(at, offset, record);
}

std::uint64_t ledger::acknowledgements() const {
  const std::lock_guard lock(mutex_);
  return acknowledgements_;
}

std::size_t ledger::promised_records() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [at, records] : promised_) count += records.size();
  return count;
}

void ledger::check(const model::topic_partition& at, const std::vector<record_identity>& stored) {
  const std::lock_guard lock(mutex_);
  const auto& promised = promised_[at];
  if (!promised.empty() && promised.rbegin()->first >= static_cast<std::int64_t>(stored.size())) {
    broken(at, promised.rbegin()->first,
           fmt::format("{} was promised and is lost; the log ends at {}", text_of(promised.rbegin()->second),
                       stored.size()));
  }
  std::map<int, std::int64_t> next_number;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto offset = static_cast<std::int64_t>(i);
    const auto& record = stored[i];
    if (const auto found = promised.find(offset); found != promised.end() && found->second != record) {
      broken(at, offset,
             fmt::format("{} was promised, {} is there", text_of(found->second), text_of(record)));
    }
    auto& next = next_number[record.producer];
    if (record.number < next) broken(at, offset, text_of(record) + " stands there twice or out of order");
    if (producers_.at(record.producer) == delivery_promise::exactly_once && record.number > next) {
      broken(at, offset, fmt::format("{} is there, number {} is not", text_of(record), next));
    }
    next = record.number + 1;
  }
  for (std::size_t i = 0; i < stored.size(); ++i)
    promise(at, model::offset(static_cast<std::int64_t>(i)), stored[i]);
}

void topic_ledger::created(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  topics_[topic] = promised_state::present;
}

void topic_ledger::deletion_begins(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  topics_[topic] = promised_state::either;
}

void topic_ledger::deleted(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  topics_[topic] = promised_state::absent;
}

void topic_ledger::check(const std::set<std::string>& present) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [topic, state] : topics_) {
    if (state == promised_state::present && !present.contains(topic)) {
      throw std::runtime_error(fmt::format("topic {} was created and is gone", topic));
    }
    if (state == promised_state::absent && present.contains(topic)) {
      throw std::runtime_error(fmt::format("topic {} was deleted and is there", topic));
    }
  }
}

}  // namespace tidelog::test
