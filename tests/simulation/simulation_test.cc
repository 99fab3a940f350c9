#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "absl/strings/numbers.h"

namespace siskin::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSchedules = 2'000;
#else
constexpr uint64_t kSchedules = 100'000;
#endif

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const value = std::getenv(name);
  uint64_t number = otherwise;
  if (value != nullptr && !absl::SimpleAtoi(value, &number)) {
    ADD_FAILURE() << name << " must be a number, it is " << value;
  }
  return number;
}

// SISKIN_SCHEDULES schedules from the seed SISKIN_SEED on, which is followed by its successors.
TEST(SimulationTest, EveryInvariantHoldsInEverySchedule) {
  const uint64_t first = FromEnvironment("SISKIN_SEED", 1);
  const uint64_t count = FromEnvironment("SISKIN_SCHEDULES", kSchedules);
  Counts counts;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Scenario scenario = DrawScenario(seed);
    Simulation simulation(scenario);
    simulation.Run();
    counts.Add(simulation.Count());
    if (simulation.violation().empty()) continue;
    Simulation traced(scenario, /*traced=*/true);
    traced.Run();
    FAIL() << "seed " << seed << ", " << traced.violation() << "\n"
           << traced.trail() << "again: SISKIN_SEED=" << seed
           << " SISKIN_SCHEDULES=1 build/release/bin/simulation_tests "
           << "--gtest_filter=SimulationTest.EveryInvariant*";
  }
  std::cout << counts;
}

TEST(SimulationTest, ASeedIsAlwaysTheSameRun) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Scenario scenarios[] = {DrawScenario(seed), DrawScenario(seed)};
    Simulation first(scenarios[0], /*traced=*/true);
    Simulation second(scenarios[1], /*traced=*/true);
    first.Run();
    second.Run();
    EXPECT_NE(first.trail(), "");
    EXPECT_EQ(first.trail(), second.trail()) << seed;
  }
}

}  // namespace
}  // namespace siskin::simulation
