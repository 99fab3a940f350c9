#include "loadtest/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace siskin::loadtest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunResult SomeResult() {
  RunResult result;
  result.stats.requests = 4;
  result.stats.succeeded = 3;
  result.stats.elapsed = absl::Seconds(2);
  for (int ms = 1; ms <= 4; ++ms) result.stats.latency.Record(absl::Milliseconds(ms));
  result.stats.server = {.answers = 2,
                         .queue = absl::Milliseconds(6),
                         .decode = absl::Milliseconds(1),
                         .compute = absl::Milliseconds(20),
                         .batch_size = 5};
  result.stats.errors[grpc::StatusCode::UNAVAILABLE] = 1;
  result.stats.first_error = "UNAVAILABLE: \xff gone";
  result.client_cpu_seconds = 0.5;
  return result;
}

TEST(ReportTest, JsonHasTheDocumentedFields) {
  const auto json = nlohmann::json::parse(ReportJson(Options(), SomeResult()));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["config"]["payload"], "fp32");
  EXPECT_EQ(json["config"]["duration_seconds"], 10.0);
  EXPECT_EQ(json["requests"], 4);
  EXPECT_EQ(json["errors"], (nlohmann::json{{"UNAVAILABLE", 1}}));
  EXPECT_EQ(json["mismatches"], 0);
  EXPECT_EQ(json["seconds"], 2.0);
  EXPECT_EQ(json["throughput"], 1.5);
  EXPECT_EQ(json["latency_ms"]["mean"], 2.5);
  EXPECT_NEAR(json["latency_ms"]["p50"].get<double>(), 2.0, 2.0 / 512);
  EXPECT_NEAR(json["latency_ms"]["p90"].get<double>(), 4.0, 4.0 / 512);
  EXPECT_EQ(json["latency_ms"]["p99"], json["latency_ms"]["max"]);
  EXPECT_EQ(json["latency_ms"]["max"], 4.0);
  EXPECT_EQ(json["client_cpu_seconds"], 0.5);
  EXPECT_EQ(json["client_cpu_cores"], 0.25);
  EXPECT_EQ(json["server"], (nlohmann::json{{"queue_ms_mean", 3.0},
                                            {"decode_ms_mean", 0.5},
                                            {"compute_ms_mean", 10.0},
                                            {"batch_size_mean", 2.5}}));
}

TEST(ReportTest, JsonHasTheServersCpuOnlyIfItWasRead) {
  RunResult result = SomeResult();
  result.server_cpu_seconds = 3.0;
  const auto json = nlohmann::json::parse(ReportJson(Options(), result));
  EXPECT_EQ(json["server"]["cpu_seconds"], 3.0);
  EXPECT_EQ(json["server"]["cpu_cores"], 1.5);
}

TEST(ReportTest, AnEmptyRunHasNoMeansAndNoDivisionByZero) {
  Options options;
  options.duration = absl::InfiniteDuration();
  const auto json = nlohmann::json::parse(ReportJson(options, RunResult()));
  EXPECT_EQ(json["throughput"], 0.0);
  EXPECT_TRUE(json["server"]["batch_size_mean"].is_null());
  EXPECT_TRUE(json["config"]["duration_seconds"].is_null());
  EXPECT_THAT(ReportText(options, RunResult()), HasSubstr("errors      none"));
}

TEST(ReportTest, TextNamesErrorsAndTheFirstOfThem) {
  const std::string text = ReportText(Options(), SomeResult());
  EXPECT_THAT(text, HasSubstr("1.5 per second"));
  EXPECT_THAT(text, HasSubstr("UNAVAILABLE          1"));
  EXPECT_THAT(text, HasSubstr("gone"));
  EXPECT_THAT(text, HasSubstr("batch size 2.50"));
  EXPECT_THAT(text, Not(HasSubstr("none")));
}

TEST(ReportTest, ProgressIsOneLine) {
  EXPECT_EQ(ProgressLine("measuring", SomeResult().stats).substr(0, 23), "measuring 2.0 s  2 req/");
  EXPECT_THAT(ProgressLine("measuring", SomeResult().stats), Not(HasSubstr("\n")));
}

TEST(ReportTest, SucceedsOnlyIfEverythingWasAnsweredRightly) {
  Stats stats;
  EXPECT_FALSE(Succeeded(stats)) << "nothing was answered";
  stats.requests = 1;
  EXPECT_TRUE(Succeeded(stats));
  stats.mismatches = 1;
  EXPECT_FALSE(Succeeded(stats));
  stats.mismatches = 0;
  stats.errors[grpc::StatusCode::INTERNAL] = 1;
  EXPECT_FALSE(Succeeded(stats));
}

}  // namespace
}  // namespace siskin::loadtest
