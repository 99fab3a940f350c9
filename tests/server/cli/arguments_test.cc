// What the command line refuses, and what it says then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "base/version.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::RefusingPort;
using ::siskin::testing::RunCli;
using ::siskin::testing::TempFolder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ArgumentsTest, VersionIsThatOfTheProject) {
  const CliResult result = RunCli({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, std::string("siskin ") + Version() + "\n");
  EXPECT_THAT(Version(), ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST(ArgumentsTest, ACommandIsNeeded) {
  const CliResult result = RunCli({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("subcommand is required"));
}

TEST(ArgumentsTest, UnknownFlagIsAUsageError) {
  const CliResult result = RunCli({"bench", "--batches", "1"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--batches"));
}

TEST(ArgumentsTest, UnexpectedArgumentsAreListedAsTheyCame) {
  const CliResult result = RunCli({"health", "one", "two", "--three"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("not expected: one two --three\n"));
}

TEST(ArgumentsTest, HelpOfAllNamesEveryCommand) {
  const CliResult result = RunCli({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* command :
       {"pull", "serve", "classify", "detect", "embed", "health", "inspect", "bench", "simulate"}) {
    EXPECT_THAT(result.out, HasSubstr(command));
  }
  EXPECT_THAT(result.out, HasSubstr("serve --repository ~/models"));
}

class HelpTest : public ::testing::TestWithParam<const char*> {};

TEST_P(HelpTest, HasExamples) {
  const CliResult result = RunCli({GetParam(), "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("Examples:\n  siskin "));
  EXPECT_THAT(result.out, Not(HasSubstr("--repository models")));  // sources, in a checkout
}

INSTANTIATE_TEST_SUITE_P(Commands, HelpTest,
                         ::testing::Values("pull", "serve", "classify", "detect", "embed", "health",
                                           "inspect", "bench", "simulate"),
                         [](const auto& info) { return std::string(info.param); });

struct BadCase {
  std::vector<std::string> arguments;
  std::string message;
};

class UsageErrorTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(UsageErrorTest, IsRefused) {
  const CliResult result = RunCli(GetParam().arguments);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr(GetParam().message));
  EXPECT_THAT(result.out, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Commands, UsageErrorTest,
    ::testing::Values(
        BadCase{{"serve", "--random-model", "x", "--max-message-mib", "0"}, "--max-message"},
        BadCase{{"serve", "--random-model", "x", "--lanes", "-1"}, "--lanes"},
        BadCase{{"serve", "--random-model", "x", "--lanes", "999"},
                "one for each core that this process may use, got '999'"},
        BadCase{{"serve", "--random-model", "x", "--max-batch-size", "300"},
                "--max-batch-size: expected a batch size of 1 to 256, got 300"},
        BadCase{{"serve", "--random-model", "x", "--max-batch-size", "large"},
                "--max-batch-size: expected a number, got 'large'"},
        BadCase{{"serve", "--random-model", "x", "--batch-policy", "best"},
                "--batch-policy: best not in {auto,fixed}"},
        BadCase{{"serve", "--random-model", "x", "--pin", "yes"},
                "--pin: yes not in {auto,on,off}"},
        BadCase{{"serve", "--random-model", "x", "--target-delay", "61"},
                "expected seconds from 0 to 60, got '61'"},
        BadCase{{"serve", "--random-model", "x", "--drain-delay", "nan"},
                "expected seconds from 0 to 3600, got 'nan'"},
        BadCase{{"serve", "--random-model", "x", "--drain-timeout", "nan"}, "--drain-timeout"},
        BadCase{{"serve", "--random-model", "x", "--max-connection-age", "-1"},
                "expected seconds from 0 to 86400, got '-1'"},
        BadCase{{"serve", "--random-model", "x", "--log-level", "loud"}, "loud"},
        BadCase{{"serve", "--random-model", "x", "--log-format", "xml"}, "xml"},
        BadCase{{"bench", "--random-model", "x", "--batch", "0"}, "--batch"},
        BadCase{{"bench", "--random-model", "x", "--seconds", "0"}, "--seconds"},
        BadCase{{"bench", "--random-model", "x", "--seconds", "nan"}, "--seconds"},
        BadCase{{"bench", "--random-model", "x", "--lanes", "1,999"},
                "one for each core that this process may use, got '999'"},
        BadCase{{"classify"}, "PATH"}, BadCase{{"classify", "x.jpg", "--top-k", "0"}, "--top-k"},
        BadCase{{"classify", "x.jpg", "--timeout", "soon"}, "--timeout"},
        BadCase{{"classify", "x.jpg", "--timeout", "nan"}, "--timeout"},
        BadCase{{"detect"}, "PATH"}, BadCase{{"embed"}, "PATH"},
        BadCase{{"detect", "x.jpg", "--min-score", "1.5"}, "--min-score"},
        BadCase{{"detect", "x.jpg", "--max-faces", "0"}, "--max-faces"},
        BadCase{{"detect", "x.jpg", "y.jpg", "--draw", "out.png"}, "--draw takes one photo, not 2"},
        BadCase{{"inspect", "--plan"}, "need a MODEL"},
        BadCase{{"health", "--timeout", "0"}, "--timeout"},
        BadCase{{"health", "--timeout", "nan"}, "--timeout"}),
    [](const auto& info) {
      std::string name = absl::StrJoin(info.param.arguments, "_");
      std::replace_if(
          name.begin(), name.end(), [](unsigned char c) { return !absl::ascii_isalnum(c); }, '_');
      return name;
    });

TEST(UnreachableServerTest, PhotoCommandsSayHowToStartOne) {
  const RefusingPort nobody;
  for (const char* command : {"classify", "detect", "embed"}) {
    const CliResult result = RunCli({command, "--server", nobody.address(), "x.jpg"});
    EXPECT_EQ(result.exit_code, 4);
    EXPECT_THAT(result.err, HasSubstr(nobody.address()));
    EXPECT_THAT(result.err, HasSubstr("siskin serve --repository DIR"));
  }
}

TEST(UnreachableServerTest, HealthHasItsOwnCode) {
  const RefusingPort nobody;
  const CliResult result = RunCli({"health", "--server", nobody.address()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("no server answers"));
}

TEST(ClassifyArgumentsTest, FolderWithoutPhotosIsAUsageError) {
  const TempFolder folder;
  const CliResult result = RunCli({"classify", folder.path()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("no .jpg, .jpeg, .png or .webp file below"));
}

}  // namespace
}  // namespace siskin::cli
