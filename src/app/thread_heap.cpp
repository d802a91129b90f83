#include "thread_heap.hpp"

#include <cstddef>

// From jemalloc(3). Null where the program is not linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value, std::size_t* old_bytes,
                                             void* new_value, std::size_t new_bytes);

namespace tidelog::app {

void cache_freed_memory_of_this_thread() {
  if (mallctl == nullptr) return;
  bool enabled = true;
  // Without a cache it goes on, a little slower.
  static_cast<void>(mallctl("thread.tcache.enabled", nullptr, nullptr, &enabled, sizeof(enabled)));
}

}  // namespace tidelog::app
