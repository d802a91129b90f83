#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/base/clock.hpp"
#include "tidelog/client/producer.hpp"
#include "tidelog/client/transaction_admin.hpp"
#include "tidelog/tools/quantity.hpp"
#include "tidelog/tools/record_format.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <thread>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct produce_arguments {
  std::string topic;
  std::string file = "-";
  std::string key_separator;
  std::string delimiter = "\\n";
  std::vector<std::string> headers;
  model::compression_type compression = model::compression_type::none;
  client::acks acks = client::acks::all;
  client::idempotence idempotence = client::idempotence::on;
  std::int32_t partition = -1;
  std::string batch_bytes = "1MB";
  std::optional<std::string> transactional_id;
  std::uint64_t transaction_records = 0;  ///< 0: all in one transaction
  std::string transaction_timeout = "1m";
};

/// Pieces of a stream between delimiters. A delimiter at the very end ends the last piece and begins none.
class piece_reader {
 public:
  piece_reader(std::FILE* from, std::string delimiter) : from_(from), delimiter_(std::move(delimiter)) {}

  /// The next piece, valid until the next call; nothing at the end. Fails with errno.
  base::result<std::optional<std::string_view>> next() {
    for (;;) {
      const auto found = buffer_.find(delimiter_, searched_);
      if (found != std::string::npos) {
        const auto piece = std::string_view(buffer_).substr(begin_, found - begin_);
        begin_ = searched_ = found + delimiter_.size();
        return piece;
      }
      if (at_end_) return last();
      TIDELOG_DO(fill());
    }
  }

 private:
  std::optional<std::string_view> last() {
    if (begin_ == buffer_.size()) return std::nullopt;
    const auto piece = std::string_view(buffer_).substr(begin_);
    begin_ = searched_ = buffer_.size();
    return piece;
  }
  base::status fill() {
    buffer_.erase(0, begin_);
    // The delimiter may lie across the border of what was read and what comes.
    const auto overlap = std::min(buffer_.size(), delimiter_.size() - 1);
    begin_ = 0;
    searched_ = buffer_.size() - overlap;
    constexpr std::size_t step = 256 * 1024;
    const auto before = buffer_.size();
    buffer_.resize(before + step);
    const auto got = std::fread(buffer_.data() + before, 1, step, from_);
    buffer_.resize(before + got);
    if (got < step) {
      const bool was_stopped = errno == EINTR && interrupted();
      if (std::ferror(from_) != 0 && !was_stopped) return base::fail_errno(errno, "reading the input");
      at_end_ = true;
    }
    return {};
  }

  std::FILE* from_;
  std::string delimiter_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;
  bool at_end_ = false;
};

struct input {
  explicit input(std::FILE* opened) : stream(opened) {}
  input(const input&) = delete;
  input& operator=(const input&) = delete;
  ~input() {
    if (stream != stdin) std::fclose(stream);
  }
  std::FILE* stream;
};

struct totals {
  std::uint64_t records = 0;
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
  std::map<model::partition_index, model::offset> ends;
};

/// What was delivered, and with a transactional id how much of that is committed.
struct progress_made {
  totals delivered;
  totals committed;
};

/// Commits what was added, or after an interrupt takes it back: part of what was meant to be one is never committed.
base::status finish(client::producer& producer, const produce_arguments& wanted, progress_made& done) {
  if (!wanted.transactional_id) return producer.flush();
  if (interrupted()) return producer.abort();
  TIDELOG_DO(producer.commit());
  done.committed = done.delivered;
  return {};
}

