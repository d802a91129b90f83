#include "tidelog/model/batch_error.hpp"

#include <string>

namespace tidelog::model {
namespace {

class batch_error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "record batch"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<batch_errc>(value)) {
      case batch_errc::truncated_header:
        return "the bytes end within the batch header";
      case batch_errc::truncated_body:
        return "the bytes end within the batch";
      case batch_errc::zero_filled:
        return "zeros where a batch should begin";
      case batch_errc::bad_length:
        return "the batch length is too small for a batch";
      case batch_errc::legacy_magic:
        return "message formats 0 and 1 are not supported";
      case batch_errc::unknown_magic:
        return "unknown batch format";
      case batch_errc::bad_crc:
        return "the checksum does not match";
      case batch_errc::unknown_compression:
        return "unknown compression";
      case batch_errc::bad_offsets:
        return "impossible offsets";
      case batch_errc::bad_record_count:
        return "the record count does not match the last offset delta";
      case batch_errc::empty_batch:
        return "the batch has no records";
      case batch_errc::unexpected_control_batch:
        return "control batches may not be produced";
      case batch_errc::bad_producer_fields:
        return "a producer id without epoch or sequence";
      case batch_errc::trailing_batch:
        return "bytes follow the batch";
      case batch_errc::bad_record_framing:
        return "a record is malformed";
      case batch_errc::truncated_records:
        return "the records end too early";
      case batch_errc::trailing_records:
        return "bytes follow the last record";
      case batch_errc::bad_offset_delta:
        return "the records' offset deltas are wrong";
      case batch_errc::bad_control_record:
        return "a malformed control record";
    }
    return "unknown record batch error";
  }
};

}  // namespace

const std::error_category& batch_category() noexcept {
  static const batch_error_category category;
  return category;
}

}  // namespace tidelog::model
