#pragma once

#include <cstddef>

namespace tidelog::test {

/// Bytes that this thread has asked operator new for since it began.
[[nodiscard]] std::size_t allocated_bytes();

}  // namespace tidelog::test
