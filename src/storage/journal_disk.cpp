#include "journal_disk.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>

namespace tidelog::storage {
namespace {

/// Records come first: a small disk is not for a journal.
constexpr std::uint64_t most_part_of_free_space = 8;

}  // namespace

journal_disk::journal_disk(io::file_system& files, io::path data_directory, const base::uuid& directory_id,
                           const sizes& bounds)
    : files_(files), directory_(std::move(data_directory)), sizes_(bounds) {
  header_.directory_id = directory_id;
}

base::status journal_disk::begin_run(file_choice choice) {
  if (choice == file_choice::only_new) {
    file_.reset();
    auto removed = files_.remove_file(name());
    if (!removed && removed.error().code != std::errc::no_such_file_or_directory) return removed;
  }
  if (!file_) {
    TIDELOG_TRY(const bool is_there, open_existing());
    if (!is_there) TIDELOG_DO(lay_out());
  }
  return write_next_header(run::next, header_.ring_blocks);
}

base::result<bool> journal_disk::open_existing() {
  TIDELOG_TRY(const bool is_there, files_.exists(name()));
  if (!is_there) return false;
  TIDELOG_TRY(const auto file, files_.open(name(), io::open_mode::read_write));
  TIDELOG_TRY(const std::uint64_t size, file->size());
  const auto found = read_journal_header(*file);
  const bool fits = found && found->directory_id == header_.directory_id &&
                    found->ring_blocks >= sizes_.first_blocks && found->ring_blocks <= sizes_.most_blocks &&
                    size >= found->file_bytes();
  if (!fits) {
    base::say_info("{} is laid out anew: {}", name().native(),
                   found ? "it has another size or belongs to another directory" : found.error().describe());
    return false;
  }
  // Who laid it out may have stopped, or failed, before its name was on disk.
  TIDELOG_DO(files_.sync_directory(directory_));
  // Of a growth that came to no end.
  if (size > found->file_bytes()) TIDELOG_DO(file->truncate(found->file_bytes()));
  header_ = *found;
  file_ = file;
  return true;
}

base::status journal_disk::check_room_for(std::uint64_t bytes) const {
  TIDELOG_TRY(const auto space, files_.space(directory_));
  if (space.available_bytes / most_part_of_free_space >= bytes) return {};
  return base::fail_errno(ENOSPC, "{}: {} bytes would be more than an eighth of the {} that are free",
                          name().native(), bytes, space.available_bytes);
}

base::status journal_disk::lay_out() {
  header_.ring_blocks = sizes_.first_blocks;
  TIDELOG_DO(check_room_for(header_.file_bytes()));
  const io::path unfinished = name().native() + ".tmp";
  auto done = [&]() -> base::status {
    TIDELOG_TRY(const auto file, files_.open(unfinished, io::open_mode::create));
    TIDELOG_DO(file->truncate(0));
    TIDELOG_DO(fill_with_zeros(*file, 0, header_.file_bytes()));
    header_.generation = 0;
    header_.run_id = base::random_uuid();
    TIDELOG_DO(file->write_at(encode_journal_header(header_), journal_header_position(header_.generation)));
    TIDELOG_DO(file->sync_data());
    TIDELOG_DO(files_.rename(unfinished, name()));
    return files_.sync_directory(directory_);
  }();
  if (!done) {
    // So much of nothing must not stay on a disk that may be full.
    static_cast<void>(files_.remove_file(unfinished));
    return done;
  }
  TIDELOG_TRY(file_, files_.open(name(), io::open_mode::read_write));
  return {};
}

base::result<std::shared_ptr<journal_growth>> journal_disk::begin_growth(std::uint64_t ring_blocks) {
  TIDELOG_DO(check_room_for((ring_blocks - header_.ring_blocks) * journal_block_bytes));
  TIDELOG_TRY(auto again, files_.open(name(), io::open_mode::read_write));
  return std::make_shared<journal_growth>(std::move(again), header_, ring_blocks);
}

base::status journal_disk::take(const journal_growth& growth) {
  return write_next_header(run::same, growth.ring_blocks());
}

base::status journal_disk::write_next_header(run of, std::uint64_t ring_blocks) {
  // After a failure the next attempt writes to the same place: what lies in the other is on disk.
  auto next = header_;
  ++next.generation;
  next.ring_blocks = ring_blocks;
  if (of == run::next) next.run_id = base::random_uuid();
  TIDELOG_DO(file_->write_at(encode_journal_header(next), journal_header_position(next.generation)));
  TIDELOG_DO(file_->sync_data());
  header_ = next;
  return {};
}

base::status journal_disk::write_group(base::byte_view group, std::uint64_t block) {
  constexpr std::uint64_t ring_begin = journal_header_blocks * journal_block_bytes;
  const std::uint64_t position = block * journal_block_bytes;
  const auto front = group.first(std::min<std::uint64_t>(group.size(), header_.ring_bytes() - position));
  TIDELOG_DO(file_->write_at(front, ring_begin + position));
  if (front.size() < group.size()) TIDELOG_DO(file_->write_at(group.subspan(front.size()), ring_begin));
  return file_->sync_data();
}

base::status journal_disk::end_run() {
  if (!file_) {
    TIDELOG_TRY(const bool is_there, open_existing());
    if (!is_there) return {};
  }
  return write_next_header(run::next, header_.ring_blocks);
}

}  // namespace tidelog::storage
