#pragma once
// Names and opens the records of Kafka's internal logs: metadata, consumer groups, transactions, share groups' state,
// and control records. Independent of the broker's own readers, so that the tools do not share their mistakes.

#include <nlohmann/json_fwd.hpp>

#include "tidelog/model/record.hpp"

#include <string_view>

namespace tidelog::tools {

/// What the records of a log are.
enum class log_content { records, metadata, groups, transactions, share_state };
/// By the name of the partition's directory.
[[nodiscard]] log_content content_of(std::string_view directory_name);

enum class record_knowledge {
  opened,  ///< the document says what the record means
  opaque,  ///< not of a kind or version that is known here; the document says what could be told
};

/// Puts what the record means into `into` (an object): its name, and its fields. Records of log_content::records are
/// opaque. Fails with batch_errc::bad_record_framing, or bad_control_record, where the bytes are not what their type says.
[[nodiscard]] base::result<record_knowledge> open_record(log_content content,
                                                         const model::record_view& record,
                                                         nlohmann::json& into);
/// The same for the record of a control batch.
[[nodiscard]] base::result<record_knowledge> open_control_record(const model::record_view& record,
                                                                 nlohmann::json& into);

}  // namespace tidelog::tools
