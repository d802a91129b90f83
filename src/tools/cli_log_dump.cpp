#include "batch_finder.hpp"
#include "cli_log.hpp"
#include "log_verify.hpp"
#include "record_schema.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/codec/compression.hpp"
#include "tidelog/model/record.hpp"
#include "tidelog/storage/leader_epoch_cache.hpp"
#include "tidelog/storage/log_directory_names.hpp"
#include "tidelog/storage/meta_properties.hpp"
#include "tidelog/storage/offset_index.hpp"
#include "tidelog/storage/partition_metadata.hpp"
#include "tidelog/storage/producer_snapshot.hpp"
#include "tidelog/storage/time_index.hpp"
#include "tidelog/storage/transaction_index.hpp"

#include <algorithm>
#include <charconv>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct dump_arguments {
  std::vector<std::string> files;
  bool records = false;
};

constexpr std::uint64_t most_file_bytes = std::uint64_t{1} << 30;
constexpr std::size_t most_batch_bytes = std::size_t{1} << 30;

/// The offset that the file's name says it begins at.
base::result<model::offset> base_offset_of(const io::path& name) {
  const auto stem = name.stem().string();
  std::int64_t offset = 0;
  const auto* end = stem.data() + stem.size();
  const auto [rest, failure] = std::from_chars(stem.data(), end, offset);
  if (failure != std::errc{} || rest != end) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "{}: the name of such a file is an offset of 20 digits", name.string());
  }
  return model::offset(offset);
}

/// Prints what one file holds, in lines for people or one JSON document a line.
/// Printable text in quotes; other bytes as \\xHH.
std::string escaped(base::byte_view bytes) {
  std::string text = "\"";
  for (const auto byte : bytes) {
    const auto value = std::to_integer<unsigned char>(byte);
    constexpr unsigned char first_printable = 0x20;
    constexpr unsigned char last_printable = 0x7e;
    if (value == '"' || value == '\\') {
      text += '\\';
      text += static_cast<char>(value);
    } else if (value >= first_printable && value <= last_printable) {
      text += static_cast<char>(value);
    } else {
      text += fmt::format("\\x{:02x}", value);
    }
  }
  return text + '"';
}
std::string escaped(const model::nullable_bytes& bytes) {
  return bytes ? escaped(*bytes) : "null";
}

bool is_checkpoint_text(const std::string& name) {
  return name.ends_with("-offset-checkpoint") || name == storage::leader_epoch_cache::file_name ||
         name == storage::partition_metadata_name || name == storage::meta_properties_name ||
         name == "quorum-state";
}

class dumper {
 public:
  dumper(const cli_context& context, const dump_arguments& wanted, io::file_system& files)
      : context_(context), wanted_(wanted), files_(&files) {}

  base::status dump(const io::path& name) {
    if (!context_.wants_json()) TIDELOG_DO(print_text(fmt::format("{}\n", name.string())));
    const auto kind = name.extension().string();
    if (kind == ".log" || kind == ".checkpoint") return dump_batches(name);
    if (kind == storage::offset_index_entry::file_suffix)
      return dump_index<storage::offset_index_entry>(name);
    if (kind == storage::time_index_entry::file_suffix) return dump_index<storage::time_index_entry>(name);
    if (kind == storage::transaction_index_suffix) return dump_transaction_index(name);
    if (kind == ".snapshot") return dump_snapshot(name);
    if (is_checkpoint_text(name.filename().string())) return dump_text(name);
    return base::fail(
        std::make_error_code(std::errc::invalid_argument),
        "{}: only .log, .index, .timeindex, .txnindex, .snapshot and .checkpoint files, and the checkpoints "
        "that are text, can be read",
        name.string());
  }
  /// Whether a directory's file of that name is one to dump.
  static bool can_dump(const io::path& name) {
    const auto kind = name.extension().string();
    return kind == ".log" || kind == ".checkpoint" || kind == storage::offset_index_entry::file_suffix ||
           kind == storage::time_index_entry::file_suffix || kind == storage::transaction_index_suffix ||
           kind == ".snapshot" || is_checkpoint_text(name.filename().string());
  }

 private:
  base::status dump_batches(const io::path& name);
  base::status print_damage(byte_range range, const base::error& why);
  base::status print_old_message(std::uint64_t position, std::uint64_t end);
  base::status print_batch(const model::record_batch_view& batch, std::uint64_t position, bool crc_holds);
  base::status print_records(const model::record_batch_view& batch, log_content content);
  base::status print_record(const model::record_batch_view& batch, const model::record_view& record,
                            log_content content);
  template <class Entry>
  base::status dump_index(const io::path& name);
  base::status dump_transaction_index(const io::path& name);
  base::status dump_snapshot(const io::path& name);
  base::status dump_text(const io::path& name);
  base::status line(const json& document, std::string_view text) {
    return context_.wants_json() ? print_json(document) : print_text(text);
  }

