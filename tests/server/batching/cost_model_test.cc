#include "server/batching/cost_model.h"

#include <gtest/gtest.h>

namespace siskin::batching {
namespace {

const absl::Duration kMs = absl::Milliseconds(1);

TEST(CostModelTest, UnknownCostsNothingAndBatchesAll) {
  const CostModel costs;
  EXPECT_FALSE(costs.known());
  EXPECT_EQ(costs.Cost(7), absl::ZeroDuration());
  EXPECT_EQ(costs.BestBatchSize(8), 8);
  EXPECT_EQ(costs.LargestBatchSize(7), 7);
}

TEST(CostModelTest, ABatchRunsAsTheLargestThatItFills) {
  const CostModel costs({{1, 3 * kMs}, {4, 8 * kMs}, {2, 5 * kMs}});
  EXPECT_EQ(costs.Cost(1), 3 * kMs);
  EXPECT_EQ(costs.Cost(7), 16 * kMs);
  EXPECT_EQ(costs.Cost(8), 16 * kMs);
  EXPECT_EQ(costs.CostPerImage(4), 2 * kMs);
  EXPECT_EQ(costs.LargestBatchSize(3), 2);
  EXPECT_EQ(costs.LargestBatchSize(100), 4);
}

TEST(CostModelTest, TheBestSizeIsTheSmallestThatIsAsGood) {
  const CostModel falling({{1, 10 * kMs}, {2, 16 * kMs}, {4, 28 * kMs}, {8, 55.5 * kMs}});
  EXPECT_EQ(falling.BestBatchSize(8), 4);  // eight brings less than 2 % more
  EXPECT_EQ(falling.BestBatchSize(3), 2);
  const CostModel rising({{1, 10 * kMs}, {2, 22 * kMs}, {4, 50 * kMs}});
  EXPECT_EQ(rising.BestBatchSize(8), 1);
}

TEST(CostModelTest, FollowsARiseFastAndAFallSlowly) {
  CostModel costs({{1, 10 * kMs}});
  costs.Observe(1, 12 * kMs);
  EXPECT_EQ(costs.Cost(1), 12 * kMs);
  costs.Observe(1, 4 * kMs);
  EXPECT_EQ(costs.Cost(1), 11.5 * kMs);
  for (int i = 0; i < 200; ++i) costs.Observe(1, 4 * kMs);
  EXPECT_LT(costs.Cost(1), 4.01 * kMs);
}

TEST(CostModelTest, AStallDoesNotTakeTheEstimateAlong) {
  CostModel costs({{1, 10 * kMs}});
  costs.Observe(1, absl::Seconds(5));
  EXPECT_EQ(costs.Cost(1), 12.5 * kMs);
}

TEST(CostModelTest, BatchesAreSmallerIfSharedWhereThatCostsLittle) {
  const CostModel little({{1, 10 * kMs}, {8, 73 * kMs}});  // 10 to 9.1 ms an image
  EXPECT_EQ(little.BestBatchSize(8, /*shared=*/false), 8);
  EXPECT_EQ(little.BestBatchSize(8, /*shared=*/true), 1);
  const CostModel much({{1, 10 * kMs}, {8, 71 * kMs}});
  EXPECT_EQ(much.BestBatchSize(8, /*shared=*/true), 8);
}

TEST(CostModelTest, SizesFollowTheOneThatIsRunSlowly) {
  CostModel costs({{1, 10 * kMs}, {2, 16 * kMs}});
  costs.Observe(2, 20 * kMs);
  EXPECT_EQ(costs.Cost(2), 20 * kMs);
  EXPECT_GT(costs.Cost(1), 10 * kMs);
  EXPECT_LT(costs.Cost(1), 10.1 * kMs);
  for (int i = 0; i < 500; ++i) costs.Observe(2, 20 * kMs);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(costs.Cost(1)), 12.5, 0.01);
}

// Else a stall during a few large batches would end them for ever: what is not run is not measured.
TEST(CostModelTest, ASizeThatLookedBadIsTriedAgain) {
  CostModel costs({{1, 10 * kMs}, {8, 40 * kMs}});
  for (int i = 0; i < 8; ++i) costs.Observe(8, 400 * kMs);
  ASSERT_EQ(costs.BestBatchSize(8), 1);
  for (int i = 0; i < 200; ++i) costs.Observe(1, 10 * kMs);
  EXPECT_EQ(costs.BestBatchSize(8), 8);
}

TEST(CostModelTest, WhatIsFarTooHighIsHalved) {
  CostModel costs({{1, 100 * kMs}});
  costs.Observe(1, 20 * kMs);
  EXPECT_EQ(costs.Cost(1), 60 * kMs);
}

}  // namespace
}  // namespace siskin::batching
