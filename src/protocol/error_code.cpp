#include "tidelog/protocol/error_code.hpp"

#include <array>
#include <cstddef>

namespace tidelog::protocol {

namespace {

constexpr std::array error_table{
#define TIDELOG_ROW(enumerator, code, name, retry_rule, message) \
  error_info{error_code::enumerator, name, retry::retry_rule, message},
    TIDELOG_ERROR_CODES(TIDELOG_ROW)
#undef TIDELOG_ROW
};

constexpr std::size_t row_of(error_code code) {
  return static_cast<std::size_t>(static_cast<int>(code) - static_cast<int>(error_table.front().code));
}

constexpr bool codes_are_consecutive() {
  for (std::size_t row = 0; row < error_table.size(); ++row) {
    if (row_of(error_table[row].code) != row) return false;
  }
  return true;
}
static_assert(codes_are_consecutive(), "the list is indexed by code");
static_assert(error_table.front().code == error_code::unknown_server_error);

}  // namespace

const error_info& describe(error_code code) {
  const auto row = row_of(code);
  return row < error_table.size() ? error_table[row] : error_table.front();
}

}  // namespace tidelog::protocol
