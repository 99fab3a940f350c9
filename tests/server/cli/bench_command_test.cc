#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/cpu_budget.h"
#include "base/version.h"
#include "nlohmann/json.hpp"
#include "server/cli/local/measurement.h"
#include "tests/fakes/shared_data.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::siskin::testing::SharedPath;
using ::siskin::testing::TempFolder;
using ::siskin::testing::WriteGolden;
using ::siskin::testing::WriteText;
using ::siskin::testing::WriteTinyCheckpoint;
using ::testing::HasSubstr;

std::vector<std::string> Bench(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"bench", "--seconds", "0.05"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(BenchCommandTest, JsonHasEveryCombination) {
  const int cores = DetectCpuBudget().lanes();
  const CliResult result = RunCli(Bench({"--random-model", kTinyModel, "--batch", "1,3", "--lanes",
                                         absl::StrCat("1,", cores), "--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["version"], Version());
  EXPECT_FALSE(json.contains("check"));
  EXPECT_GE(json["machine"]["cores"], 1);
  for (const char* key : {"cpu", "isa", "onednn"}) {
    EXPECT_FALSE(json["machine"][key].get<std::string>().empty()) << key;
  }
  std::vector<std::pair<int, int>> combinations;
  for (const auto& row : json["results"]) {
    EXPECT_EQ(row["model"], kTinyModel);
    EXPECT_GT(row["images_per_second"], 0);
    EXPECT_GT(row["latency_ms"]["median"], 0);
    EXPECT_GE(row["latency_ms"]["p99"], row["latency_ms"]["median"]);
    // 14 M multiply-adds an image.
    const double flops = 2 * 13.6e6 * row["images_per_second"].get<double>();
    EXPECT_NEAR(row["gflops"].get<double>(), flops * 1e-9, flops * 1e-9 * 0.1);
    combinations.emplace_back(row["batch"], row["lanes"]);
  }
  using Pair = std::pair<int, int>;
  EXPECT_THAT(combinations,
              ::testing::ElementsAre(Pair{1, 1}, Pair{1, cores}, Pair{3, 1}, Pair{3, cores}));
}

TEST(BenchCommandTest, TableIsForPeople) {
  const CliResult result = RunCli(Bench({"--random-model", kTinyModel, "--batch", "1"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("images/s"));
  EXPECT_THAT(result.out, HasSubstr(kTinyModel));
}

TEST(BenchCommandTest, UnknownNetworkIsNamed) {
  const CliResult result = RunCli(Bench({"--random-model", "resnet_9000"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("resnet_9000"));
}

TEST(BenchCommandTest, MissingRepositoryIsNamed) {
  const TempFolder folder;
  const CliResult result = RunCli(Bench({"--repository", folder / "nowhere"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("nowhere"));
}

class BenchCheckTest : public ::testing::Test {
 protected:
  void SetUp() override { WriteTinyCheckpoint(folder_ / "repo/tiny/1/model.safetensors"); }

  CliResult Check(const std::string& golden) {
    return RunCli(Bench({"--repository", folder_ / "repo", "--model", "tiny", "--batch", "1,4",
                         "--check", golden, "--json"}));
  }

  TempFolder folder_;
};

TEST_F(BenchCheckTest, RightAnswersPass) {
  WriteGolden(folder_ / "golden.safetensors", 1.0f);
  const CliResult result = Check(folder_ / "golden.safetensors");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_LE(json["check"]["max_relative_error"], kMaxRelativeError);
  EXPECT_EQ(json["results"].size(), 2u);
}

TEST_F(BenchCheckTest, WrongAnswersFailWithTheirError) {
  WriteGolden(folder_ / "golden.safetensors", 1.25f);
  const CliResult result = Check(folder_ / "golden.safetensors");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("check failed"));
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_NEAR(json["check"]["max_relative_error"].get<double>(), 0.2, 1e-3);
}

TEST_F(BenchCheckTest, FilesThatAreNoGoldenAreRefused) {
  const CliResult no_tensors = Check(folder_ / "repo/tiny/1/model.safetensors");
  EXPECT_EQ(no_tensors.exit_code, 1);
  EXPECT_THAT(no_tensors.err, HasSubstr("no tensor 'input'"));
  WriteText(folder_ / "text", "not a safetensors file");
  EXPECT_EQ(Check(folder_ / "text").exit_code, 1);
  EXPECT_EQ(Check(folder_ / "missing").exit_code, 1);
}

TEST_F(BenchCheckTest, GoldenOfAnotherModelIsRefused) {
  WriteGolden(folder_ / "golden.safetensors", 1.0f);
  const CliResult result = RunCli(Bench(
      {"--random-model", "mobilenet_v1_0.25_160", "--check", folder_ / "golden.safetensors"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("for another model"));
}

class BenchSharedTest : public ::testing::TestWithParam<const char*> {};

TEST_P(BenchSharedTest, PublishedWeightsGiveThePublishedAnswers) {
  const std::string name = GetParam();
  const std::string golden = "models/golden/" + name + ".safetensors";
  SISKIN_SKIP_WITHOUT_SHARED(golden);
  const TempFolder folder;
  std::filesystem::create_directories(folder / (name + "/1"));
  std::filesystem::create_symlink(
      std::filesystem::absolute(SharedPath("models/" + name + "/model.safetensors")),
      folder / (name + "/1/model.safetensors"));
  const CliResult result = RunCli(Bench(
      {"--repository", folder.path(), "--batch", "1,2", "--check", SharedPath(golden), "--json"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

INSTANTIATE_TEST_SUITE_P(Models, BenchSharedTest,
                         ::testing::Values("mobilenet_v1_025", "blazeface_front"),
                         [](const auto& info) { return std::string(info.param); });

TEST(QuantileTest, NearestRank) {
  std::vector<absl::Duration> sorted;
  for (int i = 1; i <= 200; ++i) sorted.push_back(absl::Milliseconds(i));
  EXPECT_EQ(Quantile(sorted, 0.5), absl::Milliseconds(100));
  EXPECT_EQ(Quantile(sorted, 0.99), absl::Milliseconds(198));
  EXPECT_EQ(Quantile(sorted, 1.0), absl::Milliseconds(200));
  EXPECT_EQ(Quantile({absl::Milliseconds(7)}, 0.5), absl::Milliseconds(7));
}

TEST(MaxRelativeErrorTest, IsRelativeToTheLargestExpectedValue) {
  EXPECT_EQ(MaxRelativeError(std::vector<float>{1, 2}, std::vector<float>{1, 2}), 0);
  EXPECT_DOUBLE_EQ(MaxRelativeError(std::vector<float>{1, 2.5f, -4}, std::vector<float>{1, 2, -4}),
                   0.125);
}

TEST(MaxRelativeErrorTest, NonsenseIsInfinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(MaxRelativeError(std::vector<float>{nan}, std::vector<float>{1}), infinite);
  EXPECT_EQ(MaxRelativeError(std::vector<float>{1}, std::vector<float>{0}), infinite);
}

TEST(MachineTest, CpuModelNameOfCpuinfo) {
  EXPECT_EQ(CpuModelName("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags : x\n"),
            "Some CPU @ 2 GHz");
  EXPECT_EQ(CpuModelName("processor: 0\n"), "unknown");
  EXPECT_EQ(CpuModelName(""), "unknown");
}

}  // namespace
}  // namespace siskin::cli
