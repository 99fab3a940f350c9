#include "server/batching/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/rejection.h"
#include "tests/fakes/fake_task.h"
#include "tests/fakes/manual_clock.h"

namespace siskin::batching {
namespace {

using ::siskin::testing::FakeTask;
using ::siskin::testing::ManualClock;
using ::siskin::testing::TaskEnd;
using ::testing::HasSubstr;

constexpr absl::Duration kMs = absl::Milliseconds(1);
constexpr std::nullopt_t kAuto = std::nullopt;

// A lane that takes a single batch on its own thread.
class OneBatchLane {
 public:
  explicit OneBatchLane(Scheduler& scheduler)
      : taken_(std::async(std::launch::async, [&scheduler] {
          Batch batch;
          scheduler.WaitForBatch(batch);
          return batch;
        })) {}
  Batch Join() { return taken_.get(); }

 private:
  std::future<Batch> taken_;
};

class SchedulerTest : public ::testing::Test {
 protected:
  std::shared_ptr<BatchQueue> AddQueue(int max_batch_size, std::optional<absl::Duration> max_delay,
                                       int capacity = 16, const void* owner = nullptr) {
    const QueueOptions options = {.limits = {max_batch_size, max_delay}, .capacity = capacity};
    auto queue = scheduler_->AddQueue(options, owner);
    EXPECT_TRUE(queue.ok()) << queue.status();
    return *queue;
  }

  absl::Status Enqueue(BatchQueue& queue, TaskEnd& end,
                       MonotonicTime deadline = MonotonicTime::InfiniteFuture(),
                       std::shared_ptr<const CancelFlag> cancel = nullptr) {
    std::unique_ptr<Task> task = std::make_unique<FakeTask>(end, deadline, std::move(cancel));
    const absl::Status status = queue.Enqueue(task);
    EXPECT_EQ(task == nullptr, status.ok());  // ownership moves if and only if OK is returned
    return status;
  }

  static std::vector<const TaskEnd*> Ends(const Batch& batch) {
    std::vector<const TaskEnd*> ends;
    for (const auto& task : batch.tasks) ends.push_back(&static_cast<FakeTask&>(*task).end());
    return ends;
  }

  void ExpectDrained() {
    scheduler_->Drain();
    Batch batch;
    EXPECT_FALSE(scheduler_->WaitForBatch(batch));
  }

  ManualClock clock_;
  std::array<TaskEnd, 256> ends_;
  std::unique_ptr<Scheduler> scheduler_ = std::make_unique<Scheduler>(clock_);
};

using Pointers = std::vector<const TaskEnd*>;

TEST_F(SchedulerTest, FullBatchIsHandedOutAtOnceInOrder) {
  int model = 0;
  auto queue = AddQueue(3, absl::Hours(1), 16, &model);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(batch.owner, &model);
  EXPECT_EQ(batch.reason, CloseReason::kFull);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0], &ends_[1], &ends_[2]}));
  EXPECT_EQ(queue->size(), 1);
}

TEST_F(SchedulerTest, ZeroDelayTakesWhatIsThere) {
  auto queue = AddQueue(8, kAuto);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(batch.reason, CloseReason::kDelay);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0], &ends_[1]}));
}

TEST_F(SchedulerTest, DelayCountsFromTheOldestTask) {
  auto queue = AddQueue(8, 5 * kMs);
  const MonotonicTime start = clock_.Now();
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  OneBatchLane lane(*scheduler_);
  clock_.AwaitDeadline(start + 5 * kMs);
  clock_.Advance(4 * kMs);
  ASSERT_TRUE(Enqueue(*queue, ends_[1]).ok());
  clock_.Advance(1 * kMs);
  const Batch batch = lane.Join();
  EXPECT_EQ(batch.reason, CloseReason::kDelay);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0], &ends_[1]}));
  EXPECT_EQ(batch.tasks[0]->enqueued(), start);
  EXPECT_EQ(batch.tasks[1]->enqueued(), start + 4 * kMs);
}

TEST_F(SchedulerTest, AWaitingLaneTakesTheBatchThatFills) {
  auto queue = AddQueue(2, absl::Hours(1));
  OneBatchLane lane(*scheduler_);
  clock_.AwaitWaiters(1);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  clock_.AwaitDeadline(clock_.Now() + absl::Hours(1));
  ASSERT_TRUE(Enqueue(*queue, ends_[1]).ok());
  EXPECT_EQ(lane.Join().reason, CloseReason::kFull);
}

TEST_F(SchedulerTest, NoWaitReachesADeadline) {
  auto queue = AddQueue(8, 5 * kMs);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  OneBatchLane lane(*scheduler_);
  clock_.AwaitDeadline(clock_.Now() + 5 * kMs);
  ASSERT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 2 * kMs).ok());
  const Batch batch = lane.Join();
  EXPECT_EQ(batch.reason, CloseReason::kDeadline);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[1], &ends_[0]}));
}

