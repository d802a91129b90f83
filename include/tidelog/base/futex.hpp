#pragma once
// Sleeping in the kernel until a word changes: what the small mutexes are made of.

#include <climits>

#include <atomic>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tidelog::base {

/// The kernel looks at four bytes.
template <class Word>
concept futex_word = sizeof(std::atomic<Word>) == 4 && std::atomic<Word>::is_always_lock_free;

/// Sleeps while `word` is `asleep_while`. Also returns when it is another by now, or for nothing: the caller looks.
template <futex_word Word>
void futex_wait(const std::atomic<Word>& word, Word asleep_while) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, asleep_while, nullptr, nullptr, 0);
}
template <futex_word Word>
void futex_wake_one(const std::atomic<Word>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}
template <futex_word Word>
void futex_wake_all(const std::atomic<Word>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace tidelog::base
