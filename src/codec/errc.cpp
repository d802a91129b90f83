#include "tidelog/codec/errc.hpp"

#include <string>

namespace tidelog::codec {

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "codec"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::truncated:
        return "the bytes end too early";
      case errc::bad_varint:
        return "a variable-length integer does not fit its type";
      case errc::bad_length:
        return "a length or count is negative";
      case errc::string_too_long:
        return "a string is longer than 32767 bytes";
      case errc::unexpected_null:
        return "null where this version allows none";
      case errc::too_many_elements:
        return "more array elements than one request may have";
      case errc::tagged_field_size:
        return "a tagged field does not fill its announced size";
      case errc::unsupported_version:
        return "a version that this message does not have";
    }
    return "unknown codec error";
  }
};

}  // namespace

const std::error_category& error_category() {
  static const category instance;
  return instance;
}

}  // namespace tidelog::codec