TEST_F(SchedulerTest, AFullQueueRefuses) {
  auto queue = AddQueue(8, absl::Hours(1), /*capacity=*/2);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1]).ok());
  const absl::Status status = Enqueue(*queue, ends_[2]);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("2 waiting"));
  EXPECT_EQ(ends_[2].ends, 0);
}

TEST_F(SchedulerTest, DeadTasksAreFailedAndNotBatched) {
  auto queue = AddQueue(2, 5 * kMs);
  auto cancel = std::make_shared<CancelFlag>();
  ASSERT_TRUE(Enqueue(*queue, ends_[0], clock_.Now() + 6 * kMs).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1], MonotonicTime::InfiniteFuture(), cancel).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[2]).ok());
  cancel->Cancel();
  clock_.Advance(6 * kMs);  // every lane was busy for longer than the delay
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[2]}));
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ends_[0].status.message(),
            "deadline passed after 6ms in the queue; nothing was computed");
  EXPECT_EQ(ends_[1].status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(ends_[1].status.message(), "cancelled after 6ms in the queue; nothing was computed");
  EXPECT_EQ(ends_[0].ends + ends_[1].ends, 2);
  EXPECT_EQ(ends_[2].ends, 0);
}

TEST_F(SchedulerTest, DeadTasksDoNotFillABatch) {
  auto queue = AddQueue(3, 5 * kMs);
  auto cancel = std::make_shared<CancelFlag>();
  const MonotonicTime start = clock_.Now();
  ASSERT_TRUE(Enqueue(*queue, ends_[0], MonotonicTime::InfiniteFuture(), cancel).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1]).ok());
  cancel->Cancel();
  ASSERT_TRUE(Enqueue(*queue, ends_[2]).ok());
  OneBatchLane lane(*scheduler_);
  clock_.AwaitDeadline(start + 5 * kMs);  // two are alive: not full
  EXPECT_EQ(ends_[0].ends, 1);
  clock_.Advance(5 * kMs);
  EXPECT_EQ(Ends(lane.Join()), (Pointers{&ends_[1], &ends_[2]}));
}

TEST_F(SchedulerTest, TheDeadAreReplacedByThoseBehindThem) {
  auto queue = AddQueue(2, absl::Hours(1));
  auto cancel = std::make_shared<CancelFlag>();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(
        Enqueue(*queue, ends_[i], MonotonicTime::InfiniteFuture(), i % 2 ? cancel : nullptr).ok());
  }
  cancel->Cancel();
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0], &ends_[2]}));
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[4], &ends_[6]}));
  EXPECT_EQ(batch.reason, CloseReason::kFull);
}

TEST_F(SchedulerTest, AQueueOfTheDeadMakesNoBatch) {
  auto queue = AddQueue(1, kAuto);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Enqueue(*queue, ends_[i], clock_.Now() + 1 * kMs).ok());
  }
  clock_.Advance(1 * kMs);
  ExpectDrained();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ends_[i].ends, 1);
}

TEST_F(SchedulerTest, DrainHandsOutTheRestWithoutDelay) {
  auto queue = AddQueue(2, absl::Hours(1));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  scheduler_->Drain();
  EXPECT_EQ(Enqueue(*queue, ends_[3]).code(), absl::StatusCode::kUnavailable);
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(batch.reason, CloseReason::kFull);
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(batch.reason, CloseReason::kDraining);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[2]}));
  EXPECT_FALSE(scheduler_->WaitForBatch(batch));
}

TEST_F(SchedulerTest, DrainWakesEveryLane) {
  OneBatchLane first(*scheduler_), second(*scheduler_);
  clock_.AwaitWaiters(2);
  scheduler_->Drain();
  EXPECT_TRUE(first.Join().tasks.empty());
  EXPECT_TRUE(second.Join().tasks.empty());
}

TEST_F(SchedulerTest, ARemovedQueueFailsWhatWaits) {
  auto queue = AddQueue(1, kAuto);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  scheduler_->RemoveQueue(*queue);
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ends_[0].ends, 1);
  EXPECT_EQ(Enqueue(*queue, ends_[1]).code(), absl::StatusCode::kUnavailable);
  scheduler_->RemoveQueue(*queue);  // again: no effect
  ExpectDrained();
}

