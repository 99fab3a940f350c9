// Many producers, several lanes, random cancellations and deadlines, a queue removed and a drain in
// the middle: every accepted task must end exactly once, every refused one never.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "server/batching/scheduler.h"
#include "tests/fakes/fake_task.h"

namespace siskin::batching {
namespace {

using ::siskin::testing::FakeTask;
using ::siskin::testing::TaskEnd;

constexpr int kProducers = 4;
constexpr int kTasksPerProducer = 2000;
constexpr int kLanes = 3;
constexpr int kMaxBatchSize = 4;

struct Record {
  TaskEnd end;
  bool accepted = false;
};

class StressTest : public ::testing::Test {
 protected:
  void AddQueues() {
    for (const std::optional<absl::Duration> delay :
         std::initializer_list<std::optional<absl::Duration>>{std::nullopt, absl::Microseconds(200),
                                                              absl::Milliseconds(2)}) {
      queues_.push_back(
          *scheduler_.AddQueue({.limits = {kMaxBatchSize, delay}, .capacity = 32}, &scheduler_));
    }
    const LevelPolicy rejects = {.default_timeout = absl::Microseconds(300), .max_queue_size = 8};
    const LevelPolicy delays = {.timeout_action = TimeoutAction::kDelay,
                                .default_timeout = absl::Microseconds(100),
                                .allow_timeout_override = true};
    queues_.push_back(*scheduler_.AddQueue({.limits = {kMaxBatchSize, absl::Microseconds(200)},
                                            .capacity = 32,
                                            .priorities = Priorities{.levels = {rejects, delays}}},
                                           &scheduler_));
  }

  // Every task has its own mix of queue, deadline and cancellation, before or after it is queued.
  void Produce(int producer) {
    std::mt19937 random(producer);
    for (int i = 0; i < kTasksPerProducer; ++i) {
      Record& record = records_[producer * kTasksPerProducer + i];
      auto cancel = std::make_shared<CancelFlag>();
      const unsigned fate = random() % 8;
      MonotonicTime deadline = MonotonicTime::InfiniteFuture();
      if (fate == 0) deadline = Clock::Real().Now() + absl::Microseconds(random() % 300);
      if (fate == 1) cancel->Cancel();
      std::unique_ptr<Task> task = std::make_unique<FakeTask>(record.end, deadline, cancel);
      task->set_priority(random() % 4, absl::Microseconds(random() % 200));
      record.accepted = queues_[random() % queues_.size()]->Enqueue(task).ok();
      if (fate == 2) cancel->Cancel();
      const int produced = ++produced_;
      if (produced == records_total() / 4) scheduler_.RemoveQueue(*queues_[1]);
      if (produced == records_total() / 2) scheduler_.Drain();
    }
  }

  void RunLane() {
    Batch batch;
    while (scheduler_.WaitForBatch(batch)) {
      EXPECT_EQ(batch.owner, &scheduler_);
      EXPECT_GE(batch.tasks.size(), 1u);
      EXPECT_LE(batch.tasks.size(), static_cast<size_t>(kMaxBatchSize));
      for (auto& task : batch.tasks) static_cast<FakeTask&>(*task).Run();
    }
  }

  static constexpr int records_total() { return kProducers * kTasksPerProducer; }

  std::vector<Record> records_ = std::vector<Record>(records_total());
  std::atomic<int> produced_{0};
  Scheduler scheduler_;
  std::vector<std::shared_ptr<BatchQueue>> queues_;
};

TEST_F(StressTest, EveryAcceptedTaskEndsExactlyOnce) {
  AddQueues();
  std::vector<std::thread> threads;
  for (int i = 0; i < kLanes; ++i) threads.emplace_back([this] { RunLane(); });
  for (int i = 0; i < kProducers; ++i) threads.emplace_back([this, i] { Produce(i); });
  for (std::thread& thread : threads) thread.join();

  int accepted = 0;
  for (const Record& record : records_) {
    EXPECT_EQ(record.end.ends.load(), record.accepted ? 1 : 0);
    accepted += record.accepted;
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, records_total());  // the drain refused some
}

}  // namespace
}  // namespace siskin::batching
