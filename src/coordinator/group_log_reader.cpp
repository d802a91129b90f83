#include "group_log_reader.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/codec/compression.hpp"

#include <utility>

namespace tidelog::coordinator {
namespace {

/// More than this does not come out of any batch that a broker's max.message.bytes lets in.
constexpr std::size_t most_bytes_of_batch = std::size_t{256} * 1024 * 1024;

}  // namespace

group_log_reader::group_log_reader(std::shared_ptr<partition::partition> log, visitor visit)
    : log_(std::move(log)),
      visit_(std::move(visit)),
      next_(log_->log_start_offset()),
      end_(log_->log_end_offset()) {}

base::status group_log_reader::read_some(std::uint64_t max_bytes) {
  auto slice = log_->read(next_, {.max_bytes = max_bytes}, storage::read_bound::log_end(),
                          io::patience::waits_for_disk);
  if (!slice) {
    const bool start_has_moved = log_->log_start_offset() > next_;
    if (!start_has_moved) return base::forward_error(slice);
    next_ = log_->log_start_offset();
    return {};
  }
  if (slice->data.length == 0) {
    next_ = end_;
    return {};
  }
  buffer_.resize(slice->data.length);
  TIDELOG_DO(slice->data.source->read_at(buffer_, slice->data.position));
  base::byte_view rest(buffer_);
  while (!rest.empty()) {
    TIDELOG_TRY(const auto batch, model::parse_record_batch(rest));
    TIDELOG_DO(model::verify_crc(batch));
    TIDELOG_DO(read_batch(batch));
    rest = rest.subspan(batch.size_bytes());
  }
  next_ = slice->next_offset;
  return {};
}

base::status group_log_reader::read_batch(const model::record_batch_view& batch) {
  std::vector<std::byte> opened;
  auto records = batch.records();
  if (batch.compression() != model::compression_type::none) {
    TIDELOG_TRY(opened, codec::decompress(batch.compression(), records, most_bytes_of_batch));
    records = opened;
  }
  if (batch.is_control()) {
    end_transaction(batch, records);
    return {};
  }
  model::record_reader reader(records, batch.record_count());
  while (true) {
    TIDELOG_TRY(const auto record, reader.next());
    if (!record) return {};
    hand_on(batch, *record);
  }
}

void group_log_reader::end_transaction(const model::record_batch_view& batch, base::byte_view records) {
  model::record_reader reader(records, batch.record_count());
  const auto record = reader.next();
  if (!record || !*record) return;
  const auto type = model::parse_control_key((*record)->key);
  const auto written = open_transactions_.find(batch.producer_id().value());
  if (!type || written == open_transactions_.end()) return;
  if (*type == model::control_record_type::commit) {
    for (const auto& each : written->second) visit_(each);
  } else if (*type != model::control_record_type::abort) {
    return;
  }
  open_transactions_.erase(written);
}

void group_log_reader::hand_on(const model::record_batch_view& batch, const model::record_view& record) {
  ++records_;
  if (!record.key) return;
  auto decoded = decode_group_record(*record.key, record.value);
  if (!decoded) {
    if (unreadable_++ == 0) {
      base::say_error("{}: the record at offset {} is passed over: {}", log_->name().text(),
                      model::offset_of(batch, record).value(), decoded.error().describe());
    }
    return;
  }
  if (!*decoded) return;
  if (batch.is_transactional()) {
    open_transactions_[batch.producer_id().value()].push_back(std::move(**decoded));
  } else {
    visit_(**decoded);
  }
}

}  // namespace tidelog::coordinator