TEST_F(SchedulerTest, TheSchedulerFailsWhatIsLeft) {
  auto first = AddQueue(8, absl::Hours(1));
  auto second = AddQueue(8, absl::Hours(1));
  ASSERT_TRUE(Enqueue(*first, ends_[0]).ok());
  ASSERT_TRUE(Enqueue(*second, ends_[1]).ok());
  scheduler_.reset();
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ends_[1].status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(SchedulerTest, TheOldestHeadIsServedFirst) {
  int a = 0, b = 0;
  auto queue_a = AddQueue(1, kAuto, 16, &a);
  auto queue_b = AddQueue(1, kAuto, 16, &b);
  const std::vector<BatchQueue*> order = {queue_b.get(), queue_a.get(), queue_a.get(),
                                          queue_b.get()};
  for (size_t i = 0; i < order.size(); ++i) {
    ASSERT_TRUE(Enqueue(*order[i], ends_[i]).ok());
    clock_.Advance(1 * kMs);
  }
  for (size_t i = 0; i < order.size(); ++i) {
    Batch batch;
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    EXPECT_EQ(Ends(batch), (Pointers{&ends_[i]})) << i;
    EXPECT_EQ(batch.owner, order[i] == queue_a.get() ? &a : &b);
  }
}

TEST_F(SchedulerTest, AnOlderTaskThatIsNotDueDoesNotBlockOthers) {
  auto patient = AddQueue(8, absl::Hours(1));
  auto eager = AddQueue(8, kAuto);
  ASSERT_TRUE(Enqueue(*patient, ends_[0]).ok());
  clock_.Advance(1 * kMs);
  ASSERT_TRUE(Enqueue(*eager, ends_[1]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[1]}));
}

TEST_F(SchedulerTest, ALaneThatWaitsForOneQueueWakesForAnother) {
  auto slow = AddQueue(8, 10 * kMs);
  auto fast = AddQueue(8, 2 * kMs);
  const MonotonicTime start = clock_.Now();
  ASSERT_TRUE(Enqueue(*slow, ends_[0]).ok());
  OneBatchLane lane(*scheduler_);
  clock_.AwaitDeadline(start + 10 * kMs);
  ASSERT_TRUE(Enqueue(*fast, ends_[1]).ok());
  clock_.AwaitDeadline(start + 2 * kMs);
  clock_.Advance(2 * kMs);
  EXPECT_EQ(Ends(lane.Join()), (Pointers{&ends_[1]}));
}

TEST_F(SchedulerTest, ALaneThatLeavesHandsTheWatchOver) {
  auto slow = AddQueue(8, 20 * kMs);
  auto eager = AddQueue(8, kAuto);
  const MonotonicTime slow_is_due = clock_.Now() + 20 * kMs;
  ASSERT_TRUE(Enqueue(*slow, ends_[0]).ok());
  OneBatchLane first(*scheduler_);
  clock_.AwaitDeadline(slow_is_due);
  OneBatchLane second(*scheduler_);
  clock_.AwaitWaiters(2);
  EXPECT_EQ(clock_.timed_waiters(), 1);  // one watches for both

  ASSERT_TRUE(Enqueue(*eager, ends_[1]).ok());
  clock_.AwaitWaiters(1);  // one has left, be it the one that watched
  clock_.AwaitDeadline(slow_is_due);
  clock_.Advance(20 * kMs);
  EXPECT_EQ(first.Join().tasks.size() + second.Join().tasks.size(), 2u);
}

TEST_F(SchedulerTest, TwoQueuesFallDueOneAfterTheOther) {
  auto first = AddQueue(8, 10 * kMs);
  auto second = AddQueue(8, 20 * kMs);
  const MonotonicTime start = clock_.Now();
  OneBatchLane lanes[] = {OneBatchLane(*scheduler_), OneBatchLane(*scheduler_)};
  clock_.AwaitWaiters(2);
  ASSERT_TRUE(Enqueue(*first, ends_[0]).ok());
  clock_.AwaitDeadline(start + 10 * kMs);
  ASSERT_TRUE(Enqueue(*second, ends_[1]).ok());
  clock_.Advance(10 * kMs);
  clock_.AwaitDeadline(start + 20 * kMs);  // the other lane, since one took its batch
  clock_.Advance(10 * kMs);
  EXPECT_EQ(lanes[0].Join().tasks.size() + lanes[1].Join().tasks.size(), 2u);
}

TEST_F(SchedulerTest, ABurstIsSharedAmongWaitingLanes) {
  auto queue = AddQueue(2, absl::Hours(1));
  OneBatchLane lanes[] = {OneBatchLane(*scheduler_), OneBatchLane(*scheduler_)};
  clock_.AwaitWaiters(2);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  for (OneBatchLane& lane : lanes) EXPECT_EQ(lane.Join().tasks.size(), 2);
}

TEST_F(SchedulerTest, ATaskThatChangesNothingWakesNobody) {
  auto queue = AddQueue(8, 5 * kMs);
  OneBatchLane lane(*scheduler_);
  clock_.AwaitWaiters(1);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  clock_.AwaitDeadline(clock_.Now() + 5 * kMs);
  for (int i = 1; i < 7; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  clock_.Advance(5 * kMs);
  EXPECT_EQ(lane.Join().tasks.size(), 7);
  EXPECT_EQ(clock_.waits(), 2);  // for a first task, then for its delay
}

// Costs of 10 ms an image, in batches of one.
QueueOptions TenMilliseconds(int capacity = 64) {
  return {
      .limits = {.max_batch_size = 1}, .capacity = capacity, .costs = CostModel({{1, 10 * kMs}})};
}

TEST_F(SchedulerTest, TheEarliestDeadlineComesFirst) {
  auto queue = scheduler_->AddQueue({}, nullptr).value();
  const MonotonicTime now = clock_.Now();
  ASSERT_TRUE(Enqueue(*queue, ends_[0], now + 900 * kMs).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1], now + 50 * kMs).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[2]).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[3], now + 50 * kMs).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[1], &ends_[3], &ends_[0], &ends_[2]}));
}

