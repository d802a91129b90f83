#pragma once
// The logs of many partitions, as plain files.

#include "floor.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace tidelog::floor_bench {

/// wanted.files files with names, each in a directory of its own below wanted.directory; those that were opened first are
/// closed when more than wanted.open_files are open.
class many_files {
 public:
  explicit many_files(const options& wanted);

  /// To one of them at random.
  void append(const std::byte* bytes, std::size_t count);
  /// Those that have grown since the last call and are open still, by descriptors of the caller's own.
  std::vector<descriptor> take_grown();

 private:
  struct file {
    std::string name;
    descriptor opened;
    std::uint64_t position = 0;
    bool has_grown = false;
  };
  void open(file& which, int flags);

  std::size_t most_open_;
  std::vector<file> files_;
  std::deque<file*> open_;
  std::minstd_rand random_;
};

}  // namespace tidelog::floor_bench
