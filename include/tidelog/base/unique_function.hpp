#pragma once
// A function object that may own what cannot be copied (C++23's std::move_only_function, until it is there).

#include "tidelog/base/assert.hpp"

#include <memory>
#include <type_traits>
#include <utility>

namespace tidelog::base {

template <class Signature>
class unique_function;

template <class Return, class... Args>
class unique_function<Return(Args...)> {
 public:
  unique_function() = default;
  template <class Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, unique_function> &&
           std::is_invocable_r_v<Return, std::remove_cvref_t<Function>&, Args...>)
      unique_function(Function&& function)  // NOLINT(bugprone-forwarding-reference-overload)
      : target_(std::make_unique<holder<std::remove_cvref_t<Function>>>(std::forward<Function>(function))) {}

  [[nodiscard]] explicit operator bool() const { return target_ != nullptr; }
  Return operator()(Args... args) {
    TIDELOG_ASSERT(target_ != nullptr);
    return target_->call(std::forward<Args>(args)...);
  }

 private:
  struct callable {
    callable() = default;
    callable(const callable&) = delete;
    callable& operator=(const callable&) = delete;
    virtual ~callable() = default;
    virtual Return call(Args... args) = 0;
  };
  template <class Function>
  struct holder final : callable {
    explicit holder(Function source) : function(std::move(source)) {}
    Return call(Args... args) override { return function(std::forward<Args>(args)...); }
    Function function;
  };
  std::unique_ptr<callable> target_;
};

/// Work without arguments or result, handed to a thread.
using task = unique_function<void()>;

}  // namespace tidelog::base
