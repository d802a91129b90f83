// What an append and a read cost in the log itself, without a network. The log is in the page-cache mode, in a
// directory below TMPDIR that is removed at the end.

#include <benchmark/benchmark.h>

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/storage/log.hpp"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace {

using namespace tidelog;

/// A log of its own for each benchmark.
class log_fixture {
 public:
  log_fixture() : files_(io::make_posix_file_system()) {
    auto pattern = (std::filesystem::temp_directory_path() / "tidelog-micro-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory_ = pattern;
    storage::log_config config;
    config.flush_messages = storage::never_flush;
    config.segment_bytes = 64 << 20;
    config.retention_bytes = 64 << 20;
    config.file_delete_delay_ms = 0;
    auto opened = storage::log::open(environment_, directory_ / "micro-0",
                                     std::make_shared<const storage::log_config>(config),
                                     {.start = storage::start_kind::clean});
    if (!opened) std::abort();
    log_ = std::move(*opened);
  }
  log_fixture(const log_fixture&) = delete;
  log_fixture& operator=(const log_fixture&) = delete;
  ~log_fixture() {
    if (!log_->close(storage::close_kind::discard)) std::abort();
    log_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  storage::log& log() { return *log_; }

 private:
  std::unique_ptr<io::file_system> files_;
  std::filesystem::path directory_;
  storage::open_file_cache open_files_{100};
  storage::group_commit commits_{1};
  storage::log_environment environment_{*files_, open_files_, commits_, base::system_clock()};
  std::unique_ptr<storage::log> log_;
};

std::vector<std::byte> batch_of(std::size_t bytes) {
  const std::vector<std::byte> value(bytes - 80, std::byte{'v'});
  model::record_batch_builder builder;
  builder.add(model::timestamp(base::system_clock().now_ms()), {}, base::byte_view(value));
  return builder.build();
}

void append(benchmark::State& state) {
  log_fixture made;
  auto batch = batch_of(static_cast<std::size_t>(state.range(0)));
  std::int64_t written = 0;
  for (auto _ : state) {
    if (!made.log().append(batch, {})) state.SkipWithError("append failed");
    written += state.range(0);
    if (written < (64 << 20)) continue;
    // The disk must not fill; what it costs to delete is not what is measured.
    state.PauseTiming();
    const auto now_ms = base::system_clock().now_ms();
    if (!made.log().delete_old_segments(now_ms) || !made.log().remove_deleted_files(now_ms + 1))
      state.SkipWithError("deletion failed");
    written = 0;
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append)->Arg(256)->Arg(16 * 1024)->Arg(256 * 1024);

/// To the slice that sendfile would take, at offsets all over the log and one after the other.
void read_slice(benchmark::State& state) {
  log_fixture made;
  auto batch = batch_of(1024);
  constexpr std::int64_t records = 20'000;
  for (std::int64_t i = 0; i < records; ++i)
    if (!made.log().append(batch, {})) state.SkipWithError("append failed");
  const bool in_order = state.range(0) == 0;
  std::int64_t next = 0;
  for (auto _ : state) {
    const auto slice =
        made.log().read(model::offset(next), {.max_bytes = 64 * 1024}, storage::read_bound::high_watermark());
    if (!slice) state.SkipWithError("read failed");
    benchmark::DoNotOptimize(slice);
    next = in_order ? slice->next_offset.value() : (next + 7919) % records;
    if (next >= records) next = 0;
  }
}
BENCHMARK(read_slice)->ArgName("scattered")->Arg(0)->Arg(1);

}  // namespace
