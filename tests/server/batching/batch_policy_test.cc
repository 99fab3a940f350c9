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
  view.limits = &c.limits;
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
const BatchLimits kEightAuto = {.max_batch_size = 8};
const BatchLimits kPreferred = {
    .max_batch_size = 8, .max_delay = 5 * kMs, .preferred_batch_sizes = {2, 4}};
const BatchLimits kPreferredAtOnce = {
    .max_batch_size = 8, .max_delay = absl::ZeroDuration(), .preferred_batch_sizes = {2, 4}};

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

    {.name = "ZeroDelayTakesAFullBatchOfMore",
     .size = 9,
     .limits = kEightAtOnce,
     .dispatch = Dispatch{8, CloseReason::kFull}},
    {.name = "ZeroDelayLooksAtNeitherCostsNorLanesNorDeadlines",
     .size = 7,
     .earliest_deadline = 5 * kMs,
     .limits = kEightAtOnce,
     .costs = kLinear,
     .free_in = {0 * kMs, 0 * kMs},
     .dispatch = Dispatch{7, CloseReason::kDelay}},
    {.name = "ZeroDelayWhileDraining",
     .size = 3,
     .draining = true,
     .limits = kEightAtOnce,
     .dispatch = Dispatch{3, CloseReason::kDraining}},

    // Preferred sizes of 2 and 4.
    {.name = "APreferredSizeGoesAtOnce",
     .size = 2,
     .limits = kPreferred,
     .dispatch = Dispatch{2, CloseReason::kFull}},
    {.name = "BetweenTwoThePreferredPartGoes",
     .size = 3,
     .limits = kPreferred,
     .dispatch = Dispatch{2, CloseReason::kFull}},
    {.name = "BeyondTheLargestItGoes",
     .size = 7,
     .limits = kPreferred,
     .dispatch = Dispatch{4, CloseReason::kFull}},
    {.name = "TheLargestGoesEvenWhereMoreThanFullWaits",
     .size = 9,
     .limits = kPreferred,
     .dispatch = Dispatch{4, CloseReason::kFull}},
    {.name = "BelowThemItWaits", .size = 1, .limits = kPreferred, .wait_until = 5 * kMs},
    {.name = "BelowThemADeadlineIsNotWaitedFor",
     .size = 1,
     .earliest_deadline = 5 * kMs,
     .limits = kPreferred,
     .dispatch = Dispatch{1, CloseReason::kDeadline}},
    {.name = "OnceTheDelayIsOverEverythingGoes",
     .size = 7,
     .limits = kPreferred,
     .now = 5 * kMs,
     .dispatch = Dispatch{7, CloseReason::kDelay}},
    {.name = "OnceTheDelayIsOverAFullBatchGoes",
     .size = 9,
     .limits = kPreferred,
     .now = 5 * kMs,
     .dispatch = Dispatch{8, CloseReason::kFull}},
    {.name = "DrainingHasNoPreference",
     .size = 3,
     .draining = true,
     .limits = kPreferred,
     .dispatch = Dispatch{3, CloseReason::kDraining}},
    {.name = "WithoutDelayThePreferredPartGoesFirst",
     .size = 3,
     .limits = kPreferredAtOnce,
     .now = 9 * kMs,
     .dispatch = Dispatch{2, CloseReason::kFull}},
    {.name = "WithoutDelayTheRestGoesAtOnce",
     .size = 1,
     .limits = kPreferredAtOnce,
     .dispatch = Dispatch{1, CloseReason::kDelay}},

    // The auto policy, with lanes and costs.
    {.name = "ABurstIsSpreadOverIdleLanes",
     .size = 8,
     .limits = kEightAuto,
     .costs = kFlat,
     .free_in = {0 * kMs, 0 * kMs},
     .dispatch = Dispatch{4, CloseReason::kDelay}},
    {.name = "ALaneThatIsFreeSoonCounts",
     .size = 2,
     .limits = kEightAuto,
     .costs = kFlat,
     .free_in = {0 * kMs, 4 * kMs},
     .dispatch = Dispatch{1, CloseReason::kDelay}},
    {.name = "ALaneThatIsBusyForLongDoesNot",
     .size = 2,
     .limits = kEightAuto,
     .costs = kFlat,
     .free_in = {0 * kMs, 5 * kMs},
     .dispatch = Dispatch{2, CloseReason::kDelay}},
    {.name = "AnOddShareIsRoundedToABatchSize",
     .size = 7,
     .limits = kEightAuto,
     .costs = kFlat,
     .dispatch = Dispatch{4, CloseReason::kDelay}},
    {.name = "NoLargerThanPays",
     .size = 8,
     .limits = kEightAuto,
     .costs = kLinear,
     .dispatch = Dispatch{1, CloseReason::kFull}},
    {.name = "SmallerWhereADeadlineIsNear",
     .size = 8,
     .earliest_deadline = 5 * kMs,
     .limits = kEightAuto,
     .costs = kFlat,
     .dispatch = Dispatch{2, CloseReason::kDeadline}},
    {.name = "OneAtLeast",
     .size = 8,
     .earliest_deadline = 1 * kMs,
     .limits = kEightAuto,
     .costs = kFlat,
     .dispatch = Dispatch{1, CloseReason::kDeadline}},
    {.name = "DrainingKeepsTheRules",
     .size = 3,
     .draining = true,
     .limits = kEightAuto,
     .costs = kFlat,
     .dispatch = Dispatch{2, CloseReason::kDraining}},
};

