#include "models/dilation_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "models/published_patterns.h"

namespace siskin::models {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// REQUIRES: parsing fails.
std::string ParseError(const std::string& json) {
  const absl::Status status = ParseDilationPatterns("p.json", json).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
  return std::string(status.message());
}

TEST(ParseDilationPatternsTest, KeepsTheOrderOfTheFile) {
  const auto patterns = ParseDilationPatterns(
      "p.json", R"json([{"(3, 0)": 2, "(0, 0)": 41, "(0, 15)": 1}, {"(0, 0)": 65536}])json");
  ASSERT_TRUE(patterns.ok()) << patterns.status();
  const DilationPattern first = {{{4, 1}, 2}, {{1, 1}, 41}, {{1, 16}, 1}};
  const DilationPattern second = {{{1, 1}, 65536}};
  EXPECT_THAT(*patterns, ElementsAre(first, second));
}

TEST(ParseDilationPatternsTest, EntriesWithoutChannelsHaveNoBranch) {
  const auto patterns =
      ParseDilationPatterns("p.json", R"json([{"(0, 1)": 0, "(1, 0)": 7, "(1, 1)": 0}])json");
  ASSERT_TRUE(patterns.ok()) << patterns.status();
  EXPECT_THAT(*patterns, ElementsAre(DilationPattern{{{2, 1}, 7}}));
}

TEST(ParseDilationPatternsTest, SaysWhatIsNoJson) {
  for (const char* text : {"", "[", "[{\"(0, 0)\": 1}", "[{'(0, 0)': 1}]", "[{}] x", "\xFF"}) {
    EXPECT_THAT(ParseError(text), StartsWith("p.json: is not valid JSON near its byte ")) << text;
  }
  EXPECT_THAT(ParseError("[{\"(0, 0)\": 1e999}]"), HasSubstr("too large"));
}

TEST(ParseDilationPatternsTest, WantsAListOfObjects) {
  EXPECT_THAT(ParseError("{}"), HasSubstr("expected a list of 1 to 1024 patterns, found a value of "
                                          "type object"));
  EXPECT_THAT(ParseError("[]"), HasSubstr("found a list of 0"));
  std::string many = "[0";
  for (int i = 0; i < kMaxPatterns; ++i) many += ",0";
  EXPECT_THAT(ParseError(many + "]"), HasSubstr("found a list of 1025"));
  EXPECT_THAT(ParseError(R"json([{"(0, 0)": 1}, [1]])json"),
              AllOf(StartsWith("p.json: pattern 2: "), HasSubstr("found a value of type array")));
  EXPECT_THAT(ParseError(R"json([{}])json"), HasSubstr("pattern 1: has no channels"));
  EXPECT_THAT(ParseError(R"json([{"(0, 0)": 0}])json"), HasSubstr("pattern 1: has no channels"));
}

TEST(ParseDilationPatternsTest, WantsKeysAsPublished) {
  for (const char* key : {"", "0, 0", "(0,0)", "( 0, 0)", "(0, 0) ", "(00, 0)", "(+0, 0)",
                          "(-1, 0)", "(0, 16)", "(999999999999, 0)", "(0, 0, 0)", "[0, 0]"}) {
    EXPECT_THAT(ParseError(absl::StrCat("[{\"(0, 0)\": 1}, {\"", key, "\": 1}]")),
                AllOf(StartsWith("p.json: pattern 2: key \""),
                      HasSubstr("expected \"(a, b)\" with a and b from 0 to 15")))
        << key;
  }
  EXPECT_THAT(ParseError(absl::StrCat("[{\"", std::string(1000, 'k'), "\": 1}]")).size(),
              ::testing::Lt(200));
}

TEST(ParseDilationPatternsTest, WantsCountsOfChannels) {
  for (const char* value : {"-1", "1.0", "\"1\"", "null", "true", "[1]", "65537",
                            "18446744073709551616", "{\"(0, 0)\": 1}"}) {
    EXPECT_THAT(ParseError(absl::StrCat("[{\"(2, 1)\": ", value, "}]")),
                AllOf(StartsWith("p.json: pattern 1: key \"(2, 1)\""),
                      HasSubstr("expected a number of channels from 0 to 65536")))
        << value;
  }
}

TEST(ParseDilationPatternsTest, WantsEveryKeyOnce) {
  EXPECT_THAT(ParseError(R"json([{"(0, 0)": 1}, {"(0, 0)": 1, "(0, 1)": 2, "(0, 0)": 1}])json"),
              HasSubstr("pattern 2: key \"(0, 0)\" occurs twice"));
}

TEST(ParseDilationPatternsTest, AnyNestingIsAnError) {
  EXPECT_THAT(ParseError(std::string(100'000, '[')), HasSubstr("is not valid JSON"));
  EXPECT_THAT(ParseError(std::string(100'000, '[') + std::string(100'000, ']')),
              HasSubstr("pattern 1: expected an object"));
}

TEST(CheckDilationPatternsTest, WantsAPatternForEveryConvolution) {
  const std::vector<DilationPattern> patterns = {{{{1, 1}, 5}, {{2, 1}, 2}}, {{{1, 1}, 13}}};
  EXPECT_TRUE(CheckDilationPatterns(patterns, {7, 13}).ok());
  EXPECT_EQ(CheckDilationPatterns(patterns, {7}).message(),
            "there are 2 dilation patterns, but the network has 1 inception convolutions");
  EXPECT_EQ(CheckDilationPatterns(patterns, {7, 11}).message(),
            "dilation pattern 2 has 13 channels, its convolution has 11");
}

// Numbers of layers and of branches, counted from the published files.
TEST(PublishedPatternsTest, AreInTheBinary) {
  const struct {
    const char* json;
    size_t patterns, branches;
  } files[] = {{kIcResNet50DetectionPatterns, 16, 238},
               {kIcResNet50SegmentationPatterns, 16, 233},
               {kIcResNet50PosePatterns, 16, 414},
               {kIcResNet101Patterns, 33, 510}};
  for (const auto& file : files) {
    const auto patterns = ParseDilationPatterns("published", file.json);
    ASSERT_TRUE(patterns.ok()) << patterns.status();
    EXPECT_EQ(patterns->size(), file.patterns);
    size_t branches = 0;
    for (const DilationPattern& pattern : *patterns) branches += pattern.size();
    EXPECT_EQ(branches, file.branches);
  }
}

}  // namespace
}  // namespace siskin::models
