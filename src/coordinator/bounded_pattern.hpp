#pragma once
// Patterns that come from clients: RE2, which matches in time linear in the name, whatever the pattern. The memory that
// one may take is bounded, and what one step of matching may cost; a pattern that would need more is at fault.

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace tidelog::coordinator {

/// Compiling and matching may take long: whoever does it holds no lock that others wait for.
class bounded_pattern {
 public:
  explicit bounded_pattern(std::string_view pattern);
  bounded_pattern(const bounded_pattern&) = delete;
  bounded_pattern& operator=(const bounded_pattern&) = delete;
  ~bounded_pattern();

  /// Why it cannot be used; empty when it can.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  /// Whether it matches the whole name; only without a fault.
  [[nodiscard]] bool matches(const std::string& name) const;

 private:
  std::unique_ptr<re2::RE2> compiled_;
  std::string fault_;
};

}  // namespace tidelog::coordinator