base::status produce_all(client::producer& producer, const produce_arguments& wanted, piece_reader& pieces,
                         progress_made& done) {
  TIDELOG_TRY(const auto separator, unescape(wanted.key_separator));
  std::vector<std::pair<std::string, std::string>> header_texts;
  for (const auto& header : wanted.headers) {
    TIDELOG_TRY(auto pair, split_pair(header));
    header_texts.push_back(std::move(pair));
  }
  std::vector<model::record_header_view> headers;
  headers.reserve(header_texts.size());
  for (const auto& [name, value] : header_texts)
    headers.push_back({base::as_bytes(name), base::as_bytes(value)});
  client::outgoing_record record;
  record.headers = headers;
  if (wanted.partition >= 0) record.partition = model::partition_index(wanted.partition);
  progress_line progress;
  std::uint64_t in_transaction = 0;
  while (!interrupted()) {
    TIDELOG_TRY(const auto piece, pieces.next());
    if (!piece) break;
    if (wanted.transaction_records > 0 && in_transaction++ == wanted.transaction_records) {
      TIDELOG_DO(finish(producer, wanted, done));
      in_transaction = 1;
    }
    auto value = *piece;
    record.key.reset();
    if (!separator.empty()) {
      const auto at = value.find(separator);
      if (at != std::string_view::npos) {
        record.key = base::as_bytes(value.substr(0, at));
        value = value.substr(at + separator.size());
      }
    }
    record.value = base::as_bytes(value);
    record.timestamp = model::timestamp(base::system_clock().now_ms());
    TIDELOG_DO(producer.add(wanted.topic, record));
    if (progress.is_due())
      progress.show(fmt::format("{} records, {}", done.delivered.records,
                                size_for_people(static_cast<double>(done.delivered.bytes))));
  }
  return finish(producer, wanted, done);
}

base::result<client::producer_options> options_of(const produce_arguments& wanted) {
  client::producer_options options;
  options.acks = wanted.acks;
  options.compression = wanted.compression;
  // Without every acknowledgement the broker cannot promise to store once.
  if (wanted.acks == client::acks::all) options.idempotence = wanted.idempotence;
  TIDELOG_TRY(const auto batch_bytes, parse_size(wanted.batch_bytes));
  options.batch_bytes = static_cast<std::size_t>(batch_bytes);
  options.seed = std::random_device{}();
  TIDELOG_TRY(options.transaction_timeout, parse_duration(wanted.transaction_timeout));
  if (!wanted.transactional_id) return options;
  options.transactional_id = wanted.transactional_id;
  if (options.idempotence == client::idempotence::off) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "a transaction needs --acks all, and no --no-idempotence");
  }
  return options;
}

/// Ends what is open after a failure, and says what is left.
std::string what_is_left(client::producer& producer, const produce_arguments& wanted,
                         const progress_made& done) {
  if (!wanted.transactional_id)
    return fmt::format(" (after {} records had been delivered)", done.delivered.records);
  const bool aborted = producer.abort().has_value();
  return fmt::format(" (after {} records had been committed; {})", done.committed.records,
                     aborted ? "the others were taken back"
                             : fmt::format("what became of the others, tidelog transaction describe {} tells",
                                           *wanted.transactional_id));
}

base::status print_totals(const cli_context& context, const produce_arguments& wanted, const totals& done) {
  if (context.wants_json()) {
    json ends = json::array();
    for (const auto& [partition, end] : done.ends)
      ends.push_back({{"partition", partition.value()}, {"end", end.value()}});
    return print_json({{"topic", wanted.topic},
                       {"records", done.records},
                       {"batches", done.batches},
                       {"bytes", done.bytes},
                       {"partitions", ends}});
  }
  return print_text(fmt::format(
      "{} record{} to {} in {} batch{}, {}\n", done.records, done.records == 1 ? "" : "s", wanted.topic,
      done.batches, done.batches == 1 ? "" : "es", size_for_people(static_cast<double>(done.bytes))));
}

/// A commit is answered when it is decided, and consumers see it a moment later. Whoever has waited for this command expects
/// them to see it now; where that takes long (a partition is offline), it will happen without us.
void wait_until_seen(client::cluster& in, const std::string& transactional_id) {
  constexpr std::chrono::seconds patience{10};
  constexpr std::chrono::milliseconds pause{2};
  const std::array ids{transactional_id};
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < give_up) {
    const auto known = client::describe_transactions(in, ids);
    if (!known || !known->front().state.starts_with("Prepare")) return;
    std::this_thread::sleep_for(pause);
  }
}