TEST_F(SchedulerTest, NoTaskIsOvertakenForEver) {
  auto queue = scheduler_->AddQueue({.limits = {.max_batch_size = 1}}, nullptr).value();
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  clock_.Advance(kMaxOvertaking);
  ASSERT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 1 * kMs).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0]}));
}

TEST_F(SchedulerTest, WhatWouldBeLateIsRefusedWithTheTimeToRetry) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Enqueue(*queue, ends_[i], clock_.Now() + 30 * kMs).ok()) << i;
  }
  const absl::Status status = Enqueue(*queue, ends_[3], clock_.Now() + 30 * kMs);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RejectionOf(status), Rejection::kPredictedLate);
  EXPECT_EQ(RetryAfterOf(status), 10 * kMs);
  EXPECT_THAT(status.message(), HasSubstr("10ms after the deadline"));
  EXPECT_TRUE(Enqueue(*queue, ends_[3], clock_.Now() + 40 * kMs).ok());
}

TEST_F(SchedulerTest, ADeadlineThatNoServerHoldsIsNoOverload) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  const absl::Status status = Enqueue(*queue, ends_[0], clock_.Now() + 8 * kMs);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(RejectionOf(status), Rejection::kDeadline);
  EXPECT_EQ(RetryAfterOf(status), std::nullopt);
  EXPECT_THAT(status.message(), HasSubstr("2ms after the deadline even if nothing else ran"));
  EXPECT_THAT(status.message(), HasSubstr("needs 10ms"));
}

TEST_F(SchedulerTest, CostsThatKeepEverythingOutAreTried) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  const auto enqueue = [&](int i) { return Enqueue(*queue, ends_[i], clock_.Now() + 8 * kMs); };
  clock_.Advance(kTrialInterval - kMs);
  EXPECT_FALSE(enqueue(0).ok());
  clock_.Advance(kMs);
  EXPECT_TRUE(enqueue(0).ok());
  EXPECT_FALSE(enqueue(1).ok()) << "one at a time";
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0]}));
  EXPECT_FALSE(enqueue(1).ok()) << "one at a time";
  clock_.Advance(2 * kMs);
  queue->Observe(1, 2 * kMs);  // 6 ms are expected from now on
  MonotonicTime next_due;
  EXPECT_FALSE(scheduler_->TakeBatch(batch, /*lane=*/0, next_due));
  EXPECT_TRUE(enqueue(1).ok());
}

TEST_F(SchedulerTest, ATrialEndsWithItsDeadline) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  clock_.Advance(kTrialInterval);
  ASSERT_TRUE(Enqueue(*queue, ends_[0], clock_.Now() + 8 * kMs).ok());
  clock_.Advance(8 * kMs);
  ExpectDrained();
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(SchedulerTest, ABusyLaneCountsForWhatItHasLeft) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  clock_.Advance(4 * kMs);
  EXPECT_EQ(queue->PredictedWait(), 6 * kMs);
  EXPECT_FALSE(Enqueue(*queue, ends_[1], clock_.Now() + 15 * kMs).ok());
  EXPECT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 16 * kMs).ok());
}

TEST_F(SchedulerTest, WorkIsPouredOverTheLanes) {
  scheduler_->SetLanes(2);
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  EXPECT_EQ(queue->PredictedWait(), absl::ZeroDuration());
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch, 1));
  EXPECT_EQ(queue->PredictedWait(), absl::ZeroDuration());  // the other one is free
  for (int i = 1; i < 4; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  EXPECT_EQ(queue->PredictedWait(), 20 * kMs);
}

TEST_F(SchedulerTest, AStalledLaneIsNotCountedOn) {
  scheduler_->SetLanes(2);
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch, 1));
  for (int i = 1; i < 5; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  clock_.Advance(40 * kMs);                     // it should have come back after ten
  EXPECT_EQ(queue->PredictedWait(), 40 * kMs);  // four, by the other lane alone
  Batch next;
  ASSERT_TRUE(scheduler_->WaitForBatch(next, 1));  // it is back
  EXPECT_EQ(queue->PredictedWait(), 20 * kMs);
}

// What is taken in will be in time: a request that would go before it does not make it late.
TEST_F(SchedulerTest, AnEarlierDeadlineDoesNotBreakAPromise) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Enqueue(*queue, ends_[i], clock_.Now() + 31 * kMs).ok()) << i;
  }
  const absl::Status status = Enqueue(*queue, ends_[3], clock_.Now() + 20 * kMs);
  EXPECT_EQ(RejectionOf(status), Rejection::kPredictedLate);
  EXPECT_THAT(status.message(), HasSubstr("others late"));
  EXPECT_EQ(RetryAfterOf(status), 9 * kMs);
}

