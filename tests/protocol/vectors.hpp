#pragma once
// Messages encoded by another implementation: one JSON object a line, with version, bytes in hex, and fields.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

namespace tidelog::test {

struct message_vector {
  std::int16_t version;
  std::vector<std::byte> bytes;
  nlohmann::json fields;
};

[[nodiscard]] inline std::vector<message_vector> read_vectors(const std::string& name) {
  std::ifstream file(std::string(TIDELOG_TEST_DATA) + "/messages/" + name + ".jsonl");
  std::vector<message_vector> vectors;
  for (std::string line; std::getline(file, line);) {
    auto parsed = nlohmann::json::parse(line);
    const auto& hex = parsed.at("hex").get_ref<const std::string&>();
    message_vector vector{parsed.at("version").get<std::int16_t>(), {}, parsed.at("fields")};
    for (std::size_t at = 0; at + 2 <= hex.size(); at += 2) {
      vector.bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(at, 2), nullptr, 16)));
    }
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

}  // namespace tidelog::test
