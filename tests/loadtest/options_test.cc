#include "loadtest/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadtest/exit_codes.h"

namespace siskin::loadtest {
namespace {

using ::testing::ElementsAre;

ParsedOptions Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "siskin-load");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(OptionsTest, DefaultsAskTheServerForEverything) {
  const ParsedOptions parsed = Parse({});
  ASSERT_TRUE(parsed.options.has_value());
  EXPECT_EQ(parsed.options->model, "");
  EXPECT_EQ(parsed.options->payload, PayloadKind::kFp32);
  EXPECT_TRUE(parsed.options->shape.empty());
  EXPECT_EQ(parsed.options->duration, absl::Seconds(10));
}

TEST(OptionsTest, ReadsShapeAndCpus) {
  const ParsedOptions parsed = Parse({"--shape", "3,128,96", "--cpus", "0,2-4"});
  ASSERT_TRUE(parsed.options.has_value());
  EXPECT_THAT(parsed.options->shape, ElementsAre(3, 128, 96));
  EXPECT_THAT(parsed.options->cpus, ElementsAre(0, 2, 3, 4));
}

TEST(OptionsTest, RequestsReplaceTheDefaultDurationOnly) {
  EXPECT_EQ(Parse({"--requests", "5"}).options->duration, absl::InfiniteDuration());
  const ParsedOptions both = Parse({"--requests", "5", "--duration", "3"});
  EXPECT_EQ(both.options->duration, absl::Seconds(3));
  EXPECT_EQ(both.options->requests, 5);
}

TEST(OptionsTest, ProgressCanBeForcedBothWays) {
  EXPECT_TRUE(Parse({"--progress"}).options->progress);
  EXPECT_FALSE(Parse({"--no-progress"}).options->progress);
}

TEST(OptionsTest, HelpIsNoError) {
  const ParsedOptions parsed = Parse({"--help"});
  EXPECT_FALSE(parsed.options.has_value());
  EXPECT_EQ(parsed.exit_code, kExitOk);
}

class BadOptionsTest : public ::testing::TestWithParam<std::vector<const char*>> {};

TEST_P(BadOptionsTest, AreUsageErrors) {
  const ParsedOptions parsed = Parse(GetParam());
  EXPECT_FALSE(parsed.options.has_value());
  EXPECT_EQ(parsed.exit_code, kExitUsage);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOptionsTest,
    ::testing::Values(
        std::vector<const char*>{"--no-such-option"},
        std::vector<const char*>{"--connections", "0"},
        std::vector<const char*>{"--connections", "8", "--concurrency", "4"},
        std::vector<const char*>{"--concurrency", "-1"},
        std::vector<const char*>{"--duration", "0"}, std::vector<const char*>{"--duration", "nan"},
        std::vector<const char*>{"--payload", "fp64"}, std::vector<const char*>{"--payload", "1"},
        std::vector<const char*>{"--payload", "image"},
        std::vector<const char*>{"--payload", "image", "--image", "no/such/file"},
        std::vector<const char*>{"--shape", "224,224"},
        std::vector<const char*>{"--shape", "3,0,224"},
        std::vector<const char*>{"--shape", "3,99999,224"},
        std::vector<const char*>{"--shape", "1,224,224"}, std::vector<const char*>{"--cpus", "1-"},
        std::vector<const char*>{"--cpus", "3-1"},
        std::vector<const char*>{"--cpus", "0-4000000000"}));

}  // namespace
}  // namespace siskin::loadtest
