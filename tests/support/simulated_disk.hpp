#pragma once
// What a machine's disk and page cache hold of files and directories: the state that programs see, and the part of it
// that a power cut would leave. The fault model:
//
// - A write or truncation is seen at once and durable after a sync of its file. Before that a power cut leaves each
//   block in the state after any number of the writes to it, blocks being independent of each other. The size goes
//   by the first so many changes; a hole below it reads as zeros. A truncation is ordered with what comes after it.
// - A failed sync loses the bytes that it was to write: reads go on showing them, no later sync writes them. A failed
//   write-back does the same, and is told to the next sync, unless nobody has the file open, or a hold on it, for a moment.
// - A name made, moved or removed is seen at once and durable after a sync of its directory. Before that a power
//   cut keeps any subset of the changes. A rename within a directory happens whole or not at all.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/clock.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tidelog::test {

using random_engine = std::mt19937_64;

class file_image {
 public:
  [[nodiscard]] std::uint64_t size() const { return content_.size(); }
  [[nodiscard]] std::size_t read(base::byte_span into, std::uint64_t position) const;
  void write(base::byte_view bytes, std::uint64_t position);
  void truncate(std::uint64_t size);
  void sync();
  /// As the kernel does it: each opening is told of a failure that comes while it is there, once, and a new one of those
  /// that nobody has been told of.
  class failures_told {
   public:
    explicit failures_told(const file_image& of)
        : number_(of.failures_ - (of.newest_failure_is_told_ ? 0 : 1)) {}

   private:
    friend class file_image;
    std::uint64_t number_;
  };
  /// The opening that asked for it is told by that.
  void fail_sync(failures_told& told);
  void fail_write_back();
  /// Whether there is something to tell.
  [[nodiscard]] bool tell(failures_told& told);
  /// Who has it open, or a hold on it.
  void add_user() { ++users_; }
  void remove_user();

  void lose_unsynced();
  void keep_some_unsynced(random_engine& random);
  [[nodiscard]] bool has_unsynced() const { return !pending_.empty(); }

  bool cached = true;
  bool locked = false;
  base::unix_ms modified_ms = 0;

 private:
  struct change {
    std::uint64_t position;
    std::vector<std::byte> bytes;
    std::optional<std::uint64_t> truncated_to;
    bool lost = false;
  };
  void lose_pending();

  std::vector<std::byte> content_;
  std::vector<std::byte> durable_;
  std::vector<change> pending_;
  std::size_t users_ = 0;
  std::uint64_t failures_ = 0;
  bool newest_failure_is_told_ = true;
};

struct node;
using node_pointer = std::shared_ptr<node>;
using entry_map = std::map<std::string, node_pointer, std::less<>>;

class directory_image {
 public:
  [[nodiscard]] const entry_map& entries() const { return entries_; }
  [[nodiscard]] node_pointer find(std::string_view name) const;
  /// Changes with the same number survive a power cut together or not at all. No node: the name is removed.
  void set(std::uint64_t change_number, const std::string& name, node_pointer target);
  void sync();

  void lose_unsynced();
  void keep_some_unsynced(std::uint64_t seed);

 private:
  struct change {
    std::uint64_t number;
    std::string name;
    node_pointer target;
  };
  entry_map entries_;
  entry_map durable_;
  std::vector<change> pending_;
};

/// A file or a directory.
struct node {
  std::unique_ptr<file_image> file;
  std::unique_ptr<directory_image> directory;

  [[nodiscard]] static node_pointer make_file();
  [[nodiscard]] static node_pointer make_directory();
};

/// What becomes of the tree under `root` in a power cut.
void lose_unsynced(node& root);
void keep_some_unsynced(node& root, std::uint64_t seed);
/// Everything as it is seen becomes durable.
void sync_everything(node& root);
void for_each_file(node& root, const std::function<void(file_image&)>& visit);
/// Bytes in all files that are seen.
[[nodiscard]] std::uint64_t used_bytes(const node& root);

}  // namespace tidelog::test