  const cli_context& context_;
  const dump_arguments& wanted_;
  io::file_system* files_;
};

/// By the directory that the file lies in.
log_content content_of_file(const io::path& name) {
  if (name.filename() == "bootstrap.checkpoint") return log_content::metadata;
  std::error_code ignored;
  return content_of(std::filesystem::absolute(name, ignored).parent_path().filename().string());
}

/// Damage is named where it stands; the first is what the file's outcome tells.
base::status dumper::dump_batches(const io::path& name) {
  TIDELOG_TRY(const auto opened, files_->open(name, io::open_mode::read));
  TIDELOG_TRY(auto window, file_window::open(*opened));
  const auto base = base_offset_of(name).value_or(model::offset(0));
  batch_finder finder(window, {base, {}});
  const auto content = content_of_file(name);
  progress_line progress;
  base::status outcome;
  auto expected = base;
  for (std::uint64_t position = 0; position < window.size();) {
    if (progress.is_due()) progress.show(fmt::format("{} of {} bytes", position, window.size()));
    const auto batch = window.batch_at(position);
    if (!batch && is_errno(batch.error())) return tl::unexpected(batch.error());
    TIDELOG_TRY(const auto old_end, batch ? std::nullopt : finder.end_of_old_message(position));
    if (old_end) {
      TIDELOG_DO(print_old_message(position, *old_end));
      position = *old_end;
      continue;
    }
    base::status dumped = batch ? model::verify_crc(*batch) : tl::unexpected(batch.error());
    const bool is_sound = dumped.has_value();
    auto next = window.size();
    if (batch) {
      expected = is_sound ? std::max(expected, batch->next_offset()) : expected;
      next = position + batch->size_bytes();
      TIDELOG_DO(print_batch(*batch, position, is_sound));
      if (is_sound && wanted_.records) dumped = print_records(*batch, content);
    }
    if (!dumped) {
      if (!is_sound) {
        TIDELOG_TRY(const auto behind, finder.behind_damage(position, expected));
        next = behind.value_or(window.size());
      }
      TIDELOG_DO(print_damage({position, next}, dumped.error()));
      dumped.error().context =
          fmt::format("{} at position {}: {}", name.string(), position, dumped.error().context);
      if (outcome) outcome = std::move(dumped);
    }
    position = next;
  }
  return outcome;
}

base::status dumper::print_damage(byte_range range, const base::error& why) {
  const json document{{"damaged_from", range.begin}, {"damaged_to", range.end}, {"why", why.describe()}};
  return line(document,
              fmt::format("DAMAGED  positions {}-{}: {}\n", range.begin, range.end - 1, why.describe()));
}

base::status dumper::print_old_message(std::uint64_t position, std::uint64_t end) {
  const json document{{"old_format", true}, {"position", position}, {"size_bytes", end - position}};
  return line(document, fmt::format("message of format 0 or 1, not read  position {}  bytes {}\n", position,
                                    end - position));
}

base::status dumper::print_batch(const model::record_batch_view& batch, std::uint64_t position,
                                 bool crc_holds) {
  const bool log_append_time = batch.timestamp_type() == model::timestamp_type::log_append_time;
  const json document{{"base_offset", batch.base_offset().value()},
                      {"last_offset", batch.last_offset().value()},
                      {"records", batch.record_count()},
                      {"position", position},
                      {"size_bytes", batch.size_bytes()},
                      {"leader_epoch", batch.partition_leader_epoch().value()},
                      {"compression", model::name_of(batch.compression())},
                      {"timestamp_type", log_append_time ? "LogAppendTime" : "CreateTime"},
                      {"base_timestamp", batch.base_timestamp().value()},
                      {"max_timestamp", batch.max_timestamp().value()},
                      {"producer_id", batch.producer_id().value()},
                      {"producer_epoch", batch.producer_epoch().value()},
                      {"base_sequence", batch.base_sequence().value()},
                      {"transactional", batch.is_transactional()},
                      {"control", batch.is_control()},
                      {"crc", batch.crc()},
                      {"crc_holds", crc_holds}};
  auto text = fmt::format("offsets {}-{}  records {}  position {}  bytes {}  epoch {}  {}  {} {}",
                          batch.base_offset().value(), batch.last_offset().value(), batch.record_count(),
                          position, batch.size_bytes(), batch.partition_leader_epoch().value(),
                          model::name_of(batch.compression()),
                          log_append_time ? "LogAppendTime" : "CreateTime", batch.max_timestamp().value());
  if (batch.has_producer_id()) {
    text += fmt::format("  producer {} epoch {} sequence {}", batch.producer_id().value(),
                        batch.producer_epoch().value(), batch.base_sequence().value());
  }
  if (batch.is_transactional()) text += "  transactional";
  if (batch.is_control()) text += "  control";
  text += fmt::format("  crc {:08x}{}\n", batch.crc(), crc_holds ? "" : " DOES NOT HOLD");
  return line(document, text);
}

