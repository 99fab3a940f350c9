#include "server/batching/batch_policy.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/clock.h"

namespace siskin::batching {
namespace {

const absl::Duration kMs = absl::Milliseconds(1);
const MonotonicTime kStart = MonotonicTime() + absl::Hours(1);

struct Case {
  std::string name;
  // The queue, in milliseconds after the oldest task came.
  int size = 1;
  absl::Duration earliest_deadline = absl::InfiniteDuration();
  bool draining = false;
  BatchLimits limits = {};
  absl::Duration now = absl::ZeroDuration();
  // Either a dispatch or a wait.
  std::optional<Dispatch> dispatch = std::nullopt;
  absl::Duration wait_until = absl::ZeroDuration();
};

class DecideBatchTest : public ::testing::TestWithParam<Case> {};

TEST_P(DecideBatchTest, Decides) {
  const Case& c = GetParam();
  QueueView view;
  view.size = c.size;
  view.oldest_enqueued = kStart;
  view.earliest_deadline = kStart + c.earliest_deadline;
  view.draining = c.draining;
  const BatchDecision decision = DecideBatch(view, c.limits, kStart + c.now);
  if (c.dispatch.has_value()) {
    ASSERT_TRUE(std::holds_alternative<Dispatch>(decision));
    EXPECT_EQ(std::get<Dispatch>(decision).size, c.dispatch->size);
    EXPECT_STREQ(ToString(std::get<Dispatch>(decision).reason), ToString(c.dispatch->reason));
  } else {
    ASSERT_TRUE(std::holds_alternative<WaitUntil>(decision));
    EXPECT_EQ(std::get<WaitUntil>(decision).time, kStart + c.wait_until);
  }
}

const BatchLimits kEightIn5Ms = {.max_batch_size = 8, .max_delay = 5 * kMs};
const BatchLimits kEightAtOnce = {.max_batch_size = 8, .max_delay = absl::ZeroDuration()};

const Case kCases[] = {
    {.name = "FullGoesAtOnce",
     .size = 8,
     .limits = kEightIn5Ms,
     .dispatch = Dispatch{8, CloseReason::kFull}},
    {.name = "MoreThanFullTakesOneBatch",
     .size = 21,
     .limits = kEightIn5Ms,
     .dispatch = Dispatch{8, CloseReason::kFull}},
    {.name = "BatchOfOneIsAlwaysFull",
     .size = 3,
     .limits = {.max_batch_size = 1, .max_delay = 5 * kMs},
     .dispatch = Dispatch{1, CloseReason::kFull}},
    {.name = "FullWhileDrainingIsFull",
     .size = 9,
     .draining = true,
     .limits = kEightIn5Ms,
     .dispatch = Dispatch{8, CloseReason::kFull}},
    {.name = "DrainingTakesEverything",
     .size = 3,
     .draining = true,
     .limits = kEightIn5Ms,
     .dispatch = Dispatch{3, CloseReason::kDraining}},
    {.name = "ZeroDelayTakesWhatIsThere",
     .size = 3,
     .limits = kEightAtOnce,
     .dispatch = Dispatch{3, CloseReason::kDelay}},
    {.name = "WaitsForTheDelay", .size = 7, .limits = kEightIn5Ms, .wait_until = 5 * kMs},
    {.name = "StillWaitsJustBefore",
     .size = 7,
     .limits = kEightIn5Ms,
     .now = 5 * kMs - absl::Nanoseconds(1),
     .wait_until = 5 * kMs},
    {.name = "DelayIsOverExactlyThen",
     .size = 7,
     .limits = kEightIn5Ms,
     .now = 5 * kMs,
     .dispatch = Dispatch{7, CloseReason::kDelay}},
    {.name = "DelayIsLongOver",
     .size = 1,
     .limits = kEightIn5Ms,
     .now = absl::Hours(1),
     .dispatch = Dispatch{1, CloseReason::kDelay}},
    {.name = "DeadlineBeforeTheDelayGoesAtOnce",
     .size = 2,
     .earliest_deadline = 4 * kMs,
     .limits = kEightIn5Ms,
     .dispatch = Dispatch{2, CloseReason::kDeadline}},
    {.name = "DeadlineAtTheDelayGoesAtOnce",
     .size = 2,
     .earliest_deadline = 5 * kMs,
     .limits = kEightIn5Ms,
     .dispatch = Dispatch{2, CloseReason::kDeadline}},
    {.name = "DeadlineAfterTheDelayChangesNothing",
     .size = 2,
     .earliest_deadline = 5 * kMs + absl::Nanoseconds(1),
     .limits = kEightIn5Ms,
     .wait_until = 5 * kMs},
    {.name = "DelayOverCountsBeforeDeadline",
     .size = 2,
     .earliest_deadline = 6 * kMs,
     .limits = kEightIn5Ms,
     .now = 5 * kMs,
     .dispatch = Dispatch{2, CloseReason::kDelay}},
};

INSTANTIATE_TEST_SUITE_P(Table, DecideBatchTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(CloseReasonTest, HasNames) {
  EXPECT_STREQ(ToString(CloseReason::kFull), "full");
  EXPECT_STREQ(ToString(CloseReason::kDelay), "delay");
  EXPECT_STREQ(ToString(CloseReason::kDeadline), "deadline");
  EXPECT_STREQ(ToString(CloseReason::kDraining), "draining");
}

TEST(CheckBatchSizeTest, TheEndsOfTheRangeAreInIt) {
  EXPECT_TRUE(CheckBatchSize(1).ok());
  EXPECT_TRUE(CheckBatchSize(kMaxBatchSize).ok());
  EXPECT_EQ(CheckBatchSize(0),
            absl::InvalidArgumentError("expected a batch size of 1 to 256, got 0"));
  EXPECT_FALSE(CheckBatchSize(kMaxBatchSize + 1).ok());
}

}  // namespace
}  // namespace siskin::batching
