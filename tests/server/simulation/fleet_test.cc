// Queues whose answer is known, and what a fleet adds to them.
#include "server/simulation/fleet.h"

#include <gtest/gtest.h>

#include "server/simulation/costs.h"
#include "server/simulation/report.h"

namespace siskin::simulation {
namespace {

ServedModel Costs(const char* text) {
  const auto model = ParseCostList(text);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.value_or(ServedModel());
}

FleetRun RunModel(const FleetOptions& options, const ServedModel& model,
                  const std::vector<Request>& requests) {
  auto run = RunFleet(options, {model}, requests);
  EXPECT_TRUE(run.ok()) << run.status();
  return std::move(run).value_or(FleetRun());
}

int64_t Rejected(const Report& report, Rejection reason) {
  return report.rejected[static_cast<size_t>(reason)];
}

// Of requests that each take a millisecond, in milliseconds.
double MeanWait(int lanes, double utilization) {
  const auto requests = DrawRequests({.rate = 1000 * lanes * utilization, .requests = 200'000});
  const FleetRun run = RunModel({.lanes = lanes}, Costs("1=1ms"), requests);
  double wait = 0;
  for (const Outcome& outcome : run.outcomes) {
    EXPECT_EQ(outcome.rejection, std::nullopt);
    wait += static_cast<double>(outcome.latency - kMillisecond) / kMillisecond;
  }
  EXPECT_NEAR(run.busy_seconds / run.lane_seconds, utilization, 0.01);
  return wait / static_cast<double>(run.outcomes.size());
}

// M/D/1: rho / (2 (1 - rho)) times the service (Pollaczek and Khinchine).
TEST(FleetTest, OneLaneIsAnMD1Queue) {
  for (const double rho : {0.3, 0.6, 0.8}) {
    const double expected = rho / (2 * (1 - rho));
    EXPECT_NEAR(MeanWait(1, rho), expected, 0.04 * expected) << rho;
  }
}

// M/D/c: solved exactly for these two, from the chain of what is there after each service time
// (Crommelin 1932).
TEST(FleetTest, LanesAreAnMDcQueue) {
  EXPECT_NEAR(MeanWait(2, 0.8), 0.9033, 0.04 * 0.9033);
  EXPECT_NEAR(MeanWait(4, 0.8), 0.3861, 0.04 * 0.3861);
}

TEST(FleetTest, ASeedIsAlwaysTheSameRun) {
  const auto model = MakeModel({{1, {absl::Milliseconds(4), absl::Milliseconds(9)}}});
  ASSERT_TRUE(model.ok());
  const auto requests = DrawRequests({.rate = 500, .requests = 2'000});
  const auto latencies = [&](uint64_t seed) {
    const FleetRun run = RunModel(
        {.replicas = 3, .lanes = 2, .zones = 2, .balancing = Balancing::kPowerOfTwo, .seed = seed},
        *model, requests);
    std::vector<Nanoseconds> all;
    for (const Outcome& outcome : run.outcomes) all.push_back(outcome.latency);
    return all;
  };
  EXPECT_EQ(latencies(1), latencies(1));
  EXPECT_NE(latencies(1), latencies(2));
}

TEST(FleetTest, BatchesTakeWhatWasMeasured) {
  const auto model = MakeModel({{1, {absl::Milliseconds(4), absl::Milliseconds(9)}}});
  ASSERT_TRUE(model.ok());
  std::vector<Request> requests;  // none waits for another
  for (int i = 0; i < 1'000; ++i) requests.push_back({.time = i * kSecond});
  const FleetRun run = RunModel({.replicas = 2}, *model, requests);
  int slow = 0;
  int different = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Nanoseconds latency = run.outcomes[i].latency;
    ASSERT_TRUE(latency == 4 * kMillisecond || latency == 9 * kMillisecond) << latency;
    slow += latency == 9 * kMillisecond;
    different += i % 2 == 1 && latency != run.outcomes[i - 1].latency;
  }
  EXPECT_NEAR(slow, 500, 60);
  EXPECT_NEAR(different, 250, 45);  // replicas draw for themselves
}

TEST(FleetTest, OverheadAndDecodingCount) {
  const FleetRun run = RunModel({.overhead = kMillisecond, .prepare = 2 * kMillisecond},
                                Costs("1=5ms"), {{.time = 0}, {.time = kSecond}});
  EXPECT_EQ(run.outcomes[0].latency, 8 * kMillisecond);
  EXPECT_EQ(run.outcomes[1].sent, kSecond);
  EXPECT_EQ(run.outcomes[1].latency, 8 * kMillisecond);
  EXPECT_NEAR(run.busy_seconds, 0.014, 1e-9);
}

// The server sees the deadline, but not how long its answer will be on its way.
TEST(FleetTest, AnAnswerMayBeTooLateForItsClient) {
  const FleetOptions options = {.deadline = 6 * kMillisecond, .overhead = 2 * kMillisecond};
  const FleetRun run = RunModel(options, Costs("1=5ms"), {{.time = 0}});
  EXPECT_EQ(Summarize(run, options.deadline, {}).late, 1);
  const FleetOptions longer = {.deadline = 7 * kMillisecond, .overhead = 2 * kMillisecond};
  EXPECT_EQ(Summarize(RunModel(longer, Costs("1=5ms"), {{.time = 0}}), longer.deadline, {}).in_time,
            1);
}

TEST(FleetTest, ARequestIsAnsweredWithItsLastImage) {
  const FleetRun run = RunModel({}, Costs("1=5ms,2=8ms"), {{.time = 0, .images = 3}});
  EXPECT_EQ(run.outcomes[0].latency, 13 * kMillisecond);
  EXPECT_EQ(run.images, 3);
  EXPECT_EQ(run.batches, 2);
}

// Balancers count requests: this one has a request there until all of its images have ended.
TEST(FleetTest, ARequestIsUnansweredUntilItsLastImage) {
  const FleetOptions options = {.replicas = 2, .balancing = Balancing::kLeastRequest};
  const FleetRun run = RunModel(
      options, Costs("1=5ms"),
      {{.time = 0, .images = 4}, {.time = 11 * kMillisecond}, {.time = 17 * kMillisecond}});
  EXPECT_EQ(run.outcomes[0].latency, 20 * kMillisecond);
  EXPECT_EQ(run.outcomes[1].latency, 5 * kMillisecond);
  EXPECT_EQ(run.outcomes[2].latency, 5 * kMillisecond);  // again the second one
}

TEST(FleetTest, WhatCannotBeInTimeIsRefused) {
  const FleetOptions options = {.deadline = 50 * kMillisecond};
  const auto requests = DrawRequests({.rate = 400, .requests = 4'000});  // twice the capacity
  const Report report =
      Summarize(RunModel(options, Costs("1=5ms"), requests), options.deadline, {});
  EXPECT_GT(report.goodput(), 0.97 * 200);
  EXPECT_EQ(report.late, 0);
  EXPECT_GT(report.utilization, 0.97);
  EXPECT_EQ(report.in_time + Rejected(report, Rejection::kPredictedLate), report.requests);
  EXPECT_LE(report.p999, options.deadline);
}

TEST(FleetTest, ModelsShareTheLanes) {
  const ServedModel models[] = {Costs("1=5ms"), Costs("1=20ms")};
  const auto run = RunFleet({}, models, std::vector<Request>{{0, 1}, {kSecond, 0}});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->outcomes[0].latency, 20 * kMillisecond);
  EXPECT_EQ(run->outcomes[1].latency, 5 * kMillisecond);
}

TEST(FleetTest, OptionsOutOfRangeAreErrors) {
  ServedModel model = Costs("1=5ms");
  model.queue.capacity = 0;
  EXPECT_EQ(RunFleet({}, {model}, std::vector<Request>{{0}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

Nanoseconds P99(const FleetOptions& options) {
  const auto requests = DrawRequests({.rate = 1300, .requests = 20'000});
  return Summarize(RunModel(options, Costs("1=5ms"), requests), kNever, {}).p99;
}

// What is known of balancing (Mitzenmacher 2001): two choices come close to all.
TEST(FleetTest, ABalancerThatKnowsMoreWaitsLess) {
  FleetOptions options = {.replicas = 8};
  options.balancing = Balancing::kRandom;
  const Nanoseconds random = P99(options);
  options.balancing = Balancing::kPowerOfTwo;
  const Nanoseconds two = P99(options);
  options.balancing = Balancing::kLeastRequest;
  const Nanoseconds least = P99(options);
  EXPECT_LT(2 * two, random);
  EXPECT_LT(least, two);
}

// Three replicas in two zones: half of the clients have one of them.
TEST(FleetTest, UnevenZonesCost) {
  const auto requests = DrawRequests({.rate = 450, .requests = 10'000});
  FleetOptions options = {
      .replicas = 3, .balancing = Balancing::kLeastRequest, .deadline = 50 * kMillisecond};
  const Report one = Summarize(RunModel(options, Costs("1=5ms"), requests), options.deadline, {});
  options.zones = 2;
  const Report two = Summarize(RunModel(options, Costs("1=5ms"), requests), options.deadline, {});
  EXPECT_GT(one.in_time, 0.99 * 10'000);
  EXPECT_LT(two.in_time, 0.96 * 10'000);
  EXPECT_GT(two.in_time, 0.90 * 10'000);
}

// A load that is three times a replica's capacity from a minute on, for ten minutes.
std::vector<Request> Step() {
  std::vector<Request> requests = DrawRequests({.rate = 10, .until = 60 * kSecond});
  for (Request request : DrawRequests({.rate = 60, .requests = 36'000, .until = 600 * kSecond})) {
    request.time += 60 * kSecond;
    requests.push_back(request);
  }
  for (Request request : DrawRequests({.rate = 1, .until = 600 * kSecond})) {
    request.time += 660 * kSecond;
    requests.push_back(request);
  }
  return requests;
}

Report Scaled(Nanoseconds lag) {
  const FleetOptions options = {
      .balancing = Balancing::kLeastRequest,
      .scaling = ScalingOptions{.least = 1, .most = 10, .target = 0.6, .lag = lag},
      .deadline = 500 * kMillisecond};
  return Summarize(RunModel(options, Costs("1=50ms"), Step()), options.deadline, {});
}

TEST(FleetTest, ReplicasComeWithTheLoadAndGo) {
  const Report report = Scaled(/*lag=*/0);
  EXPECT_GE(report.most_replicas, 5);  // 3 / 0.6
  EXPECT_LE(report.most_replicas, 6);
  // One at first, five for fifteen minutes (five of them because they stay a while), then one.
  EXPECT_NEAR(report.mean_replicas, (1 + 15 * 5 + 5) / 21.0, 0.4);
  EXPECT_GT(report.in_time, 0.97 * static_cast<double>(report.requests));
}

TEST(FleetTest, UntilReplicasAreReadyRequestsAreRefused) {
  const Report at_once = Scaled(/*lag=*/0);
  const Report late = Scaled(/*lag=*/120 * kSecond);
  const auto refused = [](const Report& report) { return report.requests - report.in_time; };
  // 60 come and 20 can be answered. A replica that is always busy is worth 1.67 at 0.6: for two
  // minutes there is one, for two more there are two, of which again nothing but 2 is seen.
  EXPECT_NEAR(static_cast<double>(refused(late) - refused(at_once)), 120 * 40 + 120 * 20, 600);
}

// A machine costs from when it is ordered, and does something from when it is ready.
TEST(FleetTest, AReplicaThatStartsCosts) {
  const FleetOptions options = {
      .scaling = ScalingOptions{.least = 1, .most = 2, .target = 0.6, .lag = 3600 * kSecond},
      .deadline = 500 * kMillisecond};
  const auto requests = DrawRequests({.rate = 40, .until = 60 * kSecond});
  const FleetRun run = RunModel(options, Costs("1=50ms"), requests);
  EXPECT_NEAR(run.machine_seconds, 60 + 45, 2);  // from the first decision on
  EXPECT_NEAR(run.lane_seconds, 60, 1);
  EXPECT_EQ(run.most_replicas, 2);
}

// Else nothing would be left that serves.
TEST(FleetTest, WhatStillStartsGoesFirst) {
  const FleetOptions options = {
      .scaling = ScalingOptions{.least = 1, .most = 2, .target = 0.6, .lag = 500 * kSecond},
      .deadline = 500 * kMillisecond};
  std::vector<Request> requests = DrawRequests({.rate = 40, .until = 60 * kSecond});
  for (int i = 60; i < 600; ++i) requests.push_back({.time = i * kSecond});
  const FleetRun run = RunModel(options, Costs("1=50ms"), requests);
  EXPECT_EQ(run.most_replicas, 2);
  EXPECT_LT(run.machine_seconds, 600 + 400);
  EXPECT_NEAR(run.lane_seconds, 600, 1);
}

}  // namespace
}  // namespace siskin::simulation
