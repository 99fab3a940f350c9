#include "server/batching/batch_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "tests/fakes/fake_task.h"
#include "tests/fakes/manual_clock.h"

namespace siskin::batching {
namespace {

using ::siskin::testing::FakeTask;
using ::siskin::testing::ManualClock;
using ::siskin::testing::TaskEnd;
using ::testing::HasSubstr;

constexpr absl::Duration kMs = absl::Milliseconds(1);

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

class BatchQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<BatchQueue> AddQueue(int max_batch_size, absl::Duration max_delay,
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
  std::array<TaskEnd, 12> ends_;
  std::unique_ptr<Scheduler> scheduler_ = std::make_unique<Scheduler>(clock_);
};

using Pointers = std::vector<const TaskEnd*>;

TEST_F(BatchQueueTest, FullBatchIsHandedOutAtOnceInOrder) {
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

TEST_F(BatchQueueTest, ZeroDelayTakesWhatIsThere) {
  auto queue = AddQueue(8, absl::ZeroDuration());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(batch.reason, CloseReason::kDelay);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0], &ends_[1]}));
}

TEST_F(BatchQueueTest, DelayCountsFromTheOldestTask) {
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

TEST_F(BatchQueueTest, AWaitingLaneTakesTheBatchThatFills) {
  auto queue = AddQueue(2, absl::Hours(1));
  OneBatchLane lane(*scheduler_);
  clock_.AwaitWaiters(1);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  clock_.AwaitDeadline(clock_.Now() + absl::Hours(1));
  ASSERT_TRUE(Enqueue(*queue, ends_[1]).ok());
  EXPECT_EQ(lane.Join().reason, CloseReason::kFull);
}

TEST_F(BatchQueueTest, NoWaitReachesADeadline) {
  auto queue = AddQueue(8, 5 * kMs);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  OneBatchLane lane(*scheduler_);
  clock_.AwaitDeadline(clock_.Now() + 5 * kMs);
  ASSERT_TRUE(Enqueue(*queue, ends_[1], clock_.Now() + 2 * kMs).ok());
  const Batch batch = lane.Join();
  EXPECT_EQ(batch.reason, CloseReason::kDeadline);
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[0], &ends_[1]}));
}

TEST_F(BatchQueueTest, AFullQueueRefuses) {
  auto queue = AddQueue(8, absl::Hours(1), /*capacity=*/2);
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  ASSERT_TRUE(Enqueue(*queue, ends_[1]).ok());
  const absl::Status status = Enqueue(*queue, ends_[2]);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("2 waiting"));
  EXPECT_EQ(ends_[2].ends, 0);
}

TEST_F(BatchQueueTest, DeadTasksAreFailedAndNotBatched) {
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

TEST_F(BatchQueueTest, DeadTasksDoNotFillABatch) {
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

TEST_F(BatchQueueTest, TheDeadAreReplacedByThoseBehindThem) {
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

TEST_F(BatchQueueTest, AQueueOfTheDeadMakesNoBatch) {
  auto queue = AddQueue(1, absl::ZeroDuration());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Enqueue(*queue, ends_[i], clock_.Now() + 1 * kMs).ok());
  }
  clock_.Advance(1 * kMs);
  ExpectDrained();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ends_[i].ends, 1);
}

TEST_F(BatchQueueTest, DrainHandsOutTheRestWithoutDelay) {
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

TEST_F(BatchQueueTest, DrainWakesEveryLane) {
  OneBatchLane first(*scheduler_), second(*scheduler_);
  clock_.AwaitWaiters(2);
  scheduler_->Drain();
  EXPECT_TRUE(first.Join().tasks.empty());
  EXPECT_TRUE(second.Join().tasks.empty());
}

TEST_F(BatchQueueTest, ARemovedQueueFailsWhatWaits) {
  auto queue = AddQueue(1, absl::ZeroDuration());
  ASSERT_TRUE(Enqueue(*queue, ends_[0]).ok());
  scheduler_->RemoveQueue(*queue);
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ends_[0].ends, 1);
  EXPECT_EQ(Enqueue(*queue, ends_[1]).code(), absl::StatusCode::kUnavailable);
  scheduler_->RemoveQueue(*queue);  // again: no effect
  ExpectDrained();
}

TEST_F(BatchQueueTest, TheSchedulerFailsWhatIsLeft) {
  auto first = AddQueue(8, absl::Hours(1));
  auto second = AddQueue(8, absl::Hours(1));
  ASSERT_TRUE(Enqueue(*first, ends_[0]).ok());
  ASSERT_TRUE(Enqueue(*second, ends_[1]).ok());
  scheduler_.reset();
  EXPECT_EQ(ends_[0].status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ends_[1].status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(BatchQueueTest, TheOldestHeadIsServedFirst) {
  int a = 0, b = 0;
  auto queue_a = AddQueue(1, absl::ZeroDuration(), 16, &a);
  auto queue_b = AddQueue(1, absl::ZeroDuration(), 16, &b);
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

TEST_F(BatchQueueTest, AnOlderTaskThatIsNotDueDoesNotBlockOthers) {
  auto patient = AddQueue(8, absl::Hours(1));
  auto eager = AddQueue(8, absl::ZeroDuration());
  ASSERT_TRUE(Enqueue(*patient, ends_[0]).ok());
  clock_.Advance(1 * kMs);
  ASSERT_TRUE(Enqueue(*eager, ends_[1]).ok());
  Batch batch;
  ASSERT_TRUE(scheduler_->WaitForBatch(batch));
  EXPECT_EQ(Ends(batch), (Pointers{&ends_[1]}));
}

TEST_F(BatchQueueTest, ALaneThatWaitsForOneQueueWakesForAnother) {
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

TEST_F(BatchQueueTest, ALaneThatLeavesHandsTheWatchOver) {
  auto slow = AddQueue(8, 20 * kMs);
  auto eager = AddQueue(8, absl::ZeroDuration());
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

TEST_F(BatchQueueTest, TwoQueuesFallDueOneAfterTheOther) {
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

TEST_F(BatchQueueTest, ABurstIsSharedAmongWaitingLanes) {
  auto queue = AddQueue(2, absl::Hours(1));
  OneBatchLane lanes[] = {OneBatchLane(*scheduler_), OneBatchLane(*scheduler_)};
  clock_.AwaitWaiters(2);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Enqueue(*queue, ends_[i]).ok());
  for (OneBatchLane& lane : lanes) EXPECT_EQ(lane.Join().tasks.size(), 2);
}

TEST_F(BatchQueueTest, ATaskThatChangesNothingWakesNobody) {
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

TEST_F(BatchQueueTest, OptionsOutOfRangeAreRefused) {
  const QueueOptions bad[] = {
      {.limits = {.max_batch_size = 0}},
      {.limits = {.max_batch_size = -1}},
      {.limits = {.max_batch_size = kMaxBatchSize + 1}},
      {.limits = {.max_delay = -1 * kMs}},
      {.limits = {.max_delay = absl::InfiniteDuration()}},
      {.capacity = 0},
  };
  for (const QueueOptions& options : bad) {
    EXPECT_EQ(scheduler_->AddQueue(options, nullptr).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace siskin::batching
