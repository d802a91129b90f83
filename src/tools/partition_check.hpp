#pragma once
// Checks one partition's directory: its segments, and what lies beside them.

#include "segment_check.hpp"

#include "tidelog/storage/checkpoint_file.hpp"

#include <functional>
#include <map>
#include <set>

namespace tidelog::tools {

/// What is known of a partition from outside its directory.
struct partition_context {
  io::path root;
  /// Below the root, "orders-0".
  std::string directory;
  offset_gaps gaps = offset_gaps::none;
  bool stopped_cleanly = false;
  /// Up to there all was on disk, as far as the checkpoint tells.
  std::optional<model::offset> recovery_point{};
  /// Of the topic by the metadata log, as text; nothing where that says nothing of it.
  std::optional<std::string> topic_id{};
  /// The metadata log was read, so that a topic without an id in it does not exist.
  bool metadata_known = false;
};

class partition_check {
 public:
  /// Reads the directory and the small files, not the segments. Fails with an errno.
  [[nodiscard]] static base::result<std::unique_ptr<partition_check>> open(io::file_system& files,
                                                                           partition_context context);

  [[nodiscard]] const std::vector<segment_task>& tasks() const { return tasks_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// For records of the metadata log. Set it before the tasks are run.
  void set_record_listener(const std::function<void(model::offset, const nlohmann::json&)>& listener);
  /// For reports in the order of the tasks: adds what only shows when they are put together.
  void finish(std::vector<segment_report> reports);

  [[nodiscard]] std::vector<finding>& findings() { return findings_; }
  /// After finish(): where the log will end once what was found is repaired, or recovered.
  [[nodiscard]] model::offset log_end() const { return log_end_; }
  /// After finish(): the newest before that end.
  [[nodiscard]] model::leader_epoch newest_epoch() const { return newest_epoch_; }
  /// By partition.metadata, else by the metadata log, as text.
  [[nodiscard]] const std::optional<std::string>& topic_id() const { return topic_id_; }
  /// After finish(): the disk gave all segments.
  [[nodiscard]] bool is_readable() const { return is_readable_; }
  [[nodiscard]] const partition_context& context() const { return context_; }

 private:
  partition_check(io::file_system& files, partition_context context)
      : files_(files), context_(std::move(context)) {}
  base::status read_listing();
  base::status look_at(const io::directory_entry& entry);
  base::status read_transaction_index(const io::path& file, model::offset base);
  void check_transaction_indexes(const std::vector<segment_report>& reports);
  base::status check_snapshot(const io::path& file, model::offset at);
  base::status check_topic_id();
  base::status load_epochs();
  base::status believe_failed_sync_marker();
  void check_chain(std::vector<segment_report>& reports);
  void pass_never_begun(std::vector<segment_report>& reports, std::size_t behind);
  bool next_is_left_out(const std::vector<segment_report>& reports, std::size_t of);
  void go_on_behind_damage(std::vector<segment_report>& reports);
  void set_aside_behind(std::vector<segment_report>& reports, std::size_t last_kept);
  void check_epochs(const std::vector<segment_report>& reports);
  void add(severity level, std::string_view kind, const io::path& file, std::string what,
           std::vector<repair_step> steps = {});

  io::file_system& files_;
  partition_context context_;
  /// Of all files in the directory.
  std::set<std::string> names_;
  std::vector<segment_task> tasks_;
  std::vector<finding> findings_;
  std::vector<std::pair<model::offset, io::path>> snapshots_;
  /// By the base of their segments.
  std::map<model::offset, found_transaction_index> transaction_indexes_;
  std::vector<storage::epoch_entry> epochs_;
  enum class epoch_file { absent, read, damaged } epoch_file_ = epoch_file::absent;
  std::string epoch_fault_;
  std::uint64_t bytes_ = 0;
  bool is_readable_ = true;
  bool segments_missing_ = false;
  model::offset log_end_{};
  model::leader_epoch newest_epoch_ = model::no_leader_epoch;
  std::optional<std::string> topic_id_;
};

/// "00000000000000001530" and what follows it, as ".log".
struct segment_file_name {
  model::offset base;
  std::string_view suffix;
};
[[nodiscard]] std::optional<segment_file_name> parse_segment_file_name(std::string_view name);

}  // namespace tidelog::tools
