#pragma once
// A file by its descriptor.

#include "cold_pace.hpp"
#include "cold_pages.hpp"
#include "write_back.hpp"

#include "tidelog/io/file_system.hpp"

#include <string>
#include <utility>

namespace tidelog::io {

/// Owns a descriptor and closes it at the end.
class owned_descriptor {
 public:
  explicit owned_descriptor(int number) : number_(number) {}
  owned_descriptor(const owned_descriptor&) = delete;
  owned_descriptor& operator=(const owned_descriptor&) = delete;
  owned_descriptor(owned_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  owned_descriptor& operator=(owned_descriptor&&) = delete;
  ~owned_descriptor();
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// open(2) with O_CLOEXEC, repeated when a signal interrupts it.
[[nodiscard]] base::result<owned_descriptor> open_descriptor(const std::string& name, int flags);

/// What the files of one file system share.
struct disk_traffic {
  explicit disk_traffic(std::uint64_t most_cold_bytes) : pages(most_cold_bytes) {}
  cold_pages pages;
  cold_pace pace;
  io::write_back write_back;
};

class posix_file final : public file {
 public:
  /// `traffic` is told what is brought in, written and synced.
  posix_file(owned_descriptor opened, std::string name, std::shared_ptr<disk_traffic> traffic)
      : opened_(std::make_shared<const owned_descriptor>(std::move(opened))),
        name_(std::move(name)),
        traffic_(std::move(traffic)) {}

  [[nodiscard]] base::result<std::size_t> read_at(base::byte_span into,
                                                  std::uint64_t position) const override;
  [[nodiscard]] base::status write_at(base::byte_view bytes, std::uint64_t position) override;
  [[nodiscard]] base::status sync_data() override;
  [[nodiscard]] base::result<std::uint64_t> size() const override;
  [[nodiscard]] base::status truncate(std::uint64_t size) override;
  [[nodiscard]] bool is_cached(std::uint64_t position, std::uint64_t length) const override;
  [[nodiscard]] base::status bring_in(std::uint64_t position, std::uint64_t length) const override;
  void let_go(std::uint64_t position, std::uint64_t length) const override;
  void begin_write_back(std::uint64_t position, std::uint64_t length) const override;
  [[nodiscard]] base::result<std::unique_ptr<file_hold>> hold() const override;
  [[nodiscard]] int descriptor() const override { return opened_->number(); }
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  [[nodiscard]] bool byte_is_cached(std::uint64_t position) const;
  [[nodiscard]] base::status read_through(std::uint64_t position, std::uint64_t length, int advice,
                                          std::uint64_t ahead_bytes) const;

  std::shared_ptr<const owned_descriptor> opened_;
  std::string name_;
  std::shared_ptr<disk_traffic> traffic_;
};

}  // namespace tidelog::io
