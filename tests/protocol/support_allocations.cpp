// The test program's own operator new, which counts. In a file of its own, since a compiler that sees both through
// each other takes malloc and free for a mismatch of new and delete.

#include "allocations.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t counted_bytes = 0;

}  // namespace

namespace tidelog::test {

std::size_t allocated_bytes() {
  return counted_bytes;
}

}  // namespace tidelog::test

void* operator new(std::size_t size) {
  counted_bytes += size;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
