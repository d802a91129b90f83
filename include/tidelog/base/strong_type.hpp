#pragma once
// Distinct types for things that are all integers on the wire. An id can only be compared; a quantity on a line
// (an offset, a position) can be moved by a plain distance, and two of them subtracted.

#include <compare>
#include <cstddef>
#include <functional>

namespace tidelog::base {

template <class Tag, class Representation>
class strong_id {
 public:
  using representation = Representation;
  constexpr strong_id() = default;
  constexpr explicit strong_id(Representation value) : value_(value) {}
  [[nodiscard]] constexpr Representation value() const { return value_; }
  friend constexpr auto operator<=>(const strong_id&, const strong_id&) = default;

 private:
  Representation value_{};
};

template <class Tag, class Representation>
class strong_point {
 public:
  using representation = Representation;
  constexpr strong_point() = default;
  constexpr explicit strong_point(Representation value) : value_(value) {}
  [[nodiscard]] constexpr Representation value() const { return value_; }
  friend constexpr auto operator<=>(const strong_point&, const strong_point&) = default;
  friend constexpr strong_point operator+(strong_point point, Representation distance) {
    return strong_point(point.value_ + distance);
  }
  friend constexpr strong_point operator-(strong_point point, Representation distance) {
    return strong_point(point.value_ - distance);
  }
  friend constexpr Representation operator-(strong_point left, strong_point right) {
    return left.value_ - right.value_;
  }
  constexpr strong_point& operator+=(Representation distance) {
    value_ += distance;
    return *this;
  }

 private:
  Representation value_{};
};

}  // namespace tidelog::base

template <class Tag, class Representation>
struct std::hash<tidelog::base::strong_id<Tag, Representation>> {
  std::size_t operator()(const tidelog::base::strong_id<Tag, Representation>& id) const noexcept {
    return std::hash<Representation>{}(id.value());
  }
};
template <class Tag, class Representation>
struct std::hash<tidelog::base::strong_point<Tag, Representation>> {
  std::size_t operator()(const tidelog::base::strong_point<Tag, Representation>& point) const noexcept {
    return std::hash<Representation>{}(point.value());
  }
};
