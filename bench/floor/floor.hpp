#pragma once
// What the floor programs share. A floor is the least that any broker must do for a request, written with
// nothing but system calls: what a broker reaches is told as a part of it, measured on the same machine in
// the same minutes.
//
// A request is   size int32 · id int32 · length int64 · payload   (size counts what follows it; big-endian)
// and an answer is answer_bytes long, of which fetches send `length` more bytes. Server and client are two
// processes, so that the processor time of the server can be told.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tidelog::floor_bench {

inline constexpr std::size_t request_header_bytes = 16;
/// About what an answer to a produce of one partition takes.
inline constexpr std::size_t answer_bytes = 64;

struct options {
  std::string mode;
  std::string directory = "/tmp";
  std::size_t batch_bytes = 0;  ///< payload of a request; of an answer for `sendfile`
  int connections = 0;
  int depth = 0;
  double seconds = 3;
  double warm_up_seconds = 1;
  std::uint64_t segment_bytes = 256ULL << 20;
  bool growing = false;
  /// Not 0: each payload goes to one of so many files at random.
  std::size_t files = 0;
  std::size_t open_files = 4000;
};

/// An owned descriptor.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  descriptor& operator=(descriptor&& other) noexcept;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor();
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_ = -1;
};

/// Prints what failed with errno and ends the process: a floor that cannot run has nothing to say.
[[noreturn]] void give_up(const char* what);
/// The call's result, or the end of the process when it is negative.
long must(long outcome, const char* what);

/// A file without a name in `directory`, so that nothing is left behind.
descriptor unnamed_file(const std::string& directory);

void add_to_epoll(int epoll, int socket, std::uint32_t events, std::uint64_t tag);

/// Bytes that wait to leave a non-blocking socket.
class outgoing {
 public:
  void append(const void* bytes, std::size_t count);
  /// Sends what the socket takes now; false when something is left.
  bool flush(int socket);
  [[nodiscard]] bool empty() const { return sent_ == bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t sent_ = 0;
};

/// Requests of one connection as they come in: whole frames are handed out one by one.
class incoming {
 public:
  explicit incoming(std::size_t frame_bytes);
  struct frame {
    std::uint32_t id;
    std::uint64_t length;
    const std::byte* payload;
    std::size_t payload_bytes;
  };
  /// Receives once. False when the peer has gone.
  bool receive(int socket);
  /// The next whole frame; valid until receive.
  bool next(frame& into);

 private:
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// An answer of answer_bytes that carries the id and the checksum, so that nobody can leave it out.
void append_answer(outgoing& to, std::uint32_t id, std::uint64_t content);

/// Serves connections of the listening socket until it is killed.
using server = std::function<void(int listener, const options&)>;

/// Runs `serve` in a child, drives it, and prints one line of JSON.
int measure(const options& wanted, const server& serve);

void serve_sink(int listener, const options& wanted);
/// Leaves its files in wanted.directory.
void serve_many_sinks(int listener, const options& wanted);
void serve_sendfile(int listener, const options& wanted);
void serve_group_commit(int listener, const options& wanted);

}  // namespace tidelog::floor_bench
