// Bounded queues of tasks, served by lanes in batches.
//
// A Scheduler owns one BatchQueue per model and hands closed batches to whichever lane asks first.
// Among queues whose batch is due, the one whose oldest task came first is served: no queue
// starves. Lanes block in WaitForBatch; nothing polls. Locks are held for list operations only,
// never while a task runs or is answered.
//
// Every accepted task leaves exactly once: in a batch, or through Task::Fail when its deadline has
// passed (DEADLINE_EXCEEDED), its caller has gone (CANCELLED) or its queue is removed
// (UNAVAILABLE), each marked with its Rejection. Dead tasks are failed by the thread that forms the
// batch, before any work, without a lock held.
//
// Who wakes: an accepted task wakes at most one lane, and none when it changes nothing about when
// the next batch is due. Of the waiting lanes one watches that time; a lane that leaves with a
// batch while tasks remain wakes another to look after them.
//
// Thread-safe.
#ifndef SISKIN_SERVER_BATCHING_BATCH_QUEUE_H_
#define SISKIN_SERVER_BATCHING_BATCH_QUEUE_H_

#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/batching/batch_policy.h"
#include "server/batching/task.h"

namespace siskin::batching {

struct QueueOptions {
  BatchLimits limits = {};
  int capacity = 256;  // tasks waiting, >= 1; more are refused with RESOURCE_EXHAUSTED
};

class Scheduler;

// The queue of one model. Made by Scheduler::AddQueue; outlived by the scheduler.
class BatchQueue {
 public:
  // Takes `task` if and only if OK is returned. RESOURCE_EXHAUSTED: full, worth a retry;
  // UNAVAILABLE: draining or removed.
  absl::Status Enqueue(std::unique_ptr<Task>& task);

  int size() const;
  const QueueOptions& options() const { return options_; }

 private:
  friend class Scheduler;
  BatchQueue(Scheduler& scheduler, const QueueOptions& options, const void* owner);

  Scheduler& scheduler_;
  const QueueOptions options_;
  const void* const owner_;
  std::deque<std::unique_ptr<Task>> tasks_;  // guarded by scheduler_.mu_
  bool removed_ = false;                     // guarded by scheduler_.mu_
};

struct Batch {
  const void* owner = nullptr;               // what AddQueue was given: the model
  std::vector<std::unique_ptr<Task>> tasks;  // in order of arrival, at least one
  CloseReason reason = CloseReason::kFull;
};

class Scheduler {
 public:
  explicit Scheduler(Clock& clock = Clock::Real());
  // REQUIRES: no thread is in WaitForBatch. Waiting tasks are failed with UNAVAILABLE.
  ~Scheduler();

  // `owner` comes back in each Batch of this queue. INVALID_ARGUMENT for options out of range.
  absl::StatusOr<std::shared_ptr<BatchQueue>> AddQueue(const QueueOptions& options,
                                                       const void* owner);
  // Fails what waits there with UNAVAILABLE and refuses more. Batches already handed out go on.
  void RemoveQueue(BatchQueue& queue);

  // Blocks until a batch is due and fills `batch` with it; false once Drain was called and all
  // queues are empty, which is a lane's sign to end. Pass the same `batch` again to reuse its
  // memory. REQUIRES: the tasks of the last batch have ended.
  bool WaitForBatch(Batch& batch);

  // Refuses new tasks with UNAVAILABLE, lets lanes take what waits without delay.
  void Drain();

  Clock& clock() const { return clock_; }

 private:
  friend class BatchQueue;
  using TaskList = std::vector<std::unique_ptr<Task>>;

  // What a lane that looks around finds.
  struct NextBatch {
    BatchQueue* due = nullptr;  // the queue to serve, or null
    Dispatch dispatch;          // what to take from it
    MonotonicTime next_due =
        MonotonicTime::InfiniteFuture();  // when `due` is null: when to look again
  };

  BatchDecision Decide(const BatchQueue& queue, MonotonicTime now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Moves what has expired or is cancelled to `dead`, as far in as the next batch would reach.
  void RemoveDead(BatchQueue& queue, MonotonicTime now, TaskList& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  NextBatch FindDueQueue(MonotonicTime now, TaskList& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Take(BatchQueue& queue, const Dispatch& dispatch, Batch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Sleeps until something changes or `next_due`, if no other lane watches that time already.
  void Sleep(MonotonicTime next_due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AllEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock& clock_;
  mutable absl::Mutex mu_;
  CondVar changed_;
  std::vector<std::shared_ptr<BatchQueue>> queues_ ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  // The earliest time that a sleeping lane will wake by itself.
  MonotonicTime watched_until_ ABSL_GUARDED_BY(mu_) = MonotonicTime::InfiniteFuture();
};

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_BATCH_QUEUE_H_
