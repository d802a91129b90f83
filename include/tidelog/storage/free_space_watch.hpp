#pragma once
// A full disk is a mode and not an end. While the file system has less room than the reserve, new records are refused
// with an error that clients wait out; what reads, deletes or keeps the books goes on, out of the reserve.
//
//   room -> full   less than the reserve is free, or a write of records was refused for want of room
//   full -> room   a quarter more than the reserve is free and, where a write was refused, a trial write gets its room
//
// The reserve itself may be used up, by others who write to the file system too. For what must be possible even then, a
// start and the deletion of something, there is the ballast: a file that only takes up room, to be given back
// (src/storage/ballast.hpp). After a crash it is there or is laid again.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/io/file_system.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tidelog::storage {

class ballast;

/// Thread safe. look() and what says so wait for the file system.
class free_space_watch {
 public:
  /// The reserve where nobody has set one: a hundredth of the file system, but no more than this. It lets the cleaner
  /// write a segment of the default size anew, and as much again for everything else.
  static constexpr std::uint64_t most_default_reserve_bytes = 2ULL * 1024 * 1024 * 1024;
  [[nodiscard]] static std::uint64_t default_reserve_bytes(std::uint64_t capacity_bytes);

  /// Of the file system that holds `directory`, which exists. `files` and `clock` outlive the watch.
  free_space_watch(io::file_system& files, const base::clock& clock, io::path directory);
  free_space_watch(const free_space_watch&) = delete;
  free_space_watch& operator=(const free_space_watch&) = delete;
  ~free_space_watch();

  /// log.free.space.min.bytes; takes effect with the next look. 0: only a refused write is a full disk.
  void set_reserve_bytes(std::uint64_t bytes);

  /// Before anything is written at a start: where hardly any room is left, the ballast makes some.
  void begin_start();
  /// From here on look() also keeps the ballast whole.
  void end_start();
  /// Asks the file system, and enters or leaves the mode. To be called once a second.
  void look();

  /// Whether so many bytes of new records may be written. Fails with ENOSPC and what people need to know while the disk
  /// is full. Cheap: the file system is asked once for some MiB.
  [[nodiscard]] base::status admit(std::uint64_t bytes);
  /// For who was refused a write of so many bytes of records; other failures than want of room are passed over. Enters
  /// the mode at once.
  void note_failed_write(const base::error& why, std::uint64_t bytes);
  /// The same for who does not know how many bytes were refused: a sync, or the opening of a log.
  void note_lack_of_room(const base::error& why);
  /// Gives the ballast's room to what has to be written now; false when there is none left to give.
  [[nodiscard]] bool drop_ballast();

  [[nodiscard]] bool is_full() const { return full_.load(std::memory_order_acquire); }

  /// For metrics.
  struct figures {
    bool is_full = false;
    std::uint64_t available_bytes = 0;  ///< at the last look
    std::uint64_t reserve_bytes = 0;
    std::uint64_t times_full = 0;
    std::uint64_t batches_refused = 0;
  };
  [[nodiscard]] figures current() const;

 private:
  void look_locked();
  void enter_locked(const std::string& why);
  void leave_if_possible_locked();
  void tend_ballast();
  [[nodiscard]] bool trial_write_succeeds();
  /// Bytes that must be free for the mode to end.
  [[nodiscard]] std::uint64_t enough_bytes() const;

  io::file_system& files_;
  const base::clock& clock_;
  const io::path directory_;

  std::atomic<bool> full_{false};
  /// What may still be written until somebody asks the file system again.
  std::atomic<std::int64_t> allowance_bytes_{0};
  std::atomic<std::uint64_t> reserve_bytes_{0};
  std::atomic<std::uint64_t> available_bytes_{0};
  std::atomic<std::uint64_t> times_full_{0};
  std::atomic<std::uint64_t> batches_refused_{0};
  std::atomic<bool> ballast_is_due_{false};

  /// One look at a time; guards what follows.
  mutable std::mutex mutex_;
  bool is_space_known_ = true;
  base::unix_ms full_since_ms_ = 0;
  std::uint64_t refused_before_ = 0;
  /// A write of so many bytes was refused: what the file system tells of its free bytes is not all that counts (a quota,
  /// or no more names).
  std::optional<std::uint64_t> failed_write_bytes_;

  /// Not the other one: laying the ballast waits for the disk.
  std::mutex ballast_mutex_;
  const std::unique_ptr<ballast> ballast_;
};

}  // namespace tidelog::storage