base::status run_produce(cli_context& context, const produce_arguments& wanted) {
  TIDELOG_TRY(auto delimiter, unescape(wanted.delimiter));
  if (delimiter.empty()) {
    return base::fail(std::make_error_code(std::errc::invalid_argument), "--delimiter must not be empty");
  }
  TIDELOG_TRY(const auto options, options_of(wanted));
  auto* const stream = wanted.file == "-" ? stdin : std::fopen(wanted.file.c_str(), "rb");
  if (stream == nullptr) return base::fail_errno(errno, "{}", wanted.file);
  const input opened(stream);
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY([[maybe_unused]] const auto* const topic, cluster->topic(wanted.topic));
  watch_for_interrupt();
  progress_made done;
  client::producer producer(*cluster, options, [&done](const client::delivery& delivered) {
    auto& sum = done.delivered;
    sum.records += static_cast<std::uint64_t>(delivered.record_count);
    sum.batches += 1;
    sum.bytes += delivered.batch_bytes;
    if (delivered.base_offset != model::no_offset)
      sum.ends[delivered.at.partition] = delivered.base_offset + delivered.record_count;
  });
  piece_reader pieces(opened.stream, std::move(delimiter));
  if (auto sent = produce_all(producer, wanted, pieces, done); !sent) {
    sent.error().context += what_is_left(producer, wanted, done);
    return sent;
  }
  if (wanted.transactional_id) wait_until_seen(*cluster, *wanted.transactional_id);
  return print_totals(context, wanted, !wanted.transactional_id ? done.delivered : done.committed);
}

void add_transaction_options(CLI::App& produce, produce_arguments& wanted) {
  auto* const id =
      produce
          .add_option(
              "--transactional-id", wanted.transactional_id,
              "Send all records in one transaction of this id: read-committed consumers see all or none")
          ->option_text("ID");
  produce
      .add_option("--transaction-records", wanted.transaction_records,
                  "Commit after so many records, and begin the next transaction")
      ->check(CLI::PositiveNumber)
      ->option_text("N")
      ->needs(id);
  produce
      .add_option("--transaction-timeout", wanted.transaction_timeout,
                  "The broker aborts a transaction that is open for longer")
      ->option_text("DURATION [1m]")
      ->needs(id);
}

}  // namespace

void add_produce_command(CLI::App& root, cli_context& context) {
  auto* const produce =
      root.add_subcommand("produce", "Send records, a line each, from standard input or a file");
  const auto wanted = std::make_shared<produce_arguments>();
  produce->add_option("TOPIC", wanted->topic, "Topic")->required();
  produce->add_option("FILE", wanted->file, "File to read, - for standard input")->capture_default_str();
  produce->add_option("-k,--key-separator", wanted->key_separator,
                      "What stands between key and value; lines without it have no key");
  produce->add_option("-d,--delimiter", wanted->delimiter, "What ends a record: \\n, \\0, any text")
      ->capture_default_str();
  produce->add_option("-H,--header", wanted->headers, "NAME=VALUE for every record; may be repeated")
      ->allow_extra_args(false);
  const std::map<std::string, model::compression_type> compressions{
      {"none", model::compression_type::none},
      {"gzip", model::compression_type::gzip},
      {"snappy", model::compression_type::snappy},
      {"lz4", model::compression_type::lz4},
      {"zstd", model::compression_type::zstd}};
  produce->add_option("-z,--compression", wanted->compression, "none, gzip, snappy, lz4 or zstd")
      ->transform(CLI::CheckedTransformer(compressions).description(""))
      ->option_text("NAME [none]");
  const std::map<std::string, client::acks> acknowledgements{{"all", client::acks::all},
                                                             {"-1", client::acks::all},
                                                             {"1", client::acks::leader},
                                                             {"0", client::acks::none}};
  produce->add_option("-a,--acks", wanted->acks, "all, 1 or 0")
      ->transform(CLI::CheckedTransformer(acknowledgements).description(""))
      ->option_text("ACKS [all]");
  produce
      ->add_option("-p,--partition", wanted->partition,
                   "Partition (default: by key as every Kafka client does)")
      ->check(CLI::NonNegativeNumber);
  produce->add_flag(
      "--no-idempotence", [wanted](std::int64_t) { wanted->idempotence = client::idempotence::off; },
      "Do not ask for a producer id; a batch may then be stored twice when its answer is lost");
  produce->add_option("--batch-bytes", wanted->batch_bytes, "Largest batch before compression")
      ->capture_default_str();
  add_transaction_options(*produce, *wanted);
  produce->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_produce(context, *wanted); }; });
  produce->footer(
      examples({"tidelog produce orders < orders.txt", "tidelog produce orders orders.csv --key-separator ,",
                "echo hello | tidelog produce greetings --header lang=en --compression zstd",
                "tidelog produce orders orders.txt --transactional-id loader --transaction-records 1000"}));
}

}  // namespace tidelog::tools
