#pragma once
// Errors as values. Every fallible function returns result<T>; exceptions are left to the standard library and
// to programmer errors, and no exception crosses a layer's public functions.

#include <fmt/core.h>
#include <tl/expected.hpp>

#include <string>
#include <system_error>
#include <utility>

namespace tidelog::base {

/// What went wrong and where. `code` is for programs: a layer's own enumeration, or an errno in
/// std::system_category(), which is never dropped or made vaguer on the way up. `context` is for people: it names
/// the file, key, offset or peer concerned.
struct error {
  std::error_code code;
  std::string context;

  /// "context: message of the code", one line.
  [[nodiscard]] std::string describe() const;
};

template <class T>
using result = tl::expected<T, error>;
using status = result<void>;

/// A failed result with its context, formatted as fmt does.
template <class Code, class... Args>
[[nodiscard]] tl::unexpected<error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<error>(
      error{std::error_code(code), fmt::format(format, std::forward<Args>(args)...)});
}

/// The failure of a system call: `number` is errno as the call left it.
template <class... Args>
[[nodiscard]] tl::unexpected<error> fail_errno(int number, fmt::format_string<Args...> format,
                                               Args&&... args) {
  return tl::unexpected<error>(error{std::error_code(number, std::system_category()),
                                     fmt::format(format, std::forward<Args>(args)...)});
}

/// Hands a failure on unchanged: `return forward_error(outcome);`
template <class T>
[[nodiscard]] tl::unexpected<error> forward_error(result<T>& failed) {
  return tl::unexpected<error>(std::move(failed.error()));
}

}  // namespace tidelog::base

#define TIDELOG_JOIN_INNER(a, b) a##b
#define TIDELOG_JOIN(a, b) TIDELOG_JOIN_INNER(a, b)
#define TIDELOG_TRY_INNER(name, target, expression)                                  \
  auto name = (expression);                                                          \
  if (!name) return tl::unexpected<::tidelog::base::error>(std::move(name.error())); \
  target = std::move(*name)

/// `TIDELOG_TRY(auto size, file.size());` - the value, or return the error from this function.
#define TIDELOG_TRY(target, expression) \
  TIDELOG_TRY_INNER(TIDELOG_JOIN(tidelog_outcome_, __LINE__), target, expression)

/// `TIDELOG_DO(file.sync());` - go on, or return the error from this function.
#define TIDELOG_DO(expression)                                                           \
  do {                                                                                   \
    if (auto tidelog_outcome = (expression); !tidelog_outcome)                           \
      return tl::unexpected<::tidelog::base::error>(std::move(tidelog_outcome.error())); \
  } while (false)
