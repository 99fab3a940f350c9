// The commands of docs/models.md: each must name a source, and a network of the catalogue.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "models/catalog.h"
#include "server/pull/source.h"

namespace siskin::pull {
namespace {

// The words behind "`siskin pull " of every row of the document's tables.
std::vector<std::vector<std::string>> CommandsOf(const std::string& path) {
  constexpr std::string_view kStart = "`siskin pull ";
  std::ifstream file(path);
  std::vector<std::vector<std::string>> commands;
  for (std::string line; std::getline(file, line);) {
    const size_t start = line.find(kStart);
    if (!line.starts_with('|') || start == std::string::npos) continue;
    const size_t begin = start + kStart.size();
    commands.push_back(absl::StrSplit(line.substr(begin, line.find('`', begin) - begin), ' '));
  }
  return commands;
}

TEST(DocsTest, EveryCommandNamesANetwork) {
  const auto commands = CommandsOf(SISKIN_MODELS_DOCUMENT);
  EXPECT_GE(commands.size(), models::Catalog().size());
  for (const std::vector<std::string>& words : commands) {
    const auto source = ParseSource(words.front());
    ASSERT_TRUE(source.ok()) << source.status();
    std::string network = source->name;
    for (size_t i = 1; i + 1 < words.size(); ++i) {
      if (words[i] == "--architecture") network = words[i + 1];
    }
    EXPECT_NE(models::FindByName(network).spec, nullptr) << words.front();
  }
}

}  // namespace
}  // namespace siskin::pull
