// What becomes of the load that a server can do, when it gets more, or loses its cores for a while.
#include "tests/simulation/load.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/rejection.h"
#include "tests/simulation/simulation.h"

namespace siskin::simulation {
namespace {

constexpr Nanoseconds kTimeLeft = 200 * kMillisecond;
constexpr Nanoseconds kRun = 20 * kSecond;

Scenario FourLanes(int models, double fixed) {
  Scenario scenario;
  scenario.lanes = 4;
  scenario.models.assign(models, SteadyModel(5 * kMillisecond, fixed));
  return scenario;
}

// How a batch of n grows: as MobileNetV2's does on one core, and where batching doubles the rate.
class LoadTest : public ::testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(FixedPart, LoadTest, ::testing::Values(0.08, 0.6));

// Goodput under overload: what cannot be done is refused before it costs anything.
TEST_P(LoadTest, OverloadCostsNoCapacity) {
  for (const double load : {1.2, 2.0, 5.0, 10.0}) {
    Scenario scenario = FourLanes(1, GetParam());
    AddLoad(scenario, 0, load, kRun, kTimeLeft, /*seed=*/1);
    Simulation simulation(scenario);
    simulation.Run();
    ASSERT_EQ(simulation.violation(), "");
    const Answers answers = AnswersOf(simulation.tasks(), 0, 0, {});
    // What waits at the end of the run is answered until then.
    const double could = Capacity(scenario, 0) * static_cast<double>(kRun + kTimeLeft);
    const double goodput = static_cast<double>(answers.in_time) / could;
    EXPECT_GE(goodput, 0.95) << "at load " << load;
    const Counts counts = simulation.Count();
    EXPECT_EQ(counts.late, 0);
    std::cout << "load " << load << ": in time " << 100 * goodput << " % of capacity, p50 "
              << Text(answers.p50) << ", p99 " << Text(answers.p99) << ", "
              << counts.failed_for(Rejection::kDeadline) << " given up after they were accepted\n";
  }
}

// Requests without deadline have no other limit than the time that the queue may delay them.
TEST_P(LoadTest, OverloadWithoutDeadlinesIsCutToTheTarget) {
  for (const double load : {1.2, 2.0, 5.0}) {
    Scenario scenario = FourLanes(1, GetParam());
    scenario.models[0].queue.capacity = 4096;
    AddLoad(scenario, 0, load, kRun, kNever, /*seed=*/1);
    Simulation simulation(scenario);
    simulation.Run();
    ASSERT_EQ(simulation.violation(), "");
    const Answers all = AnswersOf(simulation.tasks(), 0, 0, {});
    // A burst is taken: until the queue is known to stand, and until that has been worked off.
    const Answers answers = AnswersOf(simulation.tasks(), 0, 0, {2 * kSecond, kNever});
    const double could = Capacity(scenario, 0) * static_cast<double>(kRun + kTimeLeft);
    const double goodput = static_cast<double>(all.in_time) / could;
    EXPECT_GE(goodput, 0.95) << "at load " << load;
    EXPECT_LE(answers.p99, 150 * kMillisecond);  // the target is 100 ms
    std::cout << "load " << load << " without deadlines: answered " << 100 * goodput
              << " % of capacity, p50 " << Text(answers.p50) << ", p99 " << Text(answers.p99)
              << "\n";
  }
}

// No metastable failure (Bronson et al., HotOS 2021): the backlog of a stall does not last.
TEST_P(LoadTest, AStallIsOverWhenItIsOver) {
  constexpr Nanoseconds kStall = 5 * kSecond;
  constexpr Nanoseconds kStallEnd = kStall + kSecond / 2;
  Scenario scenario = FourLanes(1, GetParam());
  AddLoad(scenario, 0, 0.7, kRun, kTimeLeft, /*seed=*/1);
  for (int lane = 0; lane < scenario.lanes; ++lane) {
    scenario.disturbances.push_back({lane, kStall, kStallEnd, /*slowness=*/0});
  }
  Simulation simulation(scenario);
  simulation.Run();
  ASSERT_EQ(simulation.violation(), "");
  const Answers after = AnswersOf(simulation.tasks(), 0, 0, {kStallEnd + kSecond, kNever});
  EXPECT_EQ(after.in_time, after.requests);
  Nanoseconds last = 0;  // of those that were not in time
  for (const TaskRecord& task : simulation.tasks()) {
    const bool in_time = task.state == TaskState::kCompleted && task.ended <= task.deadline;
    if (!in_time) last = task.arrived;
  }
  std::cout << "the last request that was not answered in time came " << Text(last - kStallEnd)
            << " after the stall\n";
}

// All lanes become three times slower for a while: a neighbour, heat. What is accepted follows.
TEST_P(LoadTest, ThrottlingIsFollowed) {
  constexpr Nanoseconds kFrom = 5 * kSecond;
  constexpr Nanoseconds kTo = 12 * kSecond;
  Scenario scenario = FourLanes(1, GetParam());
  AddLoad(scenario, 0, 0.7, kRun, kTimeLeft, /*seed=*/1);
  for (int lane = 0; lane < scenario.lanes; ++lane) {
    scenario.disturbances.push_back({lane, kFrom, kTo, /*slowness=*/3});
  }
  Simulation simulation(scenario);
  simulation.Run();
  ASSERT_EQ(simulation.violation(), "");
  Nanoseconds from = kFrom + kSecond;
  const Answers during = AnswersOf(simulation.tasks(), 0, 0, {from, kTo});
  const double could = Capacity(scenario, 0) / 3 * static_cast<double>(kTo - from);
  const double goodput = static_cast<double>(during.in_time) / could;
  EXPECT_GE(goodput, 0.95);
  const Answers after = AnswersOf(simulation.tasks(), 0, 0, {kTo + kSecond, kNever});
  EXPECT_EQ(after.in_time, after.requests);
  std::cout << "throttled: in time " << 100 * goodput << " % of what is left of the capacity; "
            << simulation.Count().failed_for(Rejection::kDeadline)
            << " given up after they were accepted\n";
}

// A flooded model takes what the others leave. They wait for the batches that run, nothing more.
TEST_P(LoadTest, AFloodedModelLeavesTheOthersTheirShare) {
  Answers answers[2];
  for (const bool flooded : {false, true}) {
    Scenario scenario = FourLanes(8, GetParam());
    for (int model = 1; model < 8; ++model) {
      AddLoad(scenario, model, 0.3 / 7, kRun, kTimeLeft, /*seed=*/model);
    }
    if (flooded) AddLoad(scenario, 0, 5, kRun, kTimeLeft, /*seed=*/8);
    Simulation simulation(scenario);
    simulation.Run();
    ASSERT_EQ(simulation.violation(), "");
    answers[flooded] = AnswersOf(simulation.tasks(), 1, 7, {});
    EXPECT_EQ(answers[flooded].in_time, answers[flooded].requests);
    std::cout << (flooded ? "beside a flooded model" : "alone") << ": p50 "
              << Text(answers[flooded].p50) << ", p99 " << Text(answers[flooded].p99) << "\n";
  }
  const batching::CostModel costs = FourLanes(1, GetParam()).models[0].queue.costs;
  const absl::Duration batch = costs.Cost(costs.BestBatchSize(kMostBatch));
  EXPECT_LE(answers[true].p99 - answers[false].p99, absl::ToInt64Nanoseconds(batch));
}

}  // namespace
}  // namespace siskin::simulation
