#pragma once
// A file by its descriptor.

#include "tidelog/io/file_system.hpp"

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
[[nodiscard]] base::result<owned_descriptor> open_descriptor(const io::path& name, int flags);

class posix_file final : public file {
 public:
  posix_file(owned_descriptor opened, io::path name) : opened_(std::move(opened)), name_(std::move(name)) {}

  [[nodiscard]] base::result<std::size_t> read_at(base::byte_span into,
                                                  std::uint64_t position) const override;
  [[nodiscard]] base::status write_at(base::byte_view bytes, std::uint64_t position) override;
  [[nodiscard]] base::status sync_data() override;
  [[nodiscard]] base::result<std::uint64_t> size() const override;
  [[nodiscard]] base::status truncate(std::uint64_t size) override;
  [[nodiscard]] bool is_cached(std::uint64_t position, std::uint64_t length) const override;
  [[nodiscard]] base::status bring_in(std::uint64_t position, std::uint64_t length) const override;
  void let_go(std::uint64_t position, std::uint64_t length) const override;
  [[nodiscard]] int descriptor() const override { return opened_.number(); }
  [[nodiscard]] const io::path& name() const override { return name_; }

 private:
  [[nodiscard]] bool byte_is_cached(std::uint64_t position) const;

  owned_descriptor opened_;
  io::path name_;
};

}  // namespace tidelog::io
