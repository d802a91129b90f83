#pragma once
// Finding good batches behind bad bytes, and telling them from batches that are only the content of a record.

#include "scan_interrupt.hpp"

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/record_batch.hpp"

#include <array>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_set>
#include <vector>

namespace tidelog::storage {

/// True when a batch with this header may follow one that ended at `expected` in the segment of `segment_base`.
[[nodiscard]] bool may_follow(const model::record_batch_header& batch, model::offset expected,
                              model::offset segment_base);

/// Reads a file front to back in large pieces and checks batches whole, in bounded memory.
class batch_checker {
 public:
  /// As io::file::read_at().
  using reader = std::function<base::result<std::size_t>(base::byte_span into, std::uint64_t position)>;

  /// Of a file whose batches end at `end`. `file` outlives the checker. Reads fail as `interrupt` does, which is asked before
  /// each: one batch may be large, and a search behind damage long.
  batch_checker(const io::file& file, std::uint64_t end, scan_interrupt interrupt = {});
  batch_checker(reader read_at, std::uint64_t end);

  /// The batch at `position`, valid until the next call. Fails with a batch_errc or an errno.
  [[nodiscard]] base::result<model::record_batch_header> check(std::uint64_t position);
  /// Nothing but zeros from `position` to the end.
  [[nodiscard]] base::result<bool> only_zeros_from(std::uint64_t position);
  /// What there is from `position` on, at least `wanted` bytes where the file has them. Valid until the next call.
  [[nodiscard]] base::result<base::byte_view> at(std::uint64_t position, std::size_t wanted);
  /// Up to a header's bytes from `position` on, without giving up what has been read of another place.
  [[nodiscard]] base::result<base::byte_view> peek(std::uint64_t position);
  /// CRC32C of a range, going on from that of what comes before it.
  [[nodiscard]] base::result<std::uint32_t> extend_checksum(std::uint32_t sum, std::uint64_t from,
                                                            std::uint64_t to);
  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  const reader read_at_;
  const std::uint64_t end_;
  std::vector<std::byte> buffer_;
  std::uint64_t from_ = 0;
  std::size_t filled_ = 0;
  std::array<std::byte, base::limits::record_batch_header_bytes> peeked_{};
};

/// One search behind one damaged place.
class batch_search {
 public:
  struct place {
    std::uint64_t position;
    model::offset base_offset;
  };
  struct wanted {
    std::uint64_t damaged_at = 0;  ///< where the batch should be that does not check
    model::offset expected{};      ///< the offset that it should have, or a later one
    /// The batch that is looked for begins no later than this.
    model::offset at_most{std::numeric_limits<std::int64_t>::max()};
    /// A chain that has come to this offset need not reach the end of the file.
    model::offset enough{std::numeric_limits<std::int64_t>::max()};
  };

  batch_search(batch_checker& checker, model::offset segment_base);

  /// Where the batches behind the damage begin. A record's value may hold whole batches, so the damaged batch itself is
  /// asked first: a batch that checks and lies where its length, or its checksum, says that it ends. Otherwise an unbroken
  /// chain of batches in offset order that leads to the end. Nothing when there is none. Fails with an errno.
  [[nodiscard]] base::result<std::optional<place>> chain_behind(const wanted& what);
  /// Any batch that checks; also a place where looking further would cost too much, since something may be there.
  [[nodiscard]] base::result<std::optional<place>> batch_behind(const wanted& what);

 private:
  enum class strictness { chain, single_batch };
  [[nodiscard]] base::result<std::optional<place>> first_from(const wanted& what, std::uint64_t position,
                                                              strictness how);
  [[nodiscard]] base::result<bool> is_good(const wanted& what, std::uint64_t position, strictness how);
  [[nodiscard]] base::result<bool> leads_to_the_end(const wanted& what, std::uint64_t position);
  [[nodiscard]] base::result<std::optional<model::record_batch_header>> header_at(std::uint64_t position);
  [[nodiscard]] base::result<std::optional<std::uint64_t>> end_by_own_word(const wanted& what);
  [[nodiscard]] base::result<std::optional<std::uint64_t>> end_by_checksum(const wanted& what);
  [[nodiscard]] base::result<std::optional<place>> place_at(std::uint64_t position);
  void spend(std::uint64_t bytes) { budget_ -= std::min(budget_, bytes); }

  batch_checker& checker_;
  const model::offset segment_base_;
  /// Places from which no chain leads to the end.
  std::unordered_set<std::uint64_t> dead_ends_;
  /// Bytes that may still be checked: records can be made up so that each byte seems to begin a large batch.
  std::uint64_t budget_ = 0;
};

}  // namespace tidelog::storage
