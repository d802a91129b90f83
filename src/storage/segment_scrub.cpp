// Reading a segment through for damage, without being noticed: slowly, and past the page cache.
#include "batch_search.hpp"
#include "rollback_check.hpp"
#include "segment.hpp"

#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <functional>

namespace tidelog::storage {
namespace {

/// What is asked for, and given back to the page cache, at a time: what the probes of io::file::is_cached() tell about.
constexpr std::size_t piece_bytes = 128 * 1024;

/// Reads in pieces, each when `go_on` says so, and leaves in the page cache only what was there before.
class passing_reader {
 public:
  passing_reader(const io::file& file, const scrub_pace& go_on) : file_(file), go_on_(go_on) {}

  [[nodiscard]] base::result<std::size_t> operator()(base::byte_span into, std::uint64_t position) {
    std::size_t done = 0;
    while (done < into.size()) {
      const auto piece = into.subspan(done, std::min(piece_bytes, into.size() - done));
      if (!go_on_(piece.size()))
        return base::fail(std::make_error_code(std::errc::operation_canceled), "told to stop");
      const bool was_there = file_.is_cached(position + done, piece.size());
      TIDELOG_TRY(const std::size_t got, file_.read_at(piece, position + done));
      if (!was_there) file_.let_go(position + done, piece.size());
      bytes_ += got;
      done += got;
      if (got < piece.size()) break;
    }
    return done;
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  const io::file& file_;
  const scrub_pace& go_on_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

base::result<std::optional<model::offset>> segment::scrub(std::uint64_t end, const scrub_pace& go_on,
                                                          scrubbed_segment& read) {
  if (end == 0) return std::nullopt;
  // A descriptor of its own, whose reads nobody else's readahead has to follow.
  TIDELOG_TRY(const auto file,
              home_.environment.files.open(home_.directory / segment_file_name(base_, data_suffix),
                                           io::open_mode::scan));
  passing_reader reader(*file, go_on);
  batch_checker checker(std::ref(reader), end);
  rollback_check rollbacks([this] { return all_aborted(); });
  batch_boundary at{0, base_};
  bool is_unbroken = true;
  bool is_behind_damage = false;
  auto outcome = [&]() -> base::status {
    while (at.position < end) {
      const auto batch = checker.check(at.position);
      if (batch && may_follow(*batch, at.next_offset, base_)) {
        is_unbroken &= batch->base_offset() == at.next_offset;
        is_behind_damage = false;
        const batch_boundary behind{at.position + batch->size_bytes(), batch->next_offset()};
        TIDELOG_DO(rollbacks.take(checker, at.position, *batch));
        at = behind;
        continue;
      }
      if (!batch && batch.error().code.category() != model::batch_category())
        return tl::unexpected(batch.error());
      TIDELOG_TRY(at, pass_damage(at));
      is_behind_damage = true;
    }
    return {};
  }();
  read.bytes += reader.bytes();
  read.unlisted_rollbacks = rollbacks.unlisted();
  if (!outcome) return base::forward_error(outcome);
  if (!is_unbroken || is_behind_damage) return std::nullopt;
  return at.next_offset;
}

}  // namespace tidelog::storage
