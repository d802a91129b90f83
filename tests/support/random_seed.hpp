#pragma once
// The seed of a random test: printed, so that a failure can be replayed with TIDELOG_TEST_SEED=N.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace tidelog::test {

[[nodiscard]] inline std::uint64_t random_seed() {
  const char* given = std::getenv("TIDELOG_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "replay with TIDELOG_TEST_SEED=" << seed << '\n';
  return seed;
}

}  // namespace tidelog::test
