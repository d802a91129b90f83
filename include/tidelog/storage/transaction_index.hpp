#pragma once
// BASE.txnindex beside a segment: an entry for each rolled-back transaction whose marker is in the segment, in their order.
// Apache Kafka's format, big-endian. There is no such file where there is nothing to put in.
//
//   position size field
//          0    2 version, 0
//          2    8 producer id
//         10    8 first offset
//         18    8 last offset, of the marker
//         26    8 last stable offset, once this one was over: where the first one began that was still open, or the offset
//                 after the marker
//
// Its entries are on disk before the recovery point passes their markers. Without one the records of its transaction would
// be read as committed, so it is as dear as the segment itself. After a stop that was not clean the entries of the markers
// that are read once more are made again.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/model/types.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace tidelog::storage {

inline constexpr const char* transaction_index_suffix = ".txnindex";
inline constexpr std::size_t transaction_index_entry_bytes = 34;

struct aborted_transaction {
  model::producer_id producer{};
  model::offset first_offset{};
  model::offset last_offset{};
  model::offset last_stable_offset{};
  friend bool operator==(const aborted_transaction&, const aborted_transaction&) = default;
};

[[nodiscard]] std::vector<std::byte> encode_transaction_index(std::span<const aborted_transaction> entries);
/// The entries of `content`, or of a piece of it; what is none, or does not rise, is passed over.
[[nodiscard]] std::vector<aborted_transaction> sound_transactions(base::byte_view content);
/// Fails with errc::corrupt_index where `content` is anything else than sound entries; `name` is for the message.
[[nodiscard]] base::result<std::vector<aborted_transaction>> decode_transaction_index(base::byte_view content,
                                                                                      std::string_view name);

}  // namespace tidelog::storage