base::status dumper::print_records(const model::record_batch_view& batch, log_content content) {
  std::vector<std::byte> opened;
  auto records = batch.records();
  if (batch.compression() != model::compression_type::none) {
    TIDELOG_TRY(opened, codec::decompress(batch.compression(), records, most_batch_bytes));
    records = opened;
  }
  model::record_reader reader(records, batch.record_count());
  for (;;) {
    TIDELOG_TRY(const auto record, reader.next());
    if (!record) return {};
    TIDELOG_DO(print_record(batch, *record, content));
  }
}

base::status dumper::print_record(const model::record_batch_view& batch, const model::record_view& record,
                                  log_content content) {
  const auto offset = model::offset_of(batch, record).value();
  const auto timestamp = model::timestamp_of(batch, record).value();
  json meaning = json::object();
  // A record that is not what its type says is shown as the bytes that it is.
  const auto knowledge =
      batch.is_control() ? open_control_record(record, meaning) : open_record(content, record, meaning);
  const bool opened = knowledge && *knowledge == record_knowledge::opened;
  auto text = fmt::format("  offset {}  timestamp {}", offset, timestamp);
  if (opened) {
    text += fmt::format("  {}", meaning.dump(-1, ' ', false, json::error_handler_t::replace));
  } else {
    text += fmt::format("  key {}  value {}", escaped(record.key), escaped(record.value));
  }
  json headers = json::array();
  model::record_header_reader reader(record);
  while (const auto header = reader.next()) {
    json one;
    put_bytes(one, "name", header->key);
    if (header->value) put_bytes(one, "value", *header->value);
    headers.push_back(std::move(one));
    text += fmt::format("  {}={}", escaped(header->key), escaped(header->value));
  }
  json document{{"offset", offset}, {"timestamp", timestamp}, {"headers", std::move(headers)}};
  if (record.key) put_bytes(document, "key", *record.key);
  if (record.value) put_bytes(document, "value", *record.value);
  if (opened) document["record"] = std::move(meaning);
  return line(document, text + "\n");
}

json to_json(const storage::offset_index_entry& entry) {
  return {{"last_offset", entry.last_offset.value()}, {"position", entry.position}};
}
json to_json(const storage::time_index_entry& entry) {
  return {{"timestamp", entry.timestamp.value()}, {"last_offset", entry.last_offset.value()}};
}
std::string to_text(const storage::offset_index_entry& entry) {
  return fmt::format("offset {}  position {}\n", entry.last_offset.value(), entry.position);
}
std::string to_text(const storage::time_index_entry& entry) {
  return fmt::format("timestamp {}  offset {}\n", entry.timestamp.value(), entry.last_offset.value());
}

template <class Entry>
base::status dumper::dump_index(const io::path& name) {
  TIDELOG_TRY(const auto base, base_offset_of(name));
  TIDELOG_TRY(const auto content, io::read_file(*files_, name, most_file_bytes));
  std::optional<Entry> before;
  std::size_t at = 0;
  for (; at + Entry::size_bytes <= content.size(); at += Entry::size_bytes) {
    const auto bytes = base::byte_view(content).subspan(at, Entry::size_bytes);
    // While a segment is written to, its indexes are laid out beforehand: the zeros are room.
    if (at > 0 && std::all_of(bytes.begin(), bytes.end(), [](std::byte one) { return one == std::byte{0}; }))
      break;
    const auto entry = Entry::decode(bytes.data(), base);
    TIDELOG_DO(line(to_json(entry), to_text(entry)));
    if (before && !entry.follows(*before)) {
      return base::fail(model::batch_errc::bad_offsets,
                        "{} at position {}: the entry does not rise above the one before", name.string(), at);
    }
    before = entry;
  }
  return {};
}

base::status dumper::dump_transaction_index(const io::path& name) {
  TIDELOG_TRY(const auto content, io::read_file(*files_, name, most_file_bytes));
  TIDELOG_TRY(const auto entries, storage::decode_transaction_index(content, name.string()));
  for (const auto& entry : entries) {
    const json document{{"producer_id", entry.producer.value()},
                        {"first_offset", entry.first_offset.value()},
                        {"last_offset", entry.last_offset.value()},
                        {"last_stable_offset", entry.last_stable_offset.value()}};
    TIDELOG_DO(line(document, fmt::format("producer {}  offsets {}-{}  last stable offset {}\n",
                                          entry.producer.value(), entry.first_offset.value(),
                                          entry.last_offset.value(), entry.last_stable_offset.value())));
  }
  return {};
}

