// Every network of the catalogue is the one it was when tests/golden was written: its graph, and
// the names of its parameters in every key style. tests/golden/README.md: how to write it again.
#include "tests/models/graph_dumps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "models/catalog.h"

namespace siskin::models {
namespace {

using siskin::testing::DigestOf;
using siskin::testing::Digests;
using siskin::testing::DumpOf;
using siskin::testing::DumpPath;
using siskin::testing::ReadDigests;
using siskin::testing::ReadText;

constexpr char kGolden[] = SISKIN_GOLDEN_DIR;

// "" if the texts are equal, or else the first line that differs.
std::string FirstDifference(const std::string& actual, const std::string& expected) {
  if (actual == expected) return "";
  std::vector<std::string> ours = absl::StrSplit(actual, '\n');
  std::vector<std::string> golden = absl::StrSplit(expected, '\n');
  const size_t lines = std::max(ours.size(), golden.size());
  ours.resize(lines);
  golden.resize(lines);
  size_t line = 0;
  while (ours[line] == golden[line]) ++line;
  return absl::StrCat("line ", line + 1, " is\n  ", ours[line], "\nin the golden file\n  ",
                      golden[line]);
}

TEST(FirstDifferenceTest, NamesTheLine) {
  EXPECT_EQ(FirstDifference("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(FirstDifference("a\nb\n", "a\nc\n"), "line 2 is\n  b\nin the golden file\n  c");
  EXPECT_EQ(FirstDifference("a\nb\n", "a\n"), "line 2 is\n  b\nin the golden file\n  ");
}

std::vector<CatalogMatch> AllVariants() {
  std::vector<CatalogMatch> variants;
  for (const ModelSpec& spec : Catalog()) {
    for (const Variant& variant : spec.variants) variants.push_back({&spec, &variant});
  }
  return variants;
}

class GraphDumpTest : public ::testing::TestWithParam<CatalogMatch> {};

TEST_P(GraphDumpTest, EqualsTheGoldenDump) {
  const auto& [spec, variant] = GetParam();
  const std::filesystem::path golden = DumpPath(kGolden, *variant);
  if (std::filesystem::exists(golden)) {
    EXPECT_EQ(FirstDifference(DumpOf(*spec, *variant), ReadText(golden)), "");
  }
  Digests digests = ReadDigests(kGolden);
  for (const KeyStyle& style : spec->key_styles) {
    const std::string name = absl::StrCat(variant->name, " ", style.name);
    EXPECT_EQ(DigestOf(*spec, style, *variant), digests[name]) << name;
  }
}

std::string NameOf(const ::testing::TestParamInfo<CatalogMatch>& info) {
  std::string name = info.param.variant->name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, GraphDumpTest, ::testing::ValuesIn(AllVariants()), NameOf);

TEST(GraphDumpCoverageTest, EveryMainVariantHasAFullDump) {
  for (const ModelSpec& spec : Catalog()) {
    EXPECT_FALSE(spec.MainVariants().empty()) << spec.architecture;
    for (const Variant* variant : spec.MainVariants()) {
      EXPECT_TRUE(std::filesystem::exists(DumpPath(kGolden, *variant))) << variant->name;
    }
  }
}

TEST(GraphDumpCoverageTest, NoGoldenIsLeftOver) {
  std::set<std::string> known;
  size_t digests = 0;
  for (const auto& [spec, variant] : AllVariants()) {
    known.insert(DumpPath(kGolden, *variant).filename());
    digests += spec->key_styles.size();
  }
  const auto folder = DumpPath(kGolden, *AllVariants().front().variant).parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_TRUE(known.contains(entry.path().filename())) << entry.path();
  }
  EXPECT_EQ(ReadDigests(kGolden).size(), digests);
}

}  // namespace
}  // namespace siskin::models