// The lanes do not share the work behind it evenly: one of them is busy for a while.
TEST_F(SchedulerTest, APromiseCountsTheLanesThatAreFreeUntilThen) {
  scheduler_->SetLanes(2);
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  std::unique_ptr<Task> photo = std::make_unique<FakeTask>(ends_[0]);
  photo->set_prepare_cost(90 * kMs);
  ASSERT_TRUE(queue->Enqueue(photo).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch, 1));
  for (int i = 1; i < 6; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i], clock_.Now() + 55 * kMs).ok());
  for (int i = 6; i < 21; ++i) {
    ASSERT_TRUE(Enqueue(*queue, ends_[i], clock_.Now() + absl::Minutes(1)).ok());
  }
  EXPECT_EQ(RetryAfterOf(Enqueue(*queue, ends_[21], clock_.Now() + 30 * kMs)), 5 * kMs);
}

TEST_F(SchedulerTest, WhatIsLateAnywayKeepsNothingOut) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  std::unique_ptr<Task> photo = std::make_unique<FakeTask>(ends_[0], clock_.Now() + 41 * kMs);
  photo->set_prepare_cost(30 * kMs);
  ASSERT_TRUE(queue->Enqueue(photo).ok());
  EXPECT_FALSE(Enqueue(*queue, ends_[1], clock_.Now() + 20 * kMs).ok());
  clock_.Advance(5 * kMs);  // 36 are left, and 40 needed
  EXPECT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 20 * kMs).ok());
}

TEST_F(SchedulerTest, WhatEndsAtItsDeadlineIsInTime) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  ASSERT_TRUE(Enqueue(*queue, ends_[0], clock_.Now() + 10 * kMs).ok());
  Batch batch;
  MonotonicTime next_due;
  ASSERT_TRUE(scheduler_->TakeBatch(batch, 0, next_due));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0]}));
}

TEST_F(SchedulerTest, ATaskIsPreparedByOneLane) {
  scheduler_->SetLanes(2);
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  for (const absl::Duration left : {39 * kMs, 40 * kMs}) {
    std::unique_ptr<Task> photo = std::make_unique<FakeTask>(ends_[0], clock_.Now() + left);
    photo->set_prepare_cost(30 * kMs);
    EXPECT_EQ(queue->Enqueue(photo).ok(), left == 40 * kMs);
  }
}

TEST_F(SchedulerTest, ABatchIsAsLargeAsItsPreparationAllows) {
  const CostModel costs({{1, 10 * kMs}, {2, 12 * kMs}});
  auto queue =
      scheduler_->AddQueue({.limits = {.max_batch_size = 2}, .costs = costs}, nullptr).value();
  const MonotonicTime now = clock_.Now();
  for (int i = 0; i < 2; ++i) {
    std::unique_ptr<Task> photo = std::make_unique<FakeTask>(ends_[i], now + (20 + 50 * i) * kMs);
    photo->set_prepare_cost(5 * kMs);
    ASSERT_TRUE(queue->Enqueue(photo).ok());
  }
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));  // both would take 22 ms
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0]}));
}

TEST_F(SchedulerTest, ARequestOfManyImagesIsTakenWholeOrNotAtAll) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(/*capacity=*/4), nullptr).value();
  const auto enqueue = [&](int count, absl::Duration deadline) {
    std::vector<std::unique_ptr<Task>> tasks;
    for (int i = 0; i < count; ++i) {
      tasks.push_back(std::make_unique<FakeTask>(ends_[i], clock_.Now() + deadline));
    }
    const absl::Status status = queue->Enqueue(absl::MakeSpan(tasks));
    for (const auto& task : tasks) EXPECT_EQ(task == nullptr, status.ok());
    return status;
  };
  EXPECT_EQ(RejectionOf(enqueue(5, absl::Hours(1))), Rejection::kQueueFull);
  EXPECT_EQ(RejectionOf(enqueue(3, 29 * kMs)), Rejection::kDeadline);
  EXPECT_EQ(queue->size(), 0);
  EXPECT_TRUE(enqueue(3, 30 * kMs).ok());
  EXPECT_EQ(queue->size(), 3);
}

TEST_F(SchedulerTest, WhatCanNoLongerBeInTimeIsNotStarted) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  ASSERT_TRUE(Enqueue(*queue, ends_[0], clock_.Now() + 15 * kMs).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 100 * kMs).ok());
  clock_.Advance(6 * kMs);
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[1]}));
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(ends_[0].status.message(), HasSubstr("only 9ms were left"));
}

TEST_F(SchedulerTest, PreparationCounts) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  std::unique_ptr<Task> photo = std::make_unique<FakeTask>(ends_[0], clock_.Now() + 50 * kMs);
  photo->set_prepare_cost(30 * kMs);
  ASSERT_TRUE(queue->Enqueue(photo).ok());
  EXPECT_EQ(queue->PredictedWait(), 40 * kMs);
  EXPECT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 51 * kMs).ok());  // behind the photo
  EXPECT_FALSE(Enqueue(*queue, ends_[2], clock_.Now() + 59 * kMs).ok());
  EXPECT_TRUE(Enqueue(*queue, ends_[2], clock_.Now() + 60 * kMs).ok());
}

