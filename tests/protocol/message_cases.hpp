#pragma once
// The messages as a table, so that a test is one loop.

#include "support/message_filler.hpp"

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/message_fields.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::test {

/// A message decoded, with what was made of it again.
struct decoded_message {
  std::string json;
  std::vector<std::byte> encoded_again;
  std::size_t bytes_left;
};
struct random_message {
  std::string json;
  std::vector<std::byte> encoded;
};

struct message_case {
  std::string name;
  codec::version_range versions;
  base::result<decoded_message> (*decode)(base::byte_span bytes, std::int16_t version);
  random_message (*make_random)(value_source& from, std::int16_t version);
};

[[nodiscard]] const std::vector<message_case>& message_cases();
/// The case of a name; every name asked for exists.
[[nodiscard]] const message_case& message_case_of(const std::string& name);

}  // namespace tidelog::test
