#pragma once
// Holds the indexes of a segment against its batches, while these are walked.

#include "log_finding.hpp"

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/offset_index.hpp"
#include "tidelog/storage/time_index.hpp"

namespace tidelog::tools {

/// Both of them; one that is absent is fine. Give it every sound batch in order, then ask for the findings.
class index_check {
 public:
  /// `segment` is the .log file below `root`. Fails with an errno.
  [[nodiscard]] static base::result<index_check> open(io::file_system& files, const io::path& root,
                                                      const io::path& segment, model::offset base);

  void take(const model::record_batch_view& batch, std::uint64_t position);
  /// What is wrong; each is mended by setting the index aside.
  [[nodiscard]] std::vector<finding> findings();
  /// That of both, for a segment whose positions are going to change.
  [[nodiscard]] std::vector<repair_step> set_aside_steps() const;

 private:
  template <class Entry>
  struct walked_index {
    io::path file{};
    bool there = false;
    std::vector<Entry> entries{};
    std::size_t next = 0;
    std::string_view kind = "wrong_index";
    /// The first thing that is wrong.
    std::string fault{};
    std::uint64_t fault_position = 0;

    void set_fault(std::string what, std::uint64_t position);
    void miss() { set_fault("the entry points at no batch", next * Entry::size_bytes); }
    void report(std::vector<finding>& into);
  };

  template <class Entry>
  static base::status load(io::file_system& files, const io::path& root, const io::path& segment,
                           model::offset base, walked_index<Entry>& into);

  void take_offset(const model::record_batch_view& batch, std::uint64_t position);
  void take_time(const model::record_batch_view& batch);

  walked_index<storage::offset_index_entry> offsets_;
  walked_index<storage::time_index_entry> times_;
  /// Of the records so far.
  model::timestamp largest_ = model::no_timestamp;
  model::offset last_offset_ = model::no_offset;
};

}  // namespace tidelog::tools