TEST_F(SchedulerTest, ModelsShareLaneTimeByWeight) {
  int light = 0, heavy = 0;
  QueueOptions options = TenMilliseconds();
  auto first = scheduler_->AddQueue(options, &light).value();
  options.weight = 3;
  auto second = scheduler_->AddQueue(options, &heavy).value();
  for (int i = 0; i < 32; ++i) {
    ASSERT_TRUE(Enqueue(*first, ends_[2 * i]).ok());
    ASSERT_TRUE(Enqueue(*second, ends_[2 * i + 1]).ok());
  }
  int served = 0;
  Batch batch;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    if (batch.owner == &light) ++served;
    clock_.Advance(10 * kMs);
  }
  EXPECT_EQ(served, 10);
}

// For the sake of the other, which may come while the batch runs; as far as that costs little.
TEST_F(SchedulerTest, BatchesAreSmallWhileAnotherModelIsAsked) {
  const QueueOptions options = {.costs = CostModel({{1, 10 * kMs}, {8, 74 * kMs}})};
  auto queue = scheduler_->AddQueue(options, nullptr).value();
  auto other = scheduler_->AddQueue(options, nullptr).value();
  const auto next_batch = [&] {
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(Enqueue(*queue, ends_[i]).ok());
    Batch batch;
    scheduler_->WaitForBatch(batch);
    const size_t size = batch.tasks.size();
    while (queue->size() > 0) scheduler_->WaitForBatch(batch);
    return size;
  };
  EXPECT_EQ(next_batch(), 8);
  ASSERT_TRUE(Enqueue(*other, ends_[8]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(next_batch(), 1);
  clock_.Advance(741 * kMs);  // ten batches
  EXPECT_EQ(next_batch(), 8);
}

TEST_F(SchedulerTest, AModelThatWasIdleDoesNotCatchUp) {
  int busy = 0, fresh = 0;
  auto first = scheduler_->AddQueue(TenMilliseconds(), &busy).value();
  auto second = scheduler_->AddQueue(TenMilliseconds(), &fresh).value();
  Batch batch;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Enqueue(*first, ends_[i]).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  for (int i = 20; i < 40; ++i) ASSERT_TRUE(Enqueue(*second, ends_[i]).ok());
  int served = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    if (batch.owner == &fresh) ++served;
  }
  EXPECT_EQ(served, 5);
}

// Nor does one that comes when all that the busy one has to do runs already.
TEST_F(SchedulerTest, AModelThatWasIdleDoesNotCatchUpWithOneThatRuns) {
  int busy = 0, fresh = 0;
  auto first = scheduler_->AddQueue(TenMilliseconds(), &busy).value();
  auto second = scheduler_->AddQueue(TenMilliseconds(), &fresh).value();
  Batch batch;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Enqueue(*first, ends_[i]).ok());
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  }
  for (int i = 10; i < 20; ++i) ASSERT_TRUE(Enqueue(*second, ends_[i]).ok());
  for (int i = 20; i < 30; ++i) ASSERT_TRUE(Enqueue(*first, ends_[i]).ok());
  int served = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    if (batch.owner == &fresh) ++served;
  }
  EXPECT_EQ(served, 5);
}

TEST_F(SchedulerTest, WithoutDeadlinesAStandingQueueIsCutToTheTarget) {
  auto queue = scheduler_->AddQueue(TenMilliseconds(), nullptr).value();
  size_t next = 0;
  const auto arrive = [&] { return Enqueue(*queue, ends_[next++]); };
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(arrive().ok());  // a burst is taken
  Batch batch;
  absl::Status refused;
  for (int i = 0; i < 60 && refused.ok(); ++i) {  // one comes as one goes: it never empties
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    clock_.Advance(10 * kMs);
    refused = arrive();
  }
  EXPECT_EQ(RejectionOf(refused), Rejection::kOverload);
  EXPECT_GT(RetryAfterOf(refused), 200 * kMs);  // some 40 wait, the target is 100 ms
  while (queue->size() > 9) {
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    clock_.Advance(10 * kMs);
  }
  EXPECT_TRUE(arrive().ok());

  // It is kept at the target as long as more comes than goes.
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    clock_.Advance(10 * kMs);
    while (arrive().ok()) {
    }
    EXPECT_LE(queue->size(), 11);
  }
}

// Tasks of a queue with priority levels, on one lane.
class PriorityTest : public SchedulerTest {
 protected:
  std::shared_ptr<BatchQueue> AddLevels(std::vector<LevelPolicy> levels, int max_batch_size = 1,
                                        absl::Duration max_delay = absl::ZeroDuration()) {
    const QueueOptions options = {
        .limits = {max_batch_size, max_delay},
        .capacity = 16,
        .costs = CostModel({{1, kMs}}),
        .priorities = Priorities{.levels = std::move(levels), .default_level = 1}};
    return scheduler_->AddQueue(options, nullptr).value();
  }

