#include "server/simulation/autoscaler.h"

#include <gtest/gtest.h>

namespace siskin::simulation {
namespace {

constexpr Nanoseconds kStep = Autoscaler::kInterval;

TEST(AutoscalerTest, WantsWhatBringsTheUtilisationToTheTarget) {
  Autoscaler autoscaler({.least = 1, .most = 100, .target = 0.5});
  EXPECT_EQ(autoscaler.Decide(kStep, 4, 3.0), 6);
  EXPECT_EQ(autoscaler.Decide(2 * kStep, 6, 3.6), 8);  // 7.2, rounded up
}

TEST(AutoscalerTest, LeavesWhatIsNearTheTarget) {
  Autoscaler autoscaler({.least = 1, .most = 100, .target = 0.5});
  EXPECT_EQ(autoscaler.Decide(kStep, 10, 5.49), 10);
  EXPECT_EQ(autoscaler.Decide(2 * kStep, 10, 5.51), 12);
}

TEST(AutoscalerTest, KeepsItsLimits) {
  Autoscaler autoscaler({.least = 2, .most = 5, .target = 0.5});
  EXPECT_EQ(autoscaler.Decide(kStep, 4, 4.0), 5);
  EXPECT_EQ(Autoscaler({.least = 2, .most = 5, .target = 0.5}).Decide(kStep, 4, 0), 2);
}

TEST(AutoscalerTest, AtMostDoublesOrAddsFour) {
  Autoscaler autoscaler({.least = 1, .most = 100, .target = 0.1});
  EXPECT_EQ(autoscaler.Decide(kStep, 1, 1.0), 5);
  EXPECT_EQ(autoscaler.Decide(2 * kStep, 5, 5.0), 10);
}

TEST(AutoscalerTest, RemovesOnlyWhatWasNotWantedForFiveMinutes) {
  Autoscaler autoscaler({.least = 1, .most = 100, .target = 0.5});
  EXPECT_EQ(autoscaler.Decide(kStep, 8, 4.0), 8);
  Nanoseconds now = 2 * kStep;
  for (; now < kStep + Autoscaler::kStabilization; now += kStep) {
    ASSERT_EQ(autoscaler.Decide(now, 8, 1.0), 8) << now;
  }
  EXPECT_EQ(autoscaler.Decide(now, 8, 1.0), 2);
}

}  // namespace
}  // namespace siskin::simulation
