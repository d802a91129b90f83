#pragma once
// Reading the markers by which transactions end.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/transaction_end.hpp"

#include <optional>

namespace tidelog::storage {

/// What a transaction's marker says; nothing for every other batch, and for a marker that cannot be read.
[[nodiscard]] std::optional<model::transaction_end> marker_in(const model::record_batch_view& batch);
/// The same of the batch with this header, which lies at `position`. Fails with an errno.
[[nodiscard]] base::result<std::optional<model::transaction_end>> marker_at(
    const io::file& file, std::uint64_t position, const model::record_batch_header& batch);

}  // namespace tidelog::storage
