#pragma once
// How somebody who reads for long learns that nobody waits for it any more.

#include "tidelog/base/result.hpp"

#include <functional>

namespace tidelog::storage {

/// Fails when a scan is not wanted any more; empty where it always is.
using scan_interrupt = std::function<base::status()>;

}  // namespace tidelog::storage
