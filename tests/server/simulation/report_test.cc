#include "server/simulation/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace siskin::simulation {
namespace {

using ::testing::HasSubstr;

Objective Parsed(const std::string& text) {
  const auto objective = ParseObjective(text);
  EXPECT_TRUE(objective.ok()) << objective.status();
  return objective.value_or(Objective());
}

// 1, 2, ..., 100 ms.
FleetRun HundredAnswers() {
  FleetRun run;
  for (int i = 1; i <= 100; ++i) run.outcomes.push_back({.latency = i * kMillisecond});
  run.end = 10 * kSecond;
  run.batches = 40;
  run.images = 100;
  run.lane_seconds = 40;
  run.busy_seconds = 10;
  run.machine_seconds = 20;
  run.most_replicas = 3;
  return run;
}

TEST(ObjectiveTest, IsRead) {
  const Objective objective = Parsed("p99.9=1.5s");
  EXPECT_EQ(objective.name, "p99.9");
  EXPECT_DOUBLE_EQ(objective.part, 0.999);
  EXPECT_EQ(objective.limit, 1500 * kMillisecond);
}

TEST(ObjectiveTest, SaysWhatIsWrong) {
  for (const char* const text :
       {"", "p99", "p99=", "99=25ms", "p0=1ms", "p100=1ms", "px=1ms", "pnan=1ms", "p99=25",
        "p99=0ms", "p99=-1ms", "p99=inf", "p99=2h"}) {
    const auto objective = ParseObjective(text);
    EXPECT_EQ(objective.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(objective.status().message()), HasSubstr("as p99=25ms")) << text;
  }
}

TEST(ReportTest, SumsUp) {
  const Report report = Summarize(HundredAnswers(), kNever, {});
  EXPECT_EQ(report.requests, 100);
  EXPECT_EQ(report.in_time, 100);
  EXPECT_EQ(report.p50, 50 * kMillisecond);
  EXPECT_EQ(report.p90, 90 * kMillisecond);
  EXPECT_EQ(report.p99, 99 * kMillisecond);
  EXPECT_EQ(report.p999, 100 * kMillisecond);
  EXPECT_DOUBLE_EQ(report.offered_rate(), 10);
  EXPECT_DOUBLE_EQ(report.goodput(), 10);
  EXPECT_DOUBLE_EQ(report.utilization, 0.25);
  EXPECT_DOUBLE_EQ(report.mean_batch, 2.5);
  EXPECT_DOUBLE_EQ(report.mean_replicas, 2);
  EXPECT_EQ(report.most_replicas, 3);
  EXPECT_TRUE(report.met());  // nothing was asked for
  // 20 machine seconds for 100 answers: 200,000 for a million, 55.6 hours.
  EXPECT_NEAR(report.CostOfMillion(0.36), 20, 1e-9);
}

TEST(ReportTest, LateAnswersAreNone) {
  const Report report = Summarize(HundredAnswers(), 80 * kMillisecond, {Parsed("p80=1s")});
  EXPECT_EQ(report.in_time, 80);
  EXPECT_EQ(report.late, 20);
  EXPECT_EQ(report.p50, 40 * kMillisecond);
  EXPECT_TRUE(report.met());
  EXPECT_FALSE(Summarize(HundredAnswers(), 79 * kMillisecond, {Parsed("p80=1s")}).met());
}

// Otherwise a server that refuses all but the fastest would meet every objective.
TEST(ReportTest, RefusalsDoNotMeetAnObjective) {
  FleetRun run = HundredAnswers();
  run.outcomes[2].rejection = Rejection::kPredictedLate;
  run.outcomes[3].rejection = Rejection::kPredictedLate;
  const Report report = Summarize(run, kNever, {Parsed("p98=1s"), Parsed("p99=1s")});
  EXPECT_EQ(report.rejected[static_cast<size_t>(Rejection::kPredictedLate)], 2);
  EXPECT_EQ(report.in_time, 98);
  EXPECT_TRUE(report.objectives[0].met());
  EXPECT_DOUBLE_EQ(report.objectives[0].within, 0.98);
  EXPECT_EQ(report.objectives[0].value, 100 * kMillisecond);
  EXPECT_FALSE(report.objectives[1].met());
  EXPECT_EQ(report.objectives[1].value, kNever);
  EXPECT_FALSE(report.met());
}

TEST(ReportTest, AnObjectiveIsMetExactlyAtItsLimit) {
  const Report report =
      Summarize(HundredAnswers(), kNever, {Parsed("p99=99ms"), Parsed("p99=98.9ms")});
  EXPECT_TRUE(report.objectives[0].met());
  EXPECT_DOUBLE_EQ(report.objectives[0].within, 0.99);
  EXPECT_FALSE(report.objectives[1].met());
}

TEST(ReportTest, NothingWasAnswered) {
  FleetRun run = HundredAnswers();
  for (Outcome& outcome : run.outcomes) outcome.rejection = Rejection::kOverload;
  run.batches = run.images = 0;
  const Report report = Summarize(run, kNever, {Parsed("p50=1s")});
  EXPECT_EQ(report.in_time, 0);
  EXPECT_EQ(report.p99, 0);
  EXPECT_EQ(report.mean_batch, 0);
  EXPECT_FALSE(report.met());
  EXPECT_TRUE(std::isinf(report.CostOfMillion(1)));
}

}  // namespace
}  // namespace siskin::simulation
