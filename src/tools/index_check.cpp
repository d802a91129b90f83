#include "index_check.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

constexpr std::uint64_t most_index_bytes = std::uint64_t{1} << 28;

}  // namespace

template <class Entry>
void index_check::walked_index<Entry>::set_fault(std::string what, std::uint64_t position) {
  if (!fault.empty()) return;
  fault = std::move(what);
  fault_position = position;
}

template <class Entry>
void index_check::walked_index<Entry>::report(std::vector<finding>& into) {
  if (next < entries.size()) miss();
  if (fault.empty()) return;
  into.push_back({severity::repairable,
                  kind,
                  file,
                  fault,
                  fault_position,
                  {},
                  {},
                  {{repair_step::action::set_aside, file}}});
}

template <class Entry>
base::status index_check::load(io::file_system& files, const io::path& root, const io::path& segment,
                               model::offset base, walked_index<Entry>& into) {
  into.file = io::path(segment).replace_extension(Entry::file_suffix);
  TIDELOG_TRY(into.there, files.exists(root / into.file));
  if (!into.there) return {};
  auto content = io::read_file(files, root / into.file, most_index_bytes);
  if (!content && content.error().code == std::errc::file_too_large) {
    into.set_fault("larger than an index can be", 0);
    return {};
  }
  if (!content && is_unreadable(content.error())) {
    into.kind = "unreadable";
    into.set_fault(content.error().describe(), 0);
    return {};
  }
  if (!content) return base::forward_error(content);
  const auto is_zero = [](std::byte each) { return each == std::byte{0}; };
  // While a segment is written to, Kafka's indexes are laid out beforehand: the zeros are room.
  const auto last = std::find_if_not(content->rbegin(), content->rend(), is_zero);
  const auto used = static_cast<std::size_t>(content->rend() - last);
  const auto count = (used + Entry::size_bytes - 1) / Entry::size_bytes;
  if (content->size() % Entry::size_bytes != 0) {
    into.set_fault(fmt::format("{} bytes are no whole number of entries", content->size()),
                   content->size() / Entry::size_bytes * Entry::size_bytes);
  }
  for (std::size_t i = 0; i < count && (i + 1) * Entry::size_bytes <= content->size(); ++i) {
    const auto entry = Entry::decode(content->data() + i * Entry::size_bytes, base);
    if (!into.entries.empty() && !entry.follows(into.entries.back())) {
      into.set_fault("the entry does not rise above the one before", i * Entry::size_bytes);
      break;
    }
    into.entries.push_back(entry);
  }
  return {};
}

base::result<index_check> index_check::open(io::file_system& files, const io::path& root,
                                            const io::path& segment, model::offset base) {
  index_check made;
  TIDELOG_DO(load(files, root, segment, base, made.offsets_));
  TIDELOG_DO(load(files, root, segment, base, made.times_));
  return made;
}

void index_check::take(const model::record_batch_view& batch, std::uint64_t position) {
  take_offset(batch, position);
  take_time(batch);
  last_offset_ = batch.last_offset();
}

/// Apache Kafka before 4.1 makes one entry for all batches of an append: the first one's position, and the last one's
/// offset. A lookup that begins there finds what it wants, so that is right too.
void index_check::take_offset(const model::record_batch_view& batch, std::uint64_t position) {
  auto& offsets = offsets_;
  while (offsets.next < offsets.entries.size() && offsets.entries[offsets.next].position <= position) {
    const auto& entry = offsets.entries[offsets.next];
    if (entry.position < position) {
      offsets.miss();
    } else if (entry.last_offset < batch.last_offset()) {
      offsets.set_fault(fmt::format("the entry says offset {}, the batch ends at {}",
                                    entry.last_offset.value(), batch.last_offset().value()),
                        offsets.next * storage::offset_index_entry::size_bytes);
    }
    ++offsets.next;
  }
}

/// An entry may name a record within a batch, as Apache Kafka before 3.8 did, and a batch that compaction has emptied.
void index_check::take_time(const model::record_batch_view& batch) {
  // An emptied batch has no record that a lookup could look for; Kafka's entries count it, Tidelog's do not.
  if (batch.record_count() > 0) largest_ = std::max(largest_, batch.max_timestamp());
  auto& times = times_;
  while (times.next < times.entries.size() && times.entries[times.next].last_offset <= batch.last_offset()) {
    const auto& entry = times.entries[times.next];
    if (entry.last_offset < batch.base_offset()) {
      times.miss();
    } else if (entry.timestamp != batch.max_timestamp() || entry.timestamp < largest_) {
      times.set_fault(
          fmt::format("the entry says timestamp {}, the batch has {}, the largest up to there is {}",
                      entry.timestamp.value(), batch.max_timestamp().value(), largest_.value()),
          times.next * storage::time_index_entry::size_bytes);
    }
    ++times.next;
  }
}

std::vector<finding> index_check::findings() {
  std::vector<finding> all;
  if (!offsets_.entries.empty() && last_offset_ < offsets_.entries.back().last_offset) {
    offsets_.set_fault(fmt::format("the last entry says offset {}, the segment ends at {}",
                                   offsets_.entries.back().last_offset.value(), last_offset_.value()),
                       (offsets_.entries.size() - 1) * storage::offset_index_entry::size_bytes);
  }
  offsets_.report(all);
  times_.report(all);
  return all;
}

std::vector<repair_step> index_check::set_aside_steps() const {
  std::vector<repair_step> steps;
  if (offsets_.there) steps.push_back({repair_step::action::set_aside, offsets_.file});
  if (times_.there) steps.push_back({repair_step::action::set_aside, times_.file});
  return steps;
}

}  // namespace tidelog::tools
