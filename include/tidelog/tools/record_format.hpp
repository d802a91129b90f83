#pragma once
// How `tidelog consume` prints a record: a format string, compiled once.
//
//   %k key   %v value   %K bytes of the key (-1 for none)   %V bytes of the value (-1 for none)
//   %t topic   %p partition   %o offset   %T timestamp in ms   %h headers as name=value,name=value   %% a percent sign
//   \n \t \r \0 \\   and \xHH, any byte

#include "tidelog/base/result.hpp"
#include "tidelog/model/record.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tidelog::tools {

struct printed_record {
  std::string_view topic;
  model::partition_index partition;
  model::offset offset;
  model::timestamp timestamp;
  model::record_view record;
};

class record_format {
 public:
  /// Fails with std::errc::invalid_argument, naming the place.
  [[nodiscard]] static base::result<record_format> parse(std::string_view text);
  /// Appends the record to `into`. A null key or value prints as nothing.
  void print(const printed_record& record, std::string& into) const;

 private:
  struct piece {
    char kind;  ///< the letter after %, or 0 for literal text
    std::string text;
  };
  void add_literal(char byte);
  std::vector<piece> pieces_;
};

/// The backslash sequences of above turned into what they mean; also for separators. Fails as parse does.
[[nodiscard]] base::result<std::string> unescape(std::string_view text);

}  // namespace tidelog::tools
