#include "batch_search.hpp"

#include "tidelog/base/crc32c.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

constexpr std::size_t buffer_bytes = 1024 * 1024;
constexpr std::uint64_t header_bytes = base::limits::record_batch_header_bytes;
constexpr std::uint64_t least_budget_bytes = 64 * 1024 * 1024;
/// How often, on average, a byte behind the damage may be looked at.
constexpr std::uint64_t looks_per_byte = 16;

}  // namespace

bool may_follow(const model::record_batch_header& batch, model::offset expected, model::offset segment_base) {
  return model::check_header(batch) && batch.base_offset() >= expected &&
         batch.last_offset() - segment_base <= std::numeric_limits<std::int32_t>::max();
}

batch_checker::batch_checker(const io::file& file, std::uint64_t end, scan_interrupt interrupt)
    : batch_checker(
          [&file, interrupt = std::move(interrupt)](base::byte_span into,
                                                    std::uint64_t at) -> base::result<std::size_t> {
            if (interrupt) TIDELOG_DO(interrupt());
            return file.read_at(into, at);
          },
          end) {}

batch_checker::batch_checker(reader read_at, std::uint64_t end)
    : read_at_(std::move(read_at)),
      end_(end),
      buffer_(static_cast<std::size_t>(std::min<std::uint64_t>(end, buffer_bytes))) {}

base::result<model::record_batch_header> batch_checker::check(std::uint64_t position) {
  TIDELOG_TRY(auto bytes, at(position, header_bytes));
  TIDELOG_TRY(auto header, model::parse_record_batch_header(bytes, end_ - position));
  const std::size_t size = header.size_bytes();
  const std::uint32_t expected = header.crc();
  TIDELOG_DO(model::check_header(header));
  // The header may have to be read again at the end, when the batch is larger than the buffer.
  TIDELOG_TRY(const std::uint32_t actual,
              extend_checksum(0, position + model::batch_position::attributes, position + size));
  if (actual != expected) return base::fail(model::batch_errc::bad_crc, "at position {}", position);
  TIDELOG_TRY(bytes, at(position, header_bytes));
  return model::parse_record_batch_header(bytes, end_ - position);
}

base::result<bool> batch_checker::only_zeros_from(std::uint64_t position) {
  while (position < end_) {
    TIDELOG_TRY(const auto bytes, at(position, 1));
    if (bytes.empty()) return true;
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte value) { return value != std::byte{0}; }))
      return false;
    position += bytes.size();
  }
  return true;
}

base::result<base::byte_view> batch_checker::at(std::uint64_t position, std::size_t wanted) {
  const std::uint64_t left = end_ - position;
  const auto needed = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, left));
  if (position < from_ || position + needed > from_ + filled_) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
    filled_ = 0;
    TIDELOG_TRY(filled_, read_at_(base::byte_span(buffer_.data(), piece), position));
    from_ = position;
  }
  const auto skipped = static_cast<std::size_t>(position - from_);
  return base::byte_view(buffer_.data() + std::min(skipped, filled_), filled_ - std::min(skipped, filled_));
}

base::result<base::byte_view> batch_checker::peek(std::uint64_t position) {
  const auto wanted = static_cast<std::size_t>(std::min(header_bytes, end_ - position));
  if (position >= from_ && position + wanted <= from_ + filled_) return at(position, wanted);
  TIDELOG_TRY(const std::size_t got, read_at_(base::byte_span(peeked_).first(wanted), position));
  return base::byte_view(peeked_).first(got);
}

base::result<std::uint32_t> batch_checker::extend_checksum(std::uint32_t sum, std::uint64_t from,
                                                           std::uint64_t to) {
  while (from < to) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, buffer_.size()));
    TIDELOG_TRY(const auto bytes, at(from, wanted));
    if (bytes.empty()) return base::fail(model::batch_errc::truncated_body, "at position {}", from);
    const auto part = bytes.first(std::min(bytes.size(), wanted));
    sum = base::extend_crc32c(sum, part);
    from += part.size();
  }
  return sum;
}

batch_search::batch_search(batch_checker& checker, model::offset segment_base)
    : checker_(checker), segment_base_(segment_base) {}

base::result<std::optional<model::record_batch_header>> batch_search::header_at(std::uint64_t position) {
  if (position >= checker_.end()) return std::nullopt;
  TIDELOG_TRY(const auto bytes, checker_.peek(position));
  const auto header = model::parse_record_batch_header(bytes, checker_.end() - position);
  if (!header) return std::nullopt;
  return std::optional(*header);
}

base::result<std::optional<batch_search::place>> batch_search::place_at(std::uint64_t position) {
  TIDELOG_TRY(const auto header, header_at(position));
  if (!header) return std::nullopt;
  return place{position, header->base_offset()};
}

