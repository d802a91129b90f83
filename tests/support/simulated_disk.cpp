#include "support/simulated_disk.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace tidelog::test {
namespace {

void put(std::vector<std::byte>& content, base::byte_view bytes, std::uint64_t position) {
  if (bytes.empty()) return;
  if (content.size() < position + bytes.size()) content.resize(position + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(position));
}

/// How many of `count` ordered changes are on disk. All and none are the cases that most often betray a mistake.
[[nodiscard]] std::size_t random_cut(random_engine& random, std::size_t count) {
  switch (random() % 3) {
    case 0:
      return 0;
    case 1:
      return count;
    default:
      return random() % (count + 1);
  }
}

/// Whether a change of a directory is on disk: of all directories all changes, none, or each by a coin of its own. The
/// same for the same seed and number, so that changes with one number share their fate.
[[nodiscard]] bool survives(std::uint64_t seed, std::uint64_t number) {
  switch (random_engine(seed)() % 4) {
    case 0:
      return false;
    case 1:
      return true;
    default:
      return (random_engine(seed ^ (number * 0x9e3779b97f4a7c15ULL))() & 1) != 0;
  }
}

/// Visits a node and all that can be reached from it, each once, parents before children.
void visit_tree(node& from, std::set<const node*>& seen, const std::function<void(node&)>& visit) {
  if (!seen.insert(&from).second) return;
  visit(from);
  if (!from.directory) return;
  for (const auto& [name, child] : from.directory->entries()) visit_tree(*child, seen, visit);
}

}  // namespace

std::size_t file_image::read(base::byte_span into, std::uint64_t position) const {
  if (position >= content_.size()) return 0;
  const std::size_t length = std::min<std::size_t>(into.size(), content_.size() - position);
  std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(position), length, into.begin());
  return length;
}

void file_image::write(base::byte_view bytes, std::uint64_t position) {
  put(content_, bytes, position);
  pending_.push_back({position, std::vector<std::byte>(bytes.begin(), bytes.end()), std::nullopt});
}

void file_image::truncate(std::uint64_t size) {
  content_.resize(size);
  pending_.push_back({0, {}, size});
}

void file_image::sync() {
  for (const auto& each : pending_) {
    if (each.truncated_to) {
      durable_.resize(*each.truncated_to);
    } else if (!each.lost) {
      put(durable_, each.bytes, each.position);
    }
  }
  pending_.clear();
}

void file_image::lose_pending() {
  for (auto& each : pending_) each.lost = true;
}

void file_image::fail_sync(failures_told& told) {
  lose_pending();
  told.number_ = ++failures_;
  newest_failure_is_told_ = true;
}

void file_image::fail_write_back() {
  if (pending_.empty()) return;
  lose_pending();
  if (users_ == 0) return;
  ++failures_;
  newest_failure_is_told_ = false;
}

bool file_image::tell(failures_told& told) {
  const bool is_news = std::exchange(told.number_, failures_) != failures_;
  if (is_news) newest_failure_is_told_ = true;
  return is_news;
}

void file_image::remove_user() {
  if (--users_ == 0) newest_failure_is_told_ = true;
}

void file_image::lose_unsynced() {
  content_ = durable_;
  pending_.clear();
}

void file_image::keep_some_unsynced(random_engine& random) {
  // With a fate for each block, a file of many blocks would hardly ever come through as a whole.
  const auto whole_files_fate = random() % 4;
  if (whole_files_fate == 0) sync();
  if (whole_files_fate <= 1) return lose_unsynced();
  const std::uint64_t block_bytes = random() % 2 == 0 ? 512 : 4096;
  const std::size_t size_known_to = random_cut(random, pending_.size());
  std::unordered_map<std::uint64_t, std::size_t> cuts;
  std::uint64_t size = durable_.size();
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const auto& each = pending_[i];
    if (each.truncated_to) {
      if (i >= size_known_to) break;
      size = *each.truncated_to;
      durable_.resize(size);
      continue;
    }
    if (each.lost) continue;
    if (i < size_known_to) size = std::max<std::uint64_t>(size, each.position + each.bytes.size());
    for (std::size_t done = 0; done < each.bytes.size();) {
      const std::uint64_t at = each.position + done;
      const std::size_t piece =
          std::min<std::size_t>(each.bytes.size() - done, block_bytes - at % block_bytes);
      const auto [cut, fresh] = cuts.try_emplace(at / block_bytes, 0);
      if (fresh) cut->second = random_cut(random, pending_.size());
      if (i < cut->second) put(durable_, base::byte_view(each.bytes).subspan(done, piece), at);
      done += piece;
    }
  }
  durable_.resize(size);
  lose_unsynced();
}

node_pointer directory_image::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second;
}

void directory_image::set(std::uint64_t change_number, const std::string& name, node_pointer target) {
  if (target) {
    entries_[name] = target;
  } else {
    entries_.erase(name);
  }
  pending_.push_back({change_number, name, std::move(target)});
}

void directory_image::sync() {
  durable_ = entries_;
  pending_.clear();
}

void directory_image::lose_unsynced() {
  entries_ = durable_;
  pending_.clear();
}

void directory_image::keep_some_unsynced(std::uint64_t seed) {
  for (auto& each : pending_) {
    if (!survives(seed, each.number)) continue;
    if (each.target) {
      durable_[each.name] = std::move(each.target);
    } else {
      durable_.erase(each.name);
    }
  }
  lose_unsynced();
}

node_pointer node::make_file() {
  auto made = std::make_shared<node>();
  made->file = std::make_unique<file_image>();
  return made;
}

node_pointer node::make_directory() {
  auto made = std::make_shared<node>();
  made->directory = std::make_unique<directory_image>();
  return made;
}

void lose_unsynced(node& root) {
  std::set<const node*> seen;
  visit_tree(root, seen, [](node& each) {
    if (each.directory) each.directory->lose_unsynced();
    if (each.file) each.file->lose_unsynced();
  });
}

void keep_some_unsynced(node& root, std::uint64_t seed) {
  std::set<const node*> seen;
  random_engine random(seed);
  visit_tree(root, seen, [&](node& each) {
    if (each.directory) each.directory->keep_some_unsynced(seed);
    if (each.file) each.file->keep_some_unsynced(random);
  });
}

void sync_everything(node& root) {
  std::set<const node*> seen;
  visit_tree(root, seen, [](node& each) {
    if (each.directory) each.directory->sync();
    if (each.file) each.file->sync();
  });
}

void for_each_file(node& root, const std::function<void(file_image&)>& visit) {
  std::set<const node*> seen;
  visit_tree(root, seen, [&](node& each) {
    if (each.file) visit(*each.file);
  });
}

std::uint64_t used_bytes(const node& root) {
  if (root.file) return root.file->size();
  std::uint64_t total = 0;
  for (const auto& [name, child] : root.directory->entries()) total += used_bytes(*child);
  return total;
}

}  // namespace tidelog::test
