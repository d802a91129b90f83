#include "tidelog/partition/batch_validation.hpp"

#include "tidelog/codec/compression.hpp"
#include "tidelog/codec/records_check.hpp"
#include "tidelog/model/record_batch.hpp"
#include "tidelog/model/record_stream_checker.hpp"
#include "tidelog/partition/partition_error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tidelog::partition {
namespace {

/// What may come out of a decompressor on a reactor: some 100 µs of work.
constexpr std::uint64_t quick_output_bytes = 256 * 1024;

using refusal = tl::unexpected<batch_refusal>;

template <class... Args>
refusal refuse(errc code, fmt::format_string<Args...> format, Args&&... args) {
  return refusal(batch_refusal{base::error{code, fmt::format(format, std::forward<Args>(args)...)}, {}});
}

/// Which of a partition's answers a fault of the header belongs to.
errc kind_of_header_fault(const std::error_code& fault) {
  if (fault.category() != model::batch_category()) return errc::corrupt_batch;
  switch (static_cast<model::batch_errc>(fault.value())) {
    case model::batch_errc::truncated_header:
    case model::batch_errc::truncated_body:
    case model::batch_errc::legacy_magic:
    case model::batch_errc::trailing_batch:
    case model::batch_errc::bad_offsets:
    case model::batch_errc::bad_record_count:
    case model::batch_errc::empty_batch:
    case model::batch_errc::unexpected_control_batch:
    case model::batch_errc::bad_producer_fields:
      return errc::invalid_batch;
    case model::batch_errc::unknown_compression:
      return errc::unsupported_compression;
    default:
      return errc::corrupt_batch;
  }
}

refusal refuse_header(const base::error& fault) {
  return refuse(kind_of_header_fault(fault.code), "{}", fault.describe());
}

model::record_check_options check_options(const metadata::topic_config& config, base::unix_ms now_ms) {
  model::record_check_options options;
  if (config.cleanup_compact) options.keys = model::key_policy::required;
  if (config.message_timestamp_type == metadata::timestamp_type::create_time) {
    if (config.message_timestamp_before_max_ms < now_ms) {
      options.earliest_timestamp = model::timestamp(now_ms - config.message_timestamp_before_max_ms);
    }
    if (config.message_timestamp_after_max_ms < std::numeric_limits<std::int64_t>::max() - now_ms) {
      options.latest_timestamp = model::timestamp(now_ms + config.message_timestamp_after_max_ms);
    }
  }
  return options;
}

/// As codec::check_records, but gives up where much comes out.
base::result<model::record_check_summary> check_quickly(const model::record_batch_view& batch,
                                                        const model::record_check_options& options) {
  if (batch.compression() == model::compression_type::none) return codec::check_records(batch, options);
  model::record_stream_checker checker(batch, options);
  std::uint64_t out = 0;
  TIDELOG_DO(codec::decompress_stream(batch.compression(), batch.records(),
                                      [&](base::byte_view chunk) -> base::status {
                                        out += chunk.size();
                                        if (out > quick_output_bytes)
                                          return base::fail(errc::needs_worker, "{} bytes", out);
                                        return checker.feed(chunk);
                                      }));
  return checker.finish();
}

model::compression_type stored_compression(metadata::topic_compression wanted, model::compression_type came) {
  switch (wanted) {
    case metadata::topic_compression::producer:
      return came;
    case metadata::topic_compression::uncompressed:
      return model::compression_type::none;
    case metadata::topic_compression::gzip:
      return model::compression_type::gzip;
    case metadata::topic_compression::snappy:
      return model::compression_type::snappy;
    case metadata::topic_compression::lz4:
      return model::compression_type::lz4;
    case metadata::topic_compression::zstd:
      return model::compression_type::zstd;
  }
  return came;
}

codec::compression_level level_of(const metadata::topic_config& config, model::compression_type type) {
  switch (type) {
    case model::compression_type::gzip:
      return codec::compression_level(config.gzip_level);
    case model::compression_type::lz4:
      return codec::compression_level(config.lz4_level);
    case model::compression_type::zstd:
      return codec::compression_level(config.zstd_level);
    default:
      return {};
  }
}

refusal refuse_rewritten(const base::error& fault, const metadata::topic_config& config) {
  if (fault.code == codec::compression_errc::output_too_large) {
    return refuse(errc::batch_too_large,
                  "under the topic's compression.type it is beyond its max.message.bytes {}",
                  config.max_message_bytes);
  }
  return refuse(errc::invalid_batch, "{}", fault.describe());
}

/// `stored` is the batch that `came`, or has been made of it.
void correct_max_timestamp(base::byte_span stored, const model::record_batch_view& came,
                           const model::record_check_summary& summary) {
  if (came.max_timestamp() == summary.max_timestamp) return;
  model::set_max_timestamp(stored, summary.max_timestamp);
  model::reseal_crc(stored);
}

/// The batch as it will be stored.
tl::expected<checked_batch, batch_refusal> finish(base::byte_span records,
                                                  const model::record_batch_view& batch,
                                                  const model::record_check_summary& summary,
                                                  const metadata::topic_config& config,
                                                  base::unix_ms now_ms) {
  const bool stamp = config.message_timestamp_type == metadata::timestamp_type::log_append_time;
  const auto target = stored_compression(config.compression, batch.compression());
  if (target != batch.compression()) {
    codec::recompress_options options;
    options.target = target;
    options.level = level_of(config, target);
    // What is stored is held to the topic's limit as well, or a small batch could become one that no consumer can take.
    options.most_bytes = static_cast<std::size_t>(config.max_message_bytes);
    if (stamp) options.append_time = model::timestamp(now_ms);
    auto rewritten = codec::recompress_batch(batch, options);
    if (!rewritten) return refuse_rewritten(rewritten.error(), config);
    checked_batch made;
    made.rewritten = std::move(*rewritten);
    made.bytes = made.rewritten;
    if (!stamp) correct_max_timestamp(made.bytes, batch, summary);
    return made;
  }
  if (stamp) {
    model::set_log_append_time(records, model::timestamp(now_ms));
    model::reseal_crc(records);
  } else {
    correct_max_timestamp(records, batch, summary);
  }
  return checked_batch{records, {}};
}

}  // namespace

