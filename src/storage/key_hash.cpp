#include "key_hash.hpp"

#include <bit>
#include <random>

namespace tidelog::storage {
namespace {

constexpr std::size_t word_bytes = 8;

/// Little-endian, whatever the machine is; `count` bytes of at most eight.
[[nodiscard]] std::uint64_t load_word(const std::byte* from, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t at = 0; at < count; ++at) word |= std::to_integer<std::uint64_t>(from[at]) << (8 * at);
  return word;
}

struct sip_state {
  std::uint64_t a;
  std::uint64_t b;
  std::uint64_t c;
  std::uint64_t d;

  void rounds(int count) {
    for (int each = 0; each < count; ++each) {
      a += b;
      c += d;
      b = std::rotl(b, 13) ^ a;
      d = std::rotl(d, 16) ^ c;
      a = std::rotl(a, 32);
      c += b;
      a += d;
      b = std::rotl(b, 17) ^ c;
      d = std::rotl(d, 21) ^ a;
      c = std::rotl(c, 32);
    }
  }
  void take(std::uint64_t word) {
    d ^= word;
    rounds(2);
    a ^= word;
  }
  [[nodiscard]] std::uint64_t result() const { return a ^ b ^ c ^ d; }
};

}  // namespace

key_hasher key_hasher::with_random_secret() {
  std::random_device device;
  const auto draw = [&device] { return std::uint64_t{device()} << 32 | device(); };
  return key_hasher({draw(), draw()});
}

key_hash key_hasher::operator()(base::byte_view bytes) const {
  // The constants are the algorithm's own; 0xee marks the 128-bit variant.
  sip_state state{key_.first ^ 0x736f6d6570736575U, key_.second ^ 0x646f72616e646f6dU ^ 0xeeU,
                  key_.first ^ 0x6c7967656e657261U, key_.second ^ 0x7465646279746573U};
  const std::size_t whole = bytes.size() / word_bytes * word_bytes;
  for (std::size_t at = 0; at < whole; at += word_bytes) state.take(load_word(bytes.data() + at, word_bytes));
  state.take(load_word(bytes.data() + whole, bytes.size() - whole) | std::uint64_t{bytes.size()} << 56);
  state.c ^= 0xee;
  state.rounds(4);
  const std::uint64_t first = state.result();
  state.b ^= 0xdd;
  state.rounds(4);
  return {first, state.result()};
}

}  // namespace tidelog::storage
