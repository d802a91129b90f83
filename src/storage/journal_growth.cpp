#include "journal_growth.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{1024} * 1024;
constexpr std::uint64_t written_at_once = std::uint64_t{64} * 1024;

}  // namespace

base::status fill_with_zeros(io::file& file, std::uint64_t from, std::uint64_t to) {
  const std::vector<std::byte> zeros(std::min(written_at_once, to - from));
  for (std::uint64_t at = from; at < to; at += zeros.size()) {
    TIDELOG_DO(
        file.write_at(base::byte_view(zeros).first(std::min<std::uint64_t>(zeros.size(), to - at)), at));
  }
  return {};
}

base::status journal_growth::lay_out_piece() {
  const std::uint64_t end = std::min(laid_out_ + piece_bytes, header_.file_bytes());
  TIDELOG_DO(fill_with_zeros(*file_, laid_out_, end));
  TIDELOG_DO(file_->sync_data());
  laid_out_ = end;
  return {};
}

void journal_growth::give_back() {
  auto cut = file_->truncate(begin_);
  if (!cut) base::say_warning("{}", cut.error().describe());
}

}  // namespace tidelog::storage