  absl::Status EnqueueAs(BatchQueue& queue, TaskEnd& end, uint64_t priority,
                         absl::Duration timeout = absl::InfiniteDuration(),
                         MonotonicTime deadline = MonotonicTime::InfiniteFuture()) {
    std::unique_ptr<Task> task = std::make_unique<FakeTask>(end, deadline);
    task->set_priority(priority, timeout);
    return queue.Enqueue(task);
  }

  // What a free lane gets now.
  Pointers Taken() {
    MonotonicTime next_due;
    scheduler_->TakeBatch(batch_, 0, next_due);
    return Ends(batch_);
  }

  Batch batch_;
};

TEST_F(PriorityTest, AHigherLevelComesFirst) {
  auto queue = AddLevels({{}, {}, {}});
  const uint64_t priorities[] = {3, 2, 0, 3, 1, 9};  // 0 and 9: the default, 1
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(EnqueueAs(*queue, ends_[i], priorities[i]).ok());
  for (const int i : {2, 4, 5, 1, 0, 3}) EXPECT_EQ(Taken(), (Pointers{&ends_[i]})) << i;
}

TEST_F(PriorityTest, ABatchTakesTheHigherLevelFirst) {
  auto queue = AddLevels({{}, {}}, /*max_batch_size=*/3);
  for (const int i : {0, 1}) ASSERT_TRUE(EnqueueAs(*queue, ends_[i], 2).ok());
  for (const int i : {2, 3}) ASSERT_TRUE(EnqueueAs(*queue, ends_[i], 1).ok());
  EXPECT_EQ(Taken(), (Pointers{&ends_[2], &ends_[3], &ends_[0]}));
}

TEST_F(PriorityTest, NoDeadlineBringsALowerLevelForward) {
  auto queue = AddLevels({{}, {}});
  ASSERT_TRUE(
      EnqueueAs(*queue, ends_[0], 2, absl::InfiniteDuration(), clock_.Now() + 9 * kMs).ok());
  ASSERT_TRUE(EnqueueAs(*queue, ends_[1], 1).ok());
  EXPECT_EQ(Taken(), (Pointers{&ends_[1]}));
}

TEST_F(PriorityTest, APromiseToALowerLevelKeepsNoHigherOneOut) {
  auto queue = AddLevels({{}, {}});
  const MonotonicTime deadline = clock_.Now() + 1 * kMs;
  ASSERT_TRUE(EnqueueAs(*queue, ends_[0], 2, absl::InfiniteDuration(), deadline).ok());
  EXPECT_TRUE(EnqueueAs(*queue, ends_[1], 1, absl::InfiniteDuration(), deadline).ok());
  EXPECT_FALSE(EnqueueAs(*queue, ends_[2], 1, absl::InfiniteDuration(), deadline).ok());
}

TEST_F(PriorityTest, EachLevelHasItsOwnSize) {
  auto queue = AddLevels({{.max_queue_size = 2}, {.max_queue_size = 1}, {}});
  EXPECT_TRUE(EnqueueAs(*queue, ends_[0], 2).ok());
  const absl::Status full = EnqueueAs(*queue, ends_[1], 2);
  EXPECT_EQ(full.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(full.message()), "Exceeds maximum queue size");
  EXPECT_EQ(RejectionOf(full), Rejection::kQueueFull);
  EXPECT_GT(RetryAfterOf(full), absl::ZeroDuration());
  EXPECT_TRUE(EnqueueAs(*queue, ends_[2], 1).ok());
  EXPECT_TRUE(EnqueueAs(*queue, ends_[3], 1).ok());
  EXPECT_FALSE(EnqueueAs(*queue, ends_[4], 1).ok());
  for (int i = 5; i < 18; ++i) EXPECT_TRUE(EnqueueAs(*queue, ends_[i], 3).ok());
  EXPECT_FALSE(EnqueueAs(*queue, ends_[18], 3).ok());  // the queue's capacity
  EXPECT_EQ(queue->CapacityFor(0), 2);
  EXPECT_EQ(queue->CapacityFor(2), 1);
  EXPECT_EQ(queue->CapacityFor(3), 16);
}

TEST_F(PriorityTest, WhatWaitsForTooLongIsRejected) {
  auto queue = AddLevels({{.default_timeout = 5 * kMs}});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(EnqueueAs(*queue, ends_[i], 0).ok());
    clock_.Advance(1 * kMs);
  }
  clock_.Advance(2 * kMs);  // now at the first one's timeout, which is in time
  EXPECT_EQ(Taken(), (Pointers{&ends_[0]}));
  clock_.Advance(1 * kMs + absl::Nanoseconds(1));
  EXPECT_EQ(Taken(), (Pointers{&ends_[2]}));
  EXPECT_EQ(ends_[1].status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(ends_[1].status.message()), "Request timeout expired");
  EXPECT_EQ(RejectionOf(ends_[1].status), Rejection::kDeadline);
  EXPECT_EQ(queue->size(), 0);
}

