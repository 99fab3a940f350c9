// Access to what make_pil_references.py wrote when the tests were built.
#ifndef SISKIN_TESTS_SERVER_PIPELINE_PIL_REFERENCES_H_
#define SISKIN_TESTS_SERVER_PIPELINE_PIL_REFERENCES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"

namespace siskin::testing {

// `name` is that of a file among the references.
inline std::vector<uint8_t> ReadReference(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(SISKIN_PIL_REFERENCES) / name;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The rows of a tab-separated table; never empty, or the test fails.
inline std::vector<std::vector<std::string>> ReadReferenceTable(const std::string& name) {
  const std::vector<uint8_t> bytes = ReadReference(name);
  const std::string text(bytes.begin(), bytes.end());
  std::vector<std::vector<std::string>> rows;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    rows.push_back(absl::StrSplit(line, '\t'));
  }
  EXPECT_FALSE(rows.empty()) << name;
  return rows;
}

}  // namespace siskin::testing

// Skips the running test, saying so in one line, if the build found no Python with PIL.
#define SISKIN_SKIP_WITHOUT_PIL()                                                              \
  if (std::string(SISKIN_PIL_REFERENCES).empty()) {                                            \
    GTEST_SKIP()                                                                               \
        << "needs PIL: install python3-pil and python3-numpy, then configure the build again"; \
  }

#endif  // SISKIN_TESTS_SERVER_PIPELINE_PIL_REFERENCES_H_