base::status dumper::dump_snapshot(const io::path& name) {
  TIDELOG_TRY(const auto content, io::read_file(*files_, name, most_file_bytes));
  TIDELOG_TRY(const auto entries, storage::decode_producer_snapshot(content, name));
  for (const auto& entry : entries) {
    const json document{{"producer_id", entry.producer.value()},
                        {"producer_epoch", entry.epoch.value()},
                        {"last_sequence", entry.last_sequence.value()},
                        {"last_offset", entry.last_offset.value()},
                        {"offset_delta", entry.offset_delta},
                        {"timestamp", entry.timestamp.value()},
                        {"coordinator_epoch", entry.coordinator_epoch},
                        {"transaction_first_offset", entry.current_txn_first_offset.value()}};
    TIDELOG_DO(
        line(document, fmt::format("producer {}  epoch {}  last sequence {}  last offset {}  timestamp {}\n",
                                   entry.producer.value(), entry.epoch.value(), entry.last_sequence.value(),
                                   entry.last_offset.value(), entry.timestamp.value())));
  }
  return {};
}

base::status dumper::dump_text(const io::path& name) {
  TIDELOG_TRY(const auto content, io::read_file(*files_, name, most_file_bytes));
  const auto text = base::as_text(content);
  json document{{"file", name.filename().string()}};
  put_bytes(document, "text", content);
  return line(document, text.ends_with('\n') ? std::string(text) : std::string(text) + "\n");
}

/// The files below a data directory or in a partition's, in the order of their names.
base::result<std::vector<io::path>> files_below(io::file_system& files, const io::path& directory) {
  TIDELOG_TRY(auto entries, files.list(directory));
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  std::vector<io::path> found;
  for (const auto& entry : entries) {
    const auto name = directory / entry.name;
    if (entry.kind == io::entry_kind::file && dumper::can_dump(name)) found.push_back(name);
    if (entry.kind != io::entry_kind::directory || !storage::parse_directory_name(entry.name)) continue;
    TIDELOG_TRY(const auto inner, files_below(files, name));
    found.insert(found.end(), inner.begin(), inner.end());
  }
  return found;
}

base::status run_dump(cli_context& context, const dump_arguments& wanted) {
  const auto files = io::make_posix_file_system();
  dumper work(context, wanted, *files);
  base::status outcome;
  // One damaged file does not keep the others from being shown; the first failure is the result.
  const auto dump = [&](const io::path& file) {
    auto dumped = work.dump(file);
    if (dumped) return;
    if (outcome) {
      outcome = std::move(dumped);
    } else {
      std::fprintf(stderr, "tidelog: %s\n", dumped.error().describe().c_str());
    }
  };
  for (const auto& given : wanted.files) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(given, ignored)) {
      dump(given);
      continue;
    }
    TIDELOG_TRY(const auto target, find_target(*files, given));
    TIDELOG_TRY(const auto lock, lock_stopped_directory(*files, target.root, lock_need::if_permitted));
    TIDELOG_TRY(const auto below, files_below(*files, given));
    for (const auto& file : below) dump(file);
  }
  return outcome;
}

}  // namespace

void add_log_dump_command(CLI::App& log, cli_context& context) {
  auto* const dump =
      log.add_subcommand("dump",
                         "Show what is in files of a data directory, or in all of a stopped one; checks what "
                         "it reads, and goes on\nbehind damage. Records of "
                         "the metadata log and of the groups' offsets are shown by what they mean");
  const auto wanted = std::make_shared<dump_arguments>();
  dump->add_option(
          "PATH", wanted->files,
          "Segments (.log), indexes (.index, .timeindex, .txnindex), producer snapshots (.snapshot),\n"
          "metadata snapshots (.checkpoint), checkpoints; or directories with such files")
      ->required();
  dump->add_flag("-r,--records", wanted->records, "Every record of the batches too");
  dump->callback(
      [&context, wanted] { context.action = [&context, wanted] { return run_dump(context, *wanted); }; });
  dump->footer(examples({"tidelog log dump /var/lib/tidelog/orders-0/00000000000000000000.log --records",
                         "tidelog log dump /var/lib/tidelog/__cluster_metadata-0 --records",
                         "tidelog log dump /var/lib/tidelog/orders-0/*.timeindex -o json"}));
}

}  // namespace tidelog::tools
