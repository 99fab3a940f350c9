// The built-in model as a user meets it: nothing is given but photos.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "nlohmann/json.hpp"
#include "server/app/server_app.h"
#include "spdlog/spdlog.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::RunCli;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSamples[] = SISKIN_BUILTIN_DIR "/samples";

// The samples are called what they are: "hat.jpg".
TEST(BuiltinModelTest, AServerWithoutARepositoryNamesTheSamplePhotos) {
  app::ServerOptions options;
  options.grpc_address = "127.0.0.1:0";
  options.admin_address = "off";
  spdlog::set_level(spdlog::level::off);
  const auto server = app::ServerApp::Start(options, [] { return false; });
  ASSERT_TRUE(server.ok()) << server.status();
  const CliResult result =
      RunCli({"classify", "--server", (*server)->grpc_endpoint(), "--json", kSamples});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::istringstream lines(result.out);
  std::set<std::string> named;
  for (std::string line; std::getline(lines, line);) {
    const auto answer = nlohmann::json::parse(line);
    const std::filesystem::path file = answer["file"].get<std::string>();
    EXPECT_EQ(answer["model"], "clothing");
    EXPECT_EQ(answer["classifications"][0]["label"], file.stem().string());
    named.insert(answer["classifications"][0]["label"]);
  }
  EXPECT_EQ(named.size(), 5u);
}

TEST(BuiltinModelTest, InspectShowsItsTrainedWeights) {
  const CliResult result = RunCli({"inspect", "clothing"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("ShuffleNetV2"));
  EXPECT_THAT(result.out, HasSubstr("whole image, stretched"));
  EXPECT_THAT(result.out, Not(HasSubstr("random")));
  EXPECT_THAT(RunCli({"inspect"}).out, HasSubstr("trained weights: clothing"));
}

TEST(BuiltinModelTest, BenchMeasuresItWithoutARepository) {
  const CliResult result = RunCli({"bench", "--seconds", "0.05", "--batch", "1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["results"][0]["model"], "clothing");
  const CliResult other = RunCli({"bench", "--model", "mobilenet_v2"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("no model 'mobilenet_v2', only clothing"));
}

}  // namespace
}  // namespace siskin::cli
