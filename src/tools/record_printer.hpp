#pragma once
// Prints fetched records to standard output, many at a time.

#include "cli_context.hpp"

#include "tidelog/client/fetcher.hpp"
#include "tidelog/tools/record_format.hpp"

#include <cstdint>
#include <string>

namespace tidelog::tools {

class record_printer {
 public:
  /// The format is for people's output; JSON has one object a line.
  record_printer(output_format output, record_format format) : output_(output), format_(std::move(format)) {}

  /// Copies the record, and writes when much has come together.
  [[nodiscard]] base::status add(const client::fetched_record& record);
  /// Writes what has not been written yet. What a failed write was to write is gone.
  [[nodiscard]] base::status flush();
  /// Records added so far.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  void append_json(const client::fetched_record& record);

  output_format output_;
  record_format format_;
  std::string text_;
  std::uint64_t count_ = 0;
};

}  // namespace tidelog::tools
