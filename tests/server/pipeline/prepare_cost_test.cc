#include "server/pipeline/prepare_cost.h"

#include <gtest/gtest.h>

namespace siskin::pipeline {
namespace {

constexpr ImageInfo kJpeg = {.format = ImageFormat::kJpeg, .width = 100, .height = 50};
constexpr ImageInfo kTwice = {.format = ImageFormat::kJpeg, .width = 100, .height = 100};
constexpr ImageInfo kPng = {.format = ImageFormat::kPng, .width = 100, .height = 50};

double Milliseconds(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

TEST(PrepareCostTest, UnknownCostsNothing) {
  EXPECT_EQ(PrepareCost().Estimate(kJpeg), absl::ZeroDuration());
}

TEST(PrepareCostTest, IsByFormatAndPixels) {
  PrepareCost costs;
  costs.Observe(kJpeg, absl::Milliseconds(2));
  EXPECT_NEAR(Milliseconds(costs.Estimate(kJpeg)), 2, 1e-3);
  EXPECT_NEAR(Milliseconds(costs.Estimate(kTwice)), 4, 1e-3);
  EXPECT_EQ(costs.Estimate(kPng), absl::ZeroDuration());
}

TEST(PrepareCostTest, FollowsARiseFastAndAFallSlowly) {
  PrepareCost costs;
  costs.Observe(kJpeg, absl::Milliseconds(16));
  costs.Observe(kJpeg, absl::Seconds(5));  // a stall
  EXPECT_NEAR(Milliseconds(costs.Estimate(kJpeg)), 20, 1e-3);
  costs.Observe(kJpeg, absl::Milliseconds(12));
  EXPECT_NEAR(Milliseconds(costs.Estimate(kJpeg)), 19.5, 1e-3);
}

// Or photos would be refused for minutes because the first one met a stall.
TEST(PrepareCostTest, AStallAtTheFirstPhotoIsSoonForgotten) {
  PrepareCost costs;
  costs.Observe(kJpeg, absl::Seconds(2));
  for (int i = 0; i < 6; ++i) costs.Observe(kJpeg, absl::Milliseconds(10));
  EXPECT_LT(Milliseconds(costs.Estimate(kJpeg)), 50);
}

}  // namespace
}  // namespace siskin::pipeline
