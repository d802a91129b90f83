// Subscriptions and assignments from any client: whatever can be read must be written again and then say the same.

#include "../../src/coordinator/consumer_protocol.hpp"

#include "tidelog/codec/consumer_protocol.hpp"
#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

using namespace tidelog;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block of its own size, so that a sanitizer sees the first byte read beyond it.
  std::vector<std::byte> bytes(size);
  std::transform(data, data + size, bytes.begin(), [](std::uint8_t byte) { return std::byte{byte}; });
  const auto version = coordinator::consumer_protocol_version(bytes);
  const auto subscription = coordinator::read_subscription(bytes);
  const auto assignment = coordinator::read_assignment(bytes);
  const auto topics = coordinator::read_subscribed_topics(bytes);
  if (!version && (subscription || assignment || topics)) std::abort();
  if (subscription) {
    if (!topics || *topics != subscription->topics) std::abort();
    const auto again =
        coordinator::read_subscription(coordinator::write_subscription(*subscription, *version));
    if (!again || *again != *subscription) std::abort();
  }
  if (assignment) {
    const auto again = coordinator::read_assignment(coordinator::write_assignment(*assignment, *version));
    if (!again || *again != *assignment) std::abort();
  }
  return 0;
}
