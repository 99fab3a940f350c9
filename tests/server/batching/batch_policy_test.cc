#include "server/batching/batch_policy.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

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
  std::vector<BatchCost> costs = {};
  std::vector<absl::Duration> free_in = {absl::ZeroDuration()};
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
  const CostModel costs(c.costs);
  view.costs = &costs;
  view.limits = c.limits;
  const BatchDecision decision = DecideBatch(view, c.free_in, kStart + c.now);
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

// Heavy weights: a batch of eight takes twice as long as one image.
const std::vector<BatchCost> kFlat = {{1, 4 * kMs}, {2, 5 * kMs}, {4, 6 * kMs}, {8, 8 * kMs}};
// Batching brings nothing.
const std::vector<BatchCost> kLinear = {{1, 4 * kMs}, {2, 8 * kMs}, {4, 16 * kMs}, {8, 32 * kMs}};

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

    // Without a delay, with lanes and costs.
    {.name = "ABurstIsSpreadOverIdleLanes",
     .size = 8,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .free_in = {0 * kMs, 0 * kMs},
     .dispatch = Dispatch{4, CloseReason::kDelay}},
    {.name = "ALaneThatIsFreeSoonCounts",
     .size = 2,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .free_in = {0 * kMs, 4 * kMs},
     .dispatch = Dispatch{1, CloseReason::kDelay}},
    {.name = "ALaneThatIsBusyForLongDoesNot",
     .size = 2,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .free_in = {0 * kMs, 5 * kMs},
     .dispatch = Dispatch{2, CloseReason::kDelay}},
    {.name = "AnOddShareIsRoundedToABatchSize",
     .size = 7,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .dispatch = Dispatch{4, CloseReason::kDelay}},
    {.name = "NoLargerThanPays",
     .size = 8,
     .limits = kEightAtOnce,
     .costs = kLinear,
     .dispatch = Dispatch{1, CloseReason::kFull}},
    {.name = "SmallerWhereADeadlineIsNear",
     .size = 8,
     .earliest_deadline = 5 * kMs,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .dispatch = Dispatch{2, CloseReason::kDeadline}},
    {.name = "OneAtLeast",
     .size = 8,
     .earliest_deadline = 1 * kMs,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .dispatch = Dispatch{1, CloseReason::kDeadline}},
    {.name = "DrainingKeepsTheRules",
     .size = 3,
     .draining = true,
     .limits = kEightAtOnce,
     .costs = kFlat,
     .dispatch = Dispatch{2, CloseReason::kDraining}},
};

INSTANTIATE_TEST_SUITE_P(Table, DecideBatchTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

class ChooseTest : public ::testing::Test {
 protected:
  QueueView View(absl::Duration oldest, absl::Duration served) {
    return {.size = 1, .oldest_enqueued = kStart + oldest, .costs = &costs_, .served = served};
  }
  size_t Chosen(const std::vector<QueueView>& queues) {
    const auto choice = Choose(queues, {absl::ZeroDuration()}, kStart);
    return std::get<Choice>(choice).queue;
  }

  const CostModel costs_;
};

TEST_F(ChooseTest, TheModelThatWasServedLeastComesFirst) {
  EXPECT_EQ(Chosen({View(-3 * kMs, 9 * kMs), View(-1 * kMs, 8 * kMs), View(-2 * kMs, 10 * kMs)}),
            1u);
}

TEST_F(ChooseTest, OfTwoServedAlikeTheOneThatWaitedLonger) {
  EXPECT_EQ(Chosen({View(-1 * kMs, 8 * kMs), View(-2 * kMs, 8 * kMs)}), 1u);
}

TEST_F(ChooseTest, AQueueThatWaitsForCompanyHoldsUpNone) {
  QueueView patient = View(-1 * kMs, 0 * kMs);
  patient.limits.max_delay = 5 * kMs;
  EXPECT_EQ(Chosen({patient, View(0 * kMs, 9 * kMs)}), 1u);
}

TEST_F(ChooseTest, NoneDueTellsWhen) {
  std::vector<QueueView> queues = {View(-1 * kMs, {}), View(-2 * kMs, {})};
  for (QueueView& queue : queues) queue.limits.max_delay = 5 * kMs;
  const auto choice = Choose(queues, {absl::ZeroDuration()}, kStart);
  EXPECT_EQ(std::get<WaitUntil>(choice).time, kStart + 3 * kMs);
}

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
