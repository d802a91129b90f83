#include "tidelog/partition/partition_error.hpp"

#include <string>

namespace tidelog::partition {
namespace {

class error_names final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tidelog.partition"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::unknown_partition:
        return "there is no such partition";
      case errc::offline:
        return "the partition is offline";
      case errc::recovering:
        return "the partition is being recovered";
      case errc::fenced_leader_epoch:
        return "the leader epoch is older than the partition's";
      case errc::unknown_leader_epoch:
        return "the leader epoch is newer than the partition's";
      case errc::batch_too_large:
        return "the record batch is larger than max.message.bytes";
      case errc::corrupt_batch:
        return "the record batch is corrupt";
      case errc::invalid_batch:
        return "the record batch is not one that a producer may send";
      case errc::invalid_records:
        return "the record batch holds records that this topic does not take";
      case errc::invalid_timestamps:
        return "the record batch holds timestamps that this topic does not take";
      case errc::unsupported_compression:
        return "the record batch is compressed in a way that is not known";
      case errc::needs_worker:
        return "the record batch is too costly to check here";
      case errc::deletion_not_allowed:
        return "records of a compacted topic cannot be deleted";
    }
    return "unknown partition error";
  }
};

}  // namespace

const std::error_category& partition_category() {
  static const error_names names;
  return names;
}

std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), partition_category()};
}

}  // namespace tidelog::partition
