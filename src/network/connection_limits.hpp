#pragma once
// How many connections there are, all together and from each address.

#include "tidelog/network/settings.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tidelog::network {

/// Thread safe. Held by shared_ptr, because each admission refers to it.
class connection_limits : public std::enable_shared_from_this<connection_limits> {
 public:
  explicit connection_limits(const network_settings& settings) : settings_(settings) {}

  /// A place for one connection, given back when it is destroyed.
  class admission {
   public:
    admission() = default;
    admission(std::shared_ptr<connection_limits> from, std::string host)
        : from_(std::move(from)), host_(std::move(host)) {}
    admission(admission&&) noexcept = default;
    admission& operator=(admission&& other) noexcept {
      admission released(std::move(other));
      std::swap(from_, released.from_);
      std::swap(host_, released.host_);
      return *this;
    }
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    ~admission() {
      if (from_ != nullptr) from_->leave(host_);
    }
    [[nodiscard]] explicit operator bool() const { return from_ != nullptr; }

   private:
    std::shared_ptr<connection_limits> from_;
    std::string host_;
  };

  /// Empty when a limit is reached; then `refusal` names it.
  [[nodiscard]] admission admit(const std::string& host, std::string& refusal);

 private:
  void leave(const std::string& host);

  const network_settings& settings_;
  std::mutex mutex_;
  std::int64_t open_ = 0;
  std::unordered_map<std::string, std::int64_t> per_host_;
};

}  // namespace tidelog::network
