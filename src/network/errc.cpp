#include "tidelog/network/errc.hpp"

#include <string>

namespace tidelog::network {

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "network"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::unknown_host:
        return "the host has no address";
    }
    return "unknown error";
  }
};

}  // namespace

const std::error_category& network_category() {
  static const category instance;
  return instance;
}

}  // namespace tidelog::network
