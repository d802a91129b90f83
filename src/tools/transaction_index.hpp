#pragma once
// The index of rolled-back transactions that Apache Kafka keeps beside a segment, BASE.txnindex: an entry for each that ends
// in the segment.
//
//   position size field
//          0    2 version, 0
//          2    8 producer id
//         10    8 first offset
//         18    8 last offset, of the marker
//         26    8 last stable offset, once this one was over

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/model/types.hpp"

#include <string>
#include <vector>

namespace tidelog::tools {

inline constexpr const char* transaction_index_suffix = ".txnindex";

struct aborted_transaction {
  model::producer_id producer{};
  model::offset first_offset{};
  model::offset last_offset{};
  model::offset last_stable_offset{};
  friend bool operator==(const aborted_transaction&, const aborted_transaction&) = default;
};

/// Fails with errc::corrupt_index; `name` is for the message.
[[nodiscard]] base::result<std::vector<aborted_transaction>> decode_transaction_index(
    base::byte_view content, const std::string& name);
[[nodiscard]] std::string encode_transaction_index(const std::vector<aborted_transaction>& entries);

}  // namespace tidelog::tools
