#include "server/simulation/balancer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace siskin::simulation {
namespace {

using ::testing::ElementsAre;
using Targets = std::vector<Balancer::Target>;

std::vector<int> ChooseTimes(Balancer& balancer, int times, int zone, const Targets& targets) {
  std::vector<int> chosen;
  for (int i = 0; i < times; ++i) chosen.push_back(balancer.Choose(zone, targets));
  return chosen;
}

TEST(BalancerTest, RoundRobinTakesTurnsInEachZone) {
  Balancer balancer(Balancing::kRoundRobin, /*zones=*/2, /*seed=*/1);
  const Targets targets = {{0, 0, 9}, {1, 1, 0}, {2, 0, 0}};
  EXPECT_THAT(ChooseTimes(balancer, 4, 0, targets), ElementsAre(0, 2, 0, 2));
  EXPECT_THAT(ChooseTimes(balancer, 2, 1, targets), ElementsAre(1, 1));
}

TEST(BalancerTest, AZoneWithoutReplicasUsesTheOthers) {
  Balancer balancer(Balancing::kRoundRobin, /*zones=*/3, /*seed=*/1);
  EXPECT_THAT(ChooseTimes(balancer, 3, 2, {{4, 0, 0}, {5, 1, 0}}), ElementsAre(4, 5, 4));
}

TEST(BalancerTest, LeastRequestTakesTheLeastBusyAndTurnsAmongEquals) {
  Balancer balancer(Balancing::kLeastRequest, /*zones=*/1, /*seed=*/1);
  EXPECT_THAT(ChooseTimes(balancer, 3, 0, {{0, 0, 2}, {1, 0, 1}, {2, 0, 3}}), ElementsAre(1, 1, 1));
  EXPECT_THAT(ChooseTimes(balancer, 3, 0, {{0, 0, 1}, {1, 0, 1}, {2, 0, 1}}), ElementsAre(0, 1, 2));
}

TEST(BalancerTest, RandomReachesAllAboutEqually) {
  Balancer balancer(Balancing::kRandom, /*zones=*/1, /*seed=*/1);
  std::map<int, int> counts;
  for (int i = 0; i < 4000; ++i) ++counts[balancer.Choose(0, Targets{{0}, {1}, {2}, {3}})];
  for (const auto& [replica, count] : counts) EXPECT_NEAR(count, 1000, 120) << replica;
}

// The busiest is chosen only against itself, which never happens; the least busy against all.
TEST(BalancerTest, PowerOfTwoComparesTwoDifferentOnes) {
  Balancer balancer(Balancing::kPowerOfTwo, /*zones=*/1, /*seed=*/1);
  std::map<int, int> counts;
  const Targets targets = {{0, 0, 1}, {1, 0, 2}, {2, 0, 3}};
  for (int i = 0; i < 3000; ++i) ++counts[balancer.Choose(0, targets)];
  EXPECT_NEAR(counts[0], 2000, 120);
  EXPECT_NEAR(counts[1], 1000, 120);
  EXPECT_EQ(counts[2], 0);
  EXPECT_EQ(balancer.Choose(0, Targets{{7}}), 7);
}

}  // namespace
}  // namespace siskin::simulation