base::result<bool> batch_search::leads_to_the_end(const wanted& what, std::uint64_t position) {
  model::offset expected{0};
  std::vector<std::uint64_t> visited;
  while (position < checker_.end() && expected < what.enough) {
    const bool is_dead_end = dead_ends_.contains(position);
    visited.push_back(position);
    spend(header_bytes);
    TIDELOG_TRY(const auto header, header_at(position));
    if (is_dead_end || !header || !may_follow(*header, expected, segment_base_)) {
      dead_ends_.insert(visited.begin(), visited.end());
      return false;
    }
    expected = header->next_offset();
    position += header->size_bytes();
  }
  return true;
}

base::result<bool> batch_search::is_good(const wanted& what, std::uint64_t position, strictness how) {
  TIDELOG_TRY(const auto header, header_at(position));
  if (!header || !may_follow(*header, what.expected, segment_base_)) return false;
  if (header->base_offset() > what.at_most) return false;
  if (how == strictness::chain) {
    TIDELOG_TRY(const bool leads, leads_to_the_end(what, position));
    if (!leads) return false;
  }
  spend(header->size_bytes());
  auto checked = checker_.check(position);
  if (!checked && checked.error().code.category() != model::batch_category())
    return base::forward_error(checked);
  return checked.has_value();
}

base::result<std::optional<batch_search::place>> batch_search::first_from(const wanted& what,
                                                                          std::uint64_t position,
                                                                          strictness how) {
  const std::uint64_t end = checker_.end();
  while (position + header_bytes <= end) {
    TIDELOG_TRY(const auto bytes, checker_.at(position, header_bytes));
    if (bytes.size() < header_bytes) return std::nullopt;
    // Only where the magic is right it pays to look closer.
    const auto magics = bytes.subspan(model::batch_position::magic, bytes.size() - header_bytes + 1);
    const auto found = std::find(magics.begin(), magics.end(), std::byte{model::record_batch_magic});
    position += static_cast<std::uint64_t>(found - magics.begin());
    if (found == magics.end()) continue;
    if (budget_ == 0) {
      if (how == strictness::chain) return std::nullopt;
      return place{position, model::no_offset};
    }
    TIDELOG_TRY(const bool good, is_good(what, position, how));
    if (good) return place_at(position);
    ++position;
  }
  return std::nullopt;
}

base::result<std::optional<std::uint64_t>> batch_search::end_by_own_word(const wanted& what) {
  // Several batches in a row may be damaged: each length leads to the next of them.
  for (wanted each = what; each.damaged_at < checker_.end();) {
    TIDELOG_TRY(const auto bytes, checker_.peek(each.damaged_at));
    if (bytes.size() < model::batch_position::leader_epoch) return std::nullopt;
    const auto length = base::load_big_endian<std::int32_t>(bytes.data() + model::batch_position::length);
    if (length < model::least_batch_length) return end_by_checksum(each);
    const std::uint64_t position =
        each.damaged_at + model::batch_position::leader_epoch + static_cast<std::uint64_t>(length);
    if (position == checker_.end()) return position;
    TIDELOG_TRY(const bool good, is_good(what, position, strictness::single_batch));
    if (good) return position;
    TIDELOG_TRY(const auto by_checksum, end_by_checksum(each));
    if (by_checksum) return by_checksum;
    each.damaged_at = position;
  }
  return std::nullopt;
}

base::result<std::optional<std::uint64_t>> batch_search::end_by_checksum(const wanted& what) {
  TIDELOG_TRY(const auto bytes, checker_.peek(what.damaged_at));
  if (bytes.size() < header_bytes) return std::nullopt;
  const auto written = base::load_big_endian<std::uint32_t>(bytes.data() + model::batch_position::crc);
  std::uint64_t done = what.damaged_at + model::batch_position::attributes;
  std::uint32_t sum = 0;
  for (std::uint64_t from = what.damaged_at + header_bytes; done < checker_.end(); from = done + 1) {
    TIDELOG_TRY(const auto next, first_from(what, from, strictness::single_batch));
    const bool is_place = next && next->base_offset != model::no_offset;
    const std::uint64_t upto = is_place ? next->position : checker_.end();
    auto extended = checker_.extend_checksum(sum, done, upto);
    if (!extended && extended.error().code.category() != model::batch_category())
      return base::forward_error(extended);
    if (!extended) return std::nullopt;
    sum = *extended;
    if (sum == written) return upto;
    done = upto;
  }
  return std::nullopt;
}

base::result<std::optional<batch_search::place>> batch_search::chain_behind(const wanted& what) {
  const std::uint64_t budget = least_budget_bytes + looks_per_byte * (checker_.end() - what.damaged_at);
  budget_ = budget;
  TIDELOG_TRY(const auto end, end_by_own_word(what));
  if (end) return place_at(*end);
  budget_ = budget;
  return first_from(what, what.damaged_at + 1, strictness::chain);
}

base::result<std::optional<batch_search::place>> batch_search::batch_behind(const wanted& what) {
  budget_ = least_budget_bytes + looks_per_byte * (checker_.end() - what.damaged_at);
  return first_from(what, what.damaged_at + 1, strictness::single_batch);
}

}  // namespace tidelog::storage
