// Records of the coordinators' topics from any broker's directory, and indexes of rolled-back transactions: whatever can be
// read must be written again and then say the same. The first byte says how long the key is.

#include "../../src/coordinator/group_records.hpp"
#include "../../src/coordinator/transaction_records.hpp"
#include "../../src/coordinator/transaction_state.hpp"

#include "tidelog/coordinator/transaction_types.hpp"
#include "tidelog/model/transaction_end.hpp"
#include "tidelog/storage/transaction_index.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

using namespace tidelog;

namespace {

using optional_bytes = std::optional<base::byte_view>;

optional_bytes view_of(const std::optional<std::vector<std::byte>>& bytes) {
  return bytes ? optional_bytes(*bytes) : std::nullopt;
}

void check_transaction_record(base::byte_view key, const optional_bytes& value) {
  const auto record = coordinator::decode_transaction_record(key, value);
  if (!record) return;
  const auto written = coordinator::encode_transaction_record(
      *record, coordinator::transaction_version::epoch_per_transaction);
  const auto again = coordinator::decode_transaction_record(written.key, view_of(written.value));
  if (!again || *again != *record) std::abort();
  if (record->value) static_cast<void>(coordinator::state_of(*record->value));
}

void check_group_record(base::byte_view key, const optional_bytes& value) {
  const auto record = coordinator::decode_group_record(key, value);
  if (!record || !*record) return;
  const auto written = coordinator::encode_group_record(**record);
  if (!coordinator::decode_group_record(written.key, view_of(written.value))) std::abort();
}

void check_marker(base::byte_view bytes) {
  const auto batch = model::parse_record_batch(bytes);
  if (!batch) return;
  const auto end = model::parse_transaction_end(*batch);
  if (!end || !*end) return;
  const auto written = model::encode_transaction_end(**end, batch->max_timestamp());
  if (*model::parse_transaction_end(*model::parse_only_record_batch(written)) != *end) std::abort();
}

void check_transaction_index(base::byte_view content) {
  static_cast<void>(storage::sound_transactions(content));
  const auto entries = storage::decode_transaction_index(content, "fuzzed");
  if (entries && !std::ranges::equal(storage::encode_transaction_index(*entries), content)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // Blocks of their own size, so that a sanitizer sees the first byte read beyond them.
  const auto key_size = std::min<std::size_t>(data[0], size - 1);
  const auto* const bytes = reinterpret_cast<const std::byte*>(data + 1);
  const std::vector<std::byte> key(bytes, bytes + key_size);
  const std::vector<std::byte> value(bytes + key_size, bytes + size - 1);
  for (const auto& each : {optional_bytes(value), optional_bytes()}) {
    check_transaction_record(key, each);
    check_group_record(key, each);
  }
  check_marker(value);
  check_transaction_index(value);
  return 0;
}
