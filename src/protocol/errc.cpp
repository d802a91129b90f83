#include "tidelog/protocol/errc.hpp"

#include <string>

namespace tidelog::protocol {

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "protocol"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::unknown_api:
        return "no API has this key";
    }
    return "unknown protocol error";
  }
};

}  // namespace

const std::error_category& error_category() {
  static const category instance;
  return instance;
}

}  // namespace tidelog::protocol
