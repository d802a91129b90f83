// What durable produce costs at least: records of all connections are written to one file, one thread does
// nothing but fdatasync, and a request is answered by the sync that began after its write. The file is laid
// out and zeroed beforehand, so that its sync writes no metadata; --growing shows what a file that grows
// costs instead. With --files it is a journal: each record is also written to one of the files, and they are
// synced, beside what else goes on, whenever half of the journal has been written.

#include "floor.hpp"
#include "many_files.hpp"

#include "tidelog/base/crc32c.hpp"

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace tidelog::floor_bench {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t wake_tag = ~0ULL;

struct connection {
  connection(descriptor opened, std::size_t frame_bytes) : socket(std::move(opened)), in(frame_bytes) {}
  descriptor socket;
  incoming in;
  outgoing out;
};

struct written {
  std::size_t peer;
  std::uint32_t id;
  std::uint32_t checksum;
};

class committer {
 public:
  committer(int file, int wake) : file_(file), wake_(wake), thread_([this] { run(); }) {}

  /// Everything in `batch` has been written.
  void add(std::vector<written>& batch) {
    {
      const std::lock_guard hold(mutex_);
      waiting_.insert(waiting_.end(), batch.begin(), batch.end());
    }
    batch.clear();
    work_.notify_one();
  }
  void take_done(std::vector<written>& into) {
    const std::lock_guard hold(mutex_);
    into.swap(done_);
  }

 private:
  [[noreturn]] void run() {
    std::vector<written> batch;
    for (;;) {
      {
        std::unique_lock hold(mutex_);
        work_.wait(hold, [this] { return !waiting_.empty(); });
        batch.swap(waiting_);
      }
      must(::fdatasync(file_), "fdatasync");
      {
        const std::lock_guard hold(mutex_);
        done_.insert(done_.end(), batch.begin(), batch.end());
      }
      batch.clear();
      const std::uint64_t one = 1;
      must(::write(wake_, &one, sizeof one), "eventfd");
    }
  }

  int file_;
  int wake_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<written> waiting_;
  std::vector<written> done_;
  std::thread thread_;
};

/// Puts files on disk meanwhile, several at a time.
class round_of_syncs {
 public:
  round_of_syncs() {
    for (auto& each : threads_) each = std::thread([this] { run(); });
  }

  /// False while some of the last ones are left.
  bool begin(many_files& of) {
    {
      const std::lock_guard hold(mutex_);
      if (!waiting_.empty()) return false;
      waiting_ = of.take_grown();
    }
    work_.notify_all();
    return true;
  }

 private:
  [[noreturn]] void run() {
    for (;;) {
      descriptor mine;
      {
        std::unique_lock hold(mutex_);
        work_.wait(hold, [this] { return !waiting_.empty(); });
        mine = std::move(waiting_.back());
        waiting_.pop_back();
      }
      must(::fdatasync(mine.get()), "fdatasync");
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<descriptor> waiting_;
  std::array<std::thread, 32> threads_;
};

std::uint64_t journal_bytes_for(const options& wanted) {
  return (wanted.files > 0 ? 256 : 64) * mib;
}

descriptor make_journal(const options& wanted) {
  auto file = unnamed_file(wanted.directory);
  if (wanted.growing) return file;
  const std::vector<std::byte> zeros(1 << 20);
  for (std::uint64_t at = 0; at < journal_bytes_for(wanted); at += zeros.size())
    must(::pwrite(file.get(), zeros.data(), zeros.size(), static_cast<off_t>(at)), "pwrite");
  must(::fsync(file.get()), "fsync");
  return file;
}

class group_commit_server {
 public:
  group_commit_server(int listener, const options& wanted)
      : wanted_(wanted),
        epoll_(static_cast<int>(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"))),
        wake_(static_cast<int>(must(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"))),
        file_(make_journal(wanted)),
        journal_bytes_(journal_bytes_for(wanted)),
        segments_(wanted.files > 0 ? std::make_unique<many_files>(wanted) : nullptr),
        rounds_(wanted.files > 0 ? std::make_unique<round_of_syncs>() : nullptr),
        syncs_(file_.get(), wake_.get()) {
    add_to_epoll(epoll_.get(), wake_.get(), EPOLLIN, wake_tag);
    for (int i = 0; i < wanted.connections; ++i) {
      descriptor socket(
          static_cast<int>(must(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept")));
      add_to_epoll(epoll_.get(), socket.get(), EPOLLIN, static_cast<std::uint64_t>(i));
      peers_.push_back(
          std::make_unique<connection>(std::move(socket), wanted.batch_bytes + request_header_bytes));
    }
  }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(peers_.size() + 1);
    for (;;) {
      const auto ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const auto tag = events[static_cast<std::size_t>(i)].data.u64;
        if (tag == wake_tag)
          answer_done();
        else
          take_requests(tag);
      }
      if (!fresh_.empty()) syncs_.add(fresh_);
    }
  }

 private:
  void take_requests(std::size_t index) {
    auto& peer = *peers_[index];
    // The measuring process ends all connections at once and then this one: nothing is left to do.
    if (!peer.in.receive(peer.socket.get())) std::_Exit(0);
    incoming::frame frame{};
    while (peer.in.next(frame)) {
      const auto checksum = base::crc32c({frame.payload, frame.payload_bytes});
      if (!wanted_.growing && position_ + frame.payload_bytes > journal_bytes_) position_ = 0;
      must(::pwrite(file_.get(), frame.payload, frame.payload_bytes, static_cast<off_t>(position_)),
           "pwrite");
      position_ += frame.payload_bytes;
      if (segments_) append_to_segment(frame.payload, frame.payload_bytes);
      fresh_.push_back({index, frame.id, checksum});
    }
  }

  /// Before the journal comes to what it holds of them again, the segments are to be on disk.
  void append_to_segment(const std::byte* bytes, std::size_t count) {
    segments_->append(bytes, count);
    unsynced_ += count;
    if (unsynced_ > journal_bytes_ / 2 && rounds_->begin(*segments_)) unsynced_ = 0;
  }

  void answer_done() {
    std::uint64_t count = 0;
    if (::read(wake_.get(), &count, sizeof count) < 0) return;
    done_.clear();
    syncs_.take_done(done_);
    for (const auto& entry : done_) append_answer(peers_[entry.peer]->out, entry.id, entry.checksum);
    for (const auto& entry : done_)
      if (auto& peer = *peers_[entry.peer]; !peer.out.empty()) peer.out.flush(peer.socket.get());
  }

  const options& wanted_;
  descriptor epoll_;
  descriptor wake_;
  descriptor file_;
  const std::uint64_t journal_bytes_;
  std::uint64_t position_ = 0;
  std::unique_ptr<many_files> segments_;
  std::unique_ptr<round_of_syncs> rounds_;
  std::uint64_t unsynced_ = 0;
  std::vector<std::unique_ptr<connection>> peers_;
  std::vector<written> fresh_;
  std::vector<written> done_;
  committer syncs_;
};

}  // namespace

void serve_group_commit(int listener, const options& wanted) {
  group_commit_server(listener, wanted).run();
}

}  // namespace tidelog::floor_bench
