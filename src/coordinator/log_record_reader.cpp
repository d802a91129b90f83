#include "log_record_reader.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/codec/compression.hpp"

#include <utility>

namespace tidelog::coordinator {
namespace {

/// More than this does not come out of any batch that a broker's max.message.bytes lets in.
constexpr std::size_t most_bytes_of_batch = std::size_t{256} * 1024 * 1024;

}  // namespace

log_record_reader::log_record_reader(std::shared_ptr<partition::partition> log, visitor visit)
    : log_(std::move(log)),
      visit_(std::move(visit)),
      next_(log_->log_start_offset()),
      end_(log_->log_end_offset()) {}

base::status log_record_reader::read_some(std::uint64_t max_bytes) {
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

base::status log_record_reader::read_batch(const model::record_batch_view& batch) {
  if (batch.is_control()) {
    pass_over_failed(batch.base_offset(), visit_.control_batch(batch));
    return {};
  }
  std::vector<std::byte> opened;
  auto records = batch.records();
  if (batch.compression() != model::compression_type::none) {
    TIDELOG_TRY(opened, codec::decompress(batch.compression(), records, most_bytes_of_batch));
    records = opened;
  }
  model::record_reader reader(records, batch.record_count());
  while (true) {
    TIDELOG_TRY(const auto record, reader.next());
    if (!record) return {};
    ++records_;
    pass_over_failed(model::offset_of(batch, *record), visit_.record(batch, *record));
  }
}

void log_record_reader::pass_over_failed(model::offset at, const base::status& outcome) {
  if (outcome || passed_over_++ > 0) return;
  base::say_error("{}: the record at offset {} is passed over: {}", log_->name().text(), at.value(),
                  outcome.error().describe());
}

}  // namespace tidelog::coordinator
