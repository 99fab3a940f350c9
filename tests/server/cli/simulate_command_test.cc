// `siskin simulate`: its flags, its answers and what it refuses. What is simulated has its tests in
// tests/server/simulation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "nlohmann/json.hpp"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::siskin::testing::TempFolder;
using ::siskin::testing::WriteText;
using ::siskin::testing::WriteTinyCheckpoint;
using ::testing::HasSubstr;

constexpr char kCost[] = "1=5ms,8=36ms";

CliResult Simulate(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"simulate"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunCli(arguments);
}
// With few requests: what is tested here does not need more.
CliResult SimulateCost(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"--cost", kCost, "--lanes", "2", "--requests", "5000"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Simulate(arguments);
}

nlohmann::json JsonOf(const CliResult& result) {
  auto json = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(json.is_discarded()) << result.out << result.err;
  return json;
}

TEST(SimulateCommandTest, WhatIf) {
  const CliResult result = SimulateCost({"--rate", "100", "--replicas", "2", "--deadline", "200ms",
                                         "--overhead", "1ms", "--price", "0.72", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = JsonOf(result);
  EXPECT_EQ(json["question"], "what if");
  EXPECT_EQ(json["requests"], 5000);
  EXPECT_NEAR(json["offered_per_second"].get<double>(), 100, 4);
  EXPECT_EQ(json["in_time"], 5000);
  EXPECT_EQ(json["refused"], nlohmann::json::object());
  EXPECT_NEAR(json["latency_ms"]["p50"].get<double>(), 6, 0.001);  // nothing waits
  EXPECT_GT(json["latency_ms"]["p99.9"], json["latency_ms"]["p50"]);
  EXPECT_NEAR(json["utilization"].get<double>(), 100 * 0.005 / 4, 0.01);
  EXPECT_EQ(json["fleet"]["replicas"], 2);
  EXPECT_EQ(json["met"], true);
  // Two servers for 50 s, 5000 answers.
  EXPECT_NEAR(json["cost_of_million"].get<double>(), 0.72 / 3600 * 2 * 50 * 200, 0.2);
}

TEST(SimulateCommandTest, ASeedIsAlwaysTheSameAnswer) {
  const auto run = [](const char* seed) {
    return SimulateCost({"--rate", "300", "--replicas", "2", "--balancing", "p2c", "--burst", "3",
                         "--seed", seed, "--json"})
        .out;
  };
  EXPECT_EQ(run("1"), run("1"));
  EXPECT_NE(run("1"), run("2"));
}

TEST(SimulateCommandTest, TheLargestRateMeetsTheObjectives) {
  const CliResult result = SimulateCost({"--slo", "p99=25ms", "p50=8ms", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = JsonOf(result);
  EXPECT_EQ(json["question"], "largest rate");
  EXPECT_TRUE(json["met"]);
  ASSERT_EQ(json["slo"].size(), 2u);
  EXPECT_LE(json["slo"][0]["value_ms"], 25);
  EXPECT_GE(json["slo"][0]["within"], 0.99);
  // It is the largest: with a few more it is not met.
  const double rate = json["rate"];
  EXPECT_GT(rate, 200);
  EXPECT_LT(rate, 2 * 8 / 0.036);
  const CliResult more = SimulateCost({"--slo", "p99=25ms", "p50=8ms", "--replicas", "1", "--rate",
                                       std::to_string(rate * 1.03), "--json"});
  EXPECT_EQ(more.exit_code, 1);
  EXPECT_FALSE(JsonOf(more)["met"]);
}

// Whichever rate was tried last: what is shown is a run of the rate that was found.
TEST(SimulateCommandTest, WhatIsShownIsWhatWasFound) {
  for (const char* const slo : {"p99=15ms", "p99=18ms", "p99=22ms", "p99=30ms", "p99=40ms"}) {
    const CliResult result = SimulateCost({"--slo", slo, "--json"});
    EXPECT_EQ(result.exit_code, 0) << slo;
    const auto json = JsonOf(result);
    EXPECT_TRUE(json["met"]) << slo;
    EXPECT_NEAR(json["offered_per_second"].get<double>(), json["rate"], 12) << slo;
  }
}

TEST(SimulateCommandTest, NoRateIsLargerThanTheCapacity) {
  const CliResult result = SimulateCost(
      {"--slo", "p50=1h", "--replicas", "3", "--images", "4", "--prepare", "3ms", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NEAR(JsonOf(result)["rate"].get<double>(), 3 * 2 / (4 * 0.0075), 0.01);
}

TEST(SimulateCommandTest, EachZoneHasAReplica) {
  const CliResult result =
      SimulateCost({"--rate", "10", "--slo", "p50=1s", "--zones", "3", "--json"});
  EXPECT_EQ(JsonOf(result)["fleet"]["replicas"], 3);
}

TEST(SimulateCommandTest, TheFewestReplicasMeetTheObjectives) {
  const CliResult result = SimulateCost({"--rate", "2000", "--slo", "p99=25ms", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = JsonOf(result);
  EXPECT_EQ(json["question"], "fewest replicas");
  const int replicas = json["fleet"]["replicas"];
  EXPECT_GE(replicas, 5);  // 2000 / 444
  const CliResult fewer = SimulateCost(
      {"--rate", "2000", "--slo", "p99=25ms", "--replicas", std::to_string(replicas - 1)});
  EXPECT_EQ(fewer.exit_code, 1);
  EXPECT_THAT(fewer.out, HasSubstr("NOT met"));
}

TEST(SimulateCommandTest, NothingMeetsAnObjectiveBelowTheCost) {
  const CliResult rate = SimulateCost({"--slo", "p50=4ms"});
  EXPECT_EQ(rate.exit_code, 1);
  EXPECT_THAT(rate.err, HasSubstr("no rate meets p50=4ms"));
}

TEST(SimulateCommandTest, TableIsForPeople) {
  const CliResult result = SimulateCost({"--rate", "1000", "--deadline", "100ms", "--replicas", "2",
                                         "--slo", "p90=80ms", "--price", "1"});
  EXPECT_EQ(result.exit_code, 1);
  for (const char* const text :
       {"model    *a batch takes 1: 5.00 ms, 8: 36.00 ms", "2 replicas of 2 lanes, round_robin",
        "predicted_late", "p99 ", "% busy", "images on average", "for a million answers",
        "p90=80ms", "NOT met: "}) {
    EXPECT_THAT(result.out, ::testing::ContainsRegex(text));
  }
}

TEST(SimulateCommandTest, ATraceIsReplayed) {
  const TempFolder folder;
  WriteText(folder / "costs.json", R"({"models": [
      {"name": "a", "costs": [{"batch_size": 1, "ms": 5}]},
      {"name": "b", "costs": [{"batch_size": 1, "ms": 50}]}]})");
  WriteText(folder / "trace.csv", "seconds,model,images\n10,a,1\n11,b,2\n");
  const CliResult result =
      Simulate({"--costs", folder / "costs.json", "--trace", folder / "trace.csv", "--lanes", "1",
                "--overhead", "0s", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = JsonOf(result);
  EXPECT_EQ(json["requests"], 2);
  EXPECT_NEAR(json["latency_ms"]["p50"].get<double>(), 5, 1e-6);
  EXPECT_NEAR(json["latency_ms"]["p99"].get<double>(), 100, 1e-6);
  EXPECT_FALSE(json.contains("rate"));

  WriteText(folder / "trace.csv", "1,a\n2,c\n");
  const CliResult unknown =
      Simulate({"--costs", folder / "costs.json", "--trace", folder / "trace.csv"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("trace.csv:2: no costs of a model 'c', only of a, b"));

  const CliResult which = Simulate({"--costs", folder / "costs.json", "--rate", "1"});
  EXPECT_EQ(which.exit_code, 1);
  EXPECT_THAT(which.err, HasSubstr("which model? there are costs of a, b"));
  EXPECT_EQ(Simulate({"--costs", folder / "costs.json", "--rate", "1", "--model", "b"}).exit_code,
            0);
  const CliResult missing =
      Simulate({"--costs", folder / "costs.json", "--rate", "1", "--model", "c"});
  EXPECT_THAT(missing.err, HasSubstr("no costs of a model 'c', only of a, b"));
}

TEST(SimulateCommandTest, ReplicasComeWithTheLoad) {
  const CliResult result = Simulate({"--cost", kCost, "--lanes", "1", "--rate", "400", "--duration",
                                     "10m", "--scale-max", "8", "--scale-lag", "30s", "--balancing",
                                     "least_request", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto fleet = JsonOf(result)["fleet"];
  EXPECT_GE(fleet["most_replicas"], 3);  // 2 / 0.6
  EXPECT_LE(fleet["most_replicas"], 5);
  EXPECT_GT(fleet["mean_replicas"], 2);
}

TEST(SimulateCommandTest, ScalingBeginsWithTheFewest) {
  const CliResult scaled = Simulate({"--cost", kCost, "--rate", "1", "--duration", "100s",
                                     "--scale-min", "3", "--scale-max", "8", "--json"});
  EXPECT_NEAR(JsonOf(scaled)["fleet"]["mean_replicas"].get<double>(), 3, 0.01);
}

TEST(SimulateCommandTest, CostsAreMeasuredAsAServerWouldAndSaved) {
  const TempFolder folder;
  WriteTinyCheckpoint(folder / "repo/tiny/1/model.safetensors");
  WriteText(folder / "repo/tiny/model.textproto",
            "architecture: \"mobilenet_v1\"\nwidth: 0.25\nbatching { max_batch_size: 3 }\n");
  const CliResult saved = Simulate({"--repository", folder / "repo", "--measure", "0.02", "--lanes",
                                    "1", "--save-costs", folder / "costs.json"});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_EQ(saved.out, "");
  const auto file = nlohmann::json::parse(std::ifstream(folder / "costs.json"));
  const auto& model = file["models"][0];
  EXPECT_EQ(model["name"], "tiny");
  EXPECT_EQ(model["batching"]["max_batch_size"], 3);
  ASSERT_EQ(model["costs"].size(), 2u);
  for (const auto& cost : model["costs"]) {
    EXPECT_GT(cost["ms"], 0);
    EXPECT_GE(cost["runs_ms"].size(), 1u);
  }
  EXPECT_EQ(
      Simulate({"--costs", folder / "costs.json", "--rate", "1", "--requests", "10"}).exit_code, 0);
}

TEST(SimulateCommandTest, ARandomModelIsMeasured) {
  const CliResult result = Simulate({"--random-model", kTinyModel, "--measure", "0.01", "--rate",
                                     "1", "--requests", "10", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(JsonOf(result)["models"], nlohmann::json({kTinyModel}));
}

TEST(SimulateCommandTest, FilesThatAreNotThereAreNamed) {
  for (const CliResult& missing : {Simulate({"--rate", "1", "--costs", "/nowhere/file"}),
                                   Simulate({"--cost", kCost, "--trace", "/nowhere/file"})}) {
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_THAT(missing.err, HasSubstr("cannot read /nowhere/file"));
  }
  EXPECT_THAT(Simulate({"--cost", kCost, "--save-costs", "/nowhere/file"}).err,
              HasSubstr("cannot write /nowhere/file"));
}

TEST(SimulateCommandTest, WrongFlagsAreUsageErrors) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "expected a load, --rate or --trace, or an objective"},
      {{"--rate", "0"}, "from 1e-06 to"},
      {{"--rate", "nan"}, "got 'nan'"},
      {{"--rate", "1", "--trace", "x"}, "excludes"},
      {{"--rate", "1", "--requests", "0"}, "--requests"},
      {{"--rate", "1", "--requests", "5", "--duration", "1s"}, "excludes"},
      {{"--rate", "1", "--deadline", "100"}, "with its unit as in 25ms, got '100'"},
      {{"--rate", "1", "--deadline", "inf"}, "got 'inf'"},
      {{"--rate", "1", "--overhead", "-1ms"}, "got '-1ms'"},
      {{"--slo", "99=25ms"}, "as p99=25ms, got '99=25ms'"},
      {{"--rate", "1", "--cost", "2=5ms"}, "the cost of a batch of 1"},
      {{"--rate", "1", "--cost", kCost, "--costs", "x"}, "excludes"},
      {{"--rate", "1", "--balancing", "best"}, "best"},
      {{"--rate", "1", "--replicas", "2", "--zones", "3"}, "a replica for each of 3 zones, got 2"},
      {{"--rate", "1", "--replicas", "2", "--scale-max", "3"}, "excludes"},
      {{"--rate", "1", "--scale-lag", "1s"}, "--scale-max"},
      {{"--slo", "p99=25ms", "--scale-max", "3"}, "--scale-max needs a load"},
      {{"--rate", "1", "--scale-max", "3"}, "that lasts"},
      {{"--rate", "1", "--scale-max", "3", "--scale-min", "4", "--duration", "1s"},
       "--scale-min is more than --scale-max"},
      {{"--rate", "1", "--burst", "0.5"}, "from 1 to"},
  };
  for (const auto& [arguments, message] : cases) {
    const CliResult result = Simulate(arguments);
    EXPECT_EQ(result.exit_code, 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  }
}

TEST(SimulateCommandTest, TooFewAndTooManyRequestsAreErrors) {
  const CliResult few = Simulate({"--cost", kCost, "--rate", "0.001", "--duration", "1s"});
  EXPECT_EQ(few.exit_code, 1);
  EXPECT_THAT(few.err, HasSubstr("within 1s at 0.001 a second there are none"));
  const CliResult many = Simulate({"--cost", kCost, "--rate", "1e6", "--duration", "21s"});
  EXPECT_EQ(many.exit_code, 1);
  EXPECT_THAT(many.err, HasSubstr("within 21s at 1e+06 a second there are more"));
}

}  // namespace
}  // namespace siskin::cli