TEST_F(PriorityTest, WhatIsRejectedIsNoLongerPredicted) {
  auto queue = AddLevels({{.default_timeout = 5 * kMs}});
  for (int i = 0; i < 4; ++i) {
    std::unique_ptr<Task> task = std::make_unique<FakeTask>(ends_[i]);
    task->set_prepare_cost(7 * kMs);
    ASSERT_TRUE(queue->Enqueue(task).ok());
  }
  clock_.Advance(6 * kMs);
  EXPECT_EQ(Taken(), Pointers{});
  EXPECT_EQ(queue->PredictedWait(), absl::ZeroDuration());
}

TEST_F(PriorityTest, WhatIsDelayedComesAfterItsLevelAndBeforeLowerOnes) {
  auto queue =
      AddLevels({{.timeout_action = TimeoutAction::kDelay, .default_timeout = 5 * kMs}, {}});
  ASSERT_TRUE(EnqueueAs(*queue, ends_[0], 1).ok());
  ASSERT_TRUE(EnqueueAs(*queue, ends_[1], 2).ok());
  clock_.Advance(4 * kMs);
  ASSERT_TRUE(EnqueueAs(*queue, ends_[2], 1).ok());
  clock_.Advance(2 * kMs);
  for (const int i : {2, 0, 1}) EXPECT_EQ(Taken(), (Pointers{&ends_[i]})) << i;
}

TEST_F(PriorityTest, WhatComesLaterGoesBeforeWhatIsDelayed) {
  auto queue = AddLevels({{.timeout_action = TimeoutAction::kDelay, .default_timeout = 5 * kMs}});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(EnqueueAs(*queue, ends_[i], 1).ok());
  clock_.Advance(6 * kMs);
  EXPECT_EQ(Taken(), (Pointers{&ends_[0]}));
  ASSERT_TRUE(EnqueueAs(*queue, ends_[3], 1).ok());
  for (const int i : {3, 1, 2}) EXPECT_EQ(Taken(), (Pointers{&ends_[i]})) << i;
}

TEST_F(PriorityTest, ARequestMayShortenItsTimeoutWhereThatIsAllowed) {
  auto queue = AddLevels(
      {{.default_timeout = 5 * kMs, .allow_timeout_override = true}, {.default_timeout = 5 * kMs}});
  ASSERT_TRUE(EnqueueAs(*queue, ends_[0], 1, 2 * kMs).ok());
  ASSERT_TRUE(EnqueueAs(*queue, ends_[1], 1, 9 * kMs).ok());
  ASSERT_TRUE(EnqueueAs(*queue, ends_[2], 2, 2 * kMs).ok());
  clock_.Advance(3 * kMs);
  EXPECT_EQ(Taken(), (Pointers{&ends_[1]}));
  EXPECT_EQ(ends_[0].ends, 1);
  EXPECT_EQ(Taken(), (Pointers{&ends_[2]}));
}

TEST_F(PriorityTest, NoWaitForCompanyReachesATimeout) {
  auto queue = AddLevels({{.default_timeout = 5 * kMs, .allow_timeout_override = true}},
                         /*max_batch_size=*/8, /*max_delay=*/3 * kMs);
  ASSERT_TRUE(EnqueueAs(*queue, ends_[0], 1).ok());
  EXPECT_EQ(Taken(), Pointers{});
  ASSERT_TRUE(EnqueueAs(*queue, ends_[1], 1, 2 * kMs).ok());
  EXPECT_EQ(Taken(), (Pointers{&ends_[0], &ends_[1]}));
  EXPECT_EQ(batch_.reason, CloseReason::kDeadline);
}

TEST_F(SchedulerTest, InOrderNoDeadlineOvertakes) {
  auto queue = scheduler_->AddQueue({.limits = {1}, .in_order = true}, nullptr).value();
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 9 * kMs).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[2], clock_.Now() + 5 * kMs).ok());
  Batch batch;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(scheduler_->WaitForBatch(batch));
    EXPECT_EQ(Ends(batch), (Pointers{&ends_[i]}));
  }
}

TEST_F(SchedulerTest, OptionsOutOfRangeAreRefused) {
  const QueueOptions bad[] = {
      {.limits = {.max_batch_size = 0}},
      {.limits = {.max_batch_size = -1}},
      {.limits = {.max_batch_size = kMaxBatchSize + 1}},
      {.limits = {.max_delay = -1 * kMs}},
      {.limits = {.max_delay = absl::InfiniteDuration()}},
      {.capacity = 0},
      {.weight = 0},
      {.target_delay = -1 * kMs},
      {.priorities = Priorities()},  // with the auto policy
      {.limits = {.max_delay = 1 * kMs}, .priorities = Priorities{.levels = {}}},
  };
  for (const QueueOptions& options : bad) {
    EXPECT_EQ(scheduler_->AddQueue(options, nullptr).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace siskin::batching
