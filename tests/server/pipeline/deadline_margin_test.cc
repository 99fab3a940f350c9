#include "server/pipeline/deadline_margin.h"

#include <gtest/gtest.h>

namespace siskin::pipeline {
namespace {

constexpr absl::Duration kMs = absl::Milliseconds(1);
const MonotonicTime kArrived = MonotonicTime::SinceEpoch(absl::Hours(1));
const MonotonicTime kDeadline = kArrived + 200 * kMs;

absl::Duration MarginOf(const DeadlineMargin& margin) {
  return kDeadline - margin.ReadyBy(kDeadline, kArrived);
}

TEST(DeadlineMarginTest, ThereIsNoneWhileAnswersAreInTime) {
  DeadlineMargin margin;
  margin.Observe(kDeadline, kArrived, kDeadline - kMs, /*given_up=*/false);
  EXPECT_EQ(MarginOf(margin), absl::ZeroDuration());
}

TEST(DeadlineMarginTest, OneLateAnswerIsForgottenAfterManyInTime) {
  DeadlineMargin margin;
  margin.Observe(kDeadline, kArrived, kDeadline + kMs, /*given_up=*/true);
  EXPECT_EQ(MarginOf(margin), 5 * kMs);
  for (int i = 0; i < 499; ++i) margin.Observe(kDeadline, kArrived, kDeadline - kMs, false);
  EXPECT_GT(MarginOf(margin), absl::ZeroDuration());
  margin.Observe(kDeadline, kArrived, kDeadline - kMs, false);
  EXPECT_EQ(MarginOf(margin), absl::ZeroDuration());
}

TEST(DeadlineMarginTest, IsAtMostAQuarterOfWhatIsLeft) {
  DeadlineMargin margin;
  for (int i = 0; i < 100; ++i) margin.Observe(kDeadline, kArrived, kDeadline, true);
  EXPECT_EQ(MarginOf(margin), 50 * kMs);
  EXPECT_EQ(margin.ReadyBy(kArrived + 4 * kMs, kArrived), kArrived + 3 * kMs);
}

TEST(DeadlineMarginTest, HasAnUpperBound) {
  DeadlineMargin margin;
  for (int i = 0; i < 1000; ++i) margin.Observe(kDeadline, kArrived, kDeadline, true);
  EXPECT_EQ(margin.ReadyBy(kArrived + absl::Hours(1), kArrived),
            kArrived + absl::Hours(1) - absl::Seconds(1));
}

TEST(DeadlineMarginTest, WhatWasCancelledEarlySaysNothing) {
  DeadlineMargin margin;
  margin.Observe(kDeadline, kArrived, kArrived + 149 * kMs, /*given_up=*/true);
  EXPECT_EQ(MarginOf(margin), absl::ZeroDuration());
  margin.Observe(kDeadline, kArrived, kArrived + 150 * kMs, /*given_up=*/true);
  EXPECT_EQ(MarginOf(margin), 5 * kMs);
}

TEST(DeadlineMarginTest, NoDeadlineHasNoMargin) {
  DeadlineMargin margin;
  margin.Observe(kDeadline, kArrived, kDeadline, true);
  margin.Observe(MonotonicTime::InfiniteFuture(), kArrived, kDeadline, true);
  EXPECT_EQ(MarginOf(margin), 5 * kMs);
  EXPECT_EQ(margin.ReadyBy(MonotonicTime::InfiniteFuture(), kArrived),
            MonotonicTime::InfiniteFuture());
  EXPECT_EQ(margin.ReadyBy(kArrived - kMs, kArrived), kArrived - kMs) << "it has passed already";
}

}  // namespace
}  // namespace siskin::pipeline