tl::expected<checked_batch, batch_refusal> check_batch(base::byte_span records,
                                                       const metadata::topic_config& config,
                                                       base::unix_ms now_ms, check_effort effort) {
  if (records.empty()) return refuse(errc::invalid_batch, "no record batch was sent");
  const auto batch = model::parse_only_record_batch(records);
  if (!batch) return refuse_header(batch.error());
  if (batch->size_bytes() > static_cast<std::size_t>(config.max_message_bytes)) {
    return refuse(errc::batch_too_large, "{} bytes, max.message.bytes is {}", batch->size_bytes(),
                  config.max_message_bytes);
  }
  if (const auto sound = model::verify_crc(*batch); !sound) return refuse_header(sound.error());
  if (const auto allowed = model::check_produced_header(*batch); !allowed)
    return refuse_header(allowed.error());
  if (batch->timestamp_type() == model::timestamp_type::log_append_time) {
    return refuse(errc::invalid_timestamps, "a producer may not say that the broker set the timestamps");
  }
  const bool rewrite = stored_compression(config.compression, batch->compression()) != batch->compression();
  if (rewrite && effort == check_effort::quick)
    return refuse(errc::needs_worker, "another compression is wanted");

  const auto options = check_options(config, now_ms);
  const auto summary =
      effort == check_effort::quick ? check_quickly(*batch, options) : codec::check_records(*batch, options);
  if (!summary) {
    if (summary.error().code == make_error_code(errc::needs_worker))
      return refusal(batch_refusal{summary.error(), {}});
    return refuse(errc::invalid_batch, "{}", summary.error().describe());
  }
  if (!summary->without_key.empty()) {
    auto refused = refuse(errc::invalid_records, "a record without a key on a compacted topic");
    refused.value().records = summary->without_key;
    return refused;
  }
  if (!summary->outside_timestamps.empty()) {
    auto refused = refuse(errc::invalid_timestamps,
                          "a timestamp outside message.timestamp.before.max.ms {} and after.max.ms {}",
                          config.message_timestamp_before_max_ms, config.message_timestamp_after_max_ms);
    refused.value().records = summary->outside_timestamps;
    return refused;
  }
  return finish(records, *batch, *summary, config, now_ms);
}

}  // namespace tidelog::partition
