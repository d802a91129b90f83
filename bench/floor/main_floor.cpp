#include "floor.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace {

using tidelog::floor_bench::options;

constexpr const char* help =
    "tidelog-floor MODE [--batch-bytes N] [--connections N] [--depth N] [--seconds S] [--warm-up S]\n"
    "              [--dir DIR] [--segment-bytes N] [--growing] [--files N] [--open-files N]\n"
    "\n"
    "The least that a broker must do, with nothing but system calls. Prints one line of JSON.\n"
    "  sink          receive, CRC32C, pwrite, answer: the floor of produce throughput\n"
    "                (default 262144 bytes, 4 connections, depth 4)\n"
    "  ping-pong     the same, one request at a time: the floor of synchronous latency (1024 bytes)\n"
    "  sendfile      cached data to a reader that discards it: the floor of fetch\n"
    "                (1048576 bytes an answer, 2 connections, depth 2)\n"
    "  group-commit  1024-byte records, answered after an fdatasync that many share\n"
    "                (8 connections, depth 1)\n"
    "\n"
    "Files without a name are made in --dir (default /tmp): use the file system that the broker uses.\n"
    "--files: append to so many files with names, each in a directory of its own, one of them at random for\n"
    "each request; no more than --open-files (default 4000) stay open. group-commit writes to them besides,\n"
    "and syncs those that are open for each half of what it is laid out for.\n"
    "--growing: the group commit appends to a growing file instead of one laid out beforehand.\n";

bool number(std::string_view text, auto& into) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failure == std::errc{} && end == text.data() + text.size() && into >= 0;
}

bool take(options& into, std::string_view name, const char* value) {
  if (name == "--batch-bytes") return number(value, into.batch_bytes) && into.batch_bytes > 0;
  if (name == "--connections") return number(value, into.connections) && into.connections > 0;
  if (name == "--depth") return number(value, into.depth) && into.depth > 0;
  if (name == "--seconds") return number(value, into.seconds) && into.seconds > 0;
  if (name == "--warm-up") return number(value, into.warm_up_seconds);
  if (name == "--segment-bytes") return number(value, into.segment_bytes);
  if (name == "--files") return number(value, into.files) && into.files > 0;
  if (name == "--open-files") return number(value, into.open_files) && into.open_files > 0;
  if (name == "--dir") return !(into.directory = value).empty();
  return false;
}

/// In a directory of its own, which goes at the end.
int measure_many_files(options wanted, const tidelog::floor_bench::server& serve) {
  wanted.directory += "/tidelog-floor-XXXXXX";
  if (::mkdtemp(wanted.directory.data()) == nullptr)
    tidelog::floor_bench::give_up("cannot make a directory in --dir");
  const int outcome = measure(wanted, serve);
  std::filesystem::remove_all(wanted.directory);
  return outcome;
}

void use_defaults(options& into, std::size_t batch_bytes, int connections, int depth) {
  if (into.batch_bytes == 0) into.batch_bytes = batch_bytes;
  if (into.connections == 0) into.connections = connections;
  if (into.depth == 0) into.depth = depth;
}

}  // namespace

int main(int count, char** arguments) {
  options wanted;
  if (count < 2 || std::string_view(arguments[1]) == "--help") {
    std::fputs(help, count < 2 ? stderr : stdout);
    return count < 2 ? 2 : 0;
  }
  wanted.mode = arguments[1];
  for (int i = 2; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--growing") {
      wanted.growing = true;
    } else if (i + 1 == count || !take(wanted, arguments[i], arguments[i + 1])) {
      std::fprintf(stderr, "tidelog-floor: %s: unknown option or bad value\n\n%s", arguments[i], help);
      return 2;
    } else {
      ++i;
    }
  }
  namespace floors = tidelog::floor_bench;
  if (wanted.mode == "sink") {
    use_defaults(wanted, 256 * 1024, 4, 4);
    return wanted.files > 0 ? measure_many_files(wanted, floors::serve_many_sinks)
                            : measure(wanted, floors::serve_sink);
  }
  if (wanted.mode == "ping-pong") {
    use_defaults(wanted, 1024, 1, 1);
    return wanted.files > 0 ? measure_many_files(wanted, floors::serve_many_sinks)
                            : measure(wanted, floors::serve_sink);
  }
  if (wanted.mode == "sendfile") {
    use_defaults(wanted, 1 << 20, 2, 2);
    return measure(wanted, floors::serve_sendfile);
  }
  if (wanted.mode == "group-commit") {
    use_defaults(wanted, 1024, 8, 1);
    return wanted.files > 0 ? measure_many_files(wanted, floors::serve_group_commit)
                            : measure(wanted, floors::serve_group_commit);
  }
  std::fprintf(stderr, "tidelog-floor: %s: unknown mode\n\n%s", arguments[1], help);
  return 2;
}
