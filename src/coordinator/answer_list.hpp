#pragma once
// What an event has to say, kept until the lock that it is handled under has been given back.

#include "tidelog/base/unique_function.hpp"
#include "tidelog/model/types.hpp"

#include <system_error>
#include <utility>
#include <vector>

namespace tidelog::coordinator {

/// In the order in which it is to be said.
class answer_list {
 public:
  struct answer {
    /// One of the two. `when_durable` is to be called once the log is durable to `end`, or with what prevents it.
    base::task at_once{};
    base::unique_function<void(std::error_code)> when_durable{};
    model::offset end{};
  };

  void add(base::task told) { answers_.push_back({.at_once = std::move(told)}); }
  void add(model::offset end, base::unique_function<void(std::error_code)> told) {
    answers_.push_back({.when_durable = std::move(told), .end = end});
  }
  [[nodiscard]] std::vector<answer>& answers() { return answers_; }

 private:
  std::vector<answer> answers_;
};

}  // namespace tidelog::coordinator