INSTANTIATE_TEST_SUITE_P(Table, DecideBatchTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

class ChooseTest : public ::testing::Test {
 protected:
  QueueView View(absl::Duration oldest, absl::Duration served) {
    return {.size = 1,
            .oldest_enqueued = kStart + oldest,
            .costs = &costs_,
            .limits = &auto_,
            .served = served};
  }
  size_t Chosen(const std::vector<QueueView>& queues) {
    const auto choice = Choose(queues, {absl::ZeroDuration()}, kStart);
    return std::get<Choice>(choice).queue;
  }

  const CostModel costs_;
  const BatchLimits auto_;
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
  patient.limits = &kEightIn5Ms;
  EXPECT_EQ(Chosen({patient, View(0 * kMs, 9 * kMs)}), 1u);
}

TEST_F(ChooseTest, NoneDueTellsWhen) {
  std::vector<QueueView> queues = {View(-1 * kMs, {}), View(-2 * kMs, {})};
  for (QueueView& queue : queues) queue.limits = &kEightIn5Ms;
  const auto choice = Choose(queues, {absl::ZeroDuration()}, kStart);
  EXPECT_EQ(std::get<WaitUntil>(choice).time, kStart + 3 * kMs);
}

TEST(PreferredBatchSizeTest, IsTheLargestThatIsThere) {
  EXPECT_EQ(PreferredBatchSize({}, 9), 0);
  EXPECT_EQ(PreferredBatchSize({2, 4}, 1), 0);
  EXPECT_EQ(PreferredBatchSize({2, 4}, 2), 2);
  EXPECT_EQ(PreferredBatchSize({2, 4}, 3), 2);
  EXPECT_EQ(PreferredBatchSize({2, 4}, 4), 4);
  EXPECT_EQ(PreferredBatchSize({2, 4}, 100), 4);
}

TEST(CheckLimitsTest, SaysWhatIsOutOfRange) {
  EXPECT_TRUE(CheckLimits({}).ok());
  EXPECT_TRUE(CheckLimits(kPreferredAtOnce).ok());
  const absl::Duration none = absl::ZeroDuration();
  EXPECT_TRUE(CheckLimits({8, none, {1, 8}}).ok());
  EXPECT_EQ(std::string(CheckLimits({8, none, {1, 9}}).message()),
            "expected preferred batch sizes that ascend, from 1 to the largest batch of 8; got 1, "
            "9");
  EXPECT_EQ(std::string(CheckLimits({8, std::nullopt, {4}}).message()),
            "preferred batch sizes need the fixed policy, got auto");
  for (const BatchLimits& wrong :
       {BatchLimits{0}, BatchLimits{8, -1 * kMs}, BatchLimits{8, absl::InfiniteDuration()},
        BatchLimits{8, none, {0, 2}}, BatchLimits{8, none, {2, 2}}, BatchLimits{8, none, {4, 2}}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckLimits(wrong)));
  }
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
