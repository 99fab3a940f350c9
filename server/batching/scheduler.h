// Bounded queues of tasks, served by lanes in batches.
//
// A Scheduler owns one BatchQueue per model. A lane that is free takes the batch that Choose
// (batch_policy.h) names. Lanes block in WaitForBatch; nothing polls. Locks are held for list
// operations only, never while a task runs or is answered.
//
// Inside a queue, and inside each of its levels (priorities.h), the earliest deadline comes first;
// tasks without one come in order of arrival, and no task is overtaken for longer than
// kMaxOvertaking. What cannot end before its deadline is refused when it comes, with the time after
// which it could be taken; what can no longer end before it is failed before any work is done for
// it. Where an idle server would be too slow as well, no retry helps, and the refusal is
// DEADLINE_EXCEEDED. Once in kTrialInterval such a request is taken all the same: while a model's
// costs keep out everything, nothing else can show that they have fallen.
//
// Every accepted task leaves exactly once: in a batch, or through Task::Fail when it would miss its
// deadline (DEADLINE_EXCEEDED), has waited for longer than its timeout (UNAVAILABLE), its caller
// has gone (CANCELLED) or its queue is removed (UNAVAILABLE), each marked with its Rejection. Such
// tasks are failed by the thread that forms a batch, without a lock held.
//
// Which lane wakes: each accepted task wakes at most one lane, and none when it changes nothing
// about when the next batch is due. Of the waiting lanes one watches that time; a lane that leaves
// with a batch while tasks remain wakes another to look after them.
//
// Thread-safe.
#ifndef SISKIN_SERVER_BATCHING_SCHEDULER_H_
#define SISKIN_SERVER_BATCHING_SCHEDULER_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "server/batching/batch_policy.h"
#include "server/batching/cost_model.h"
#include "server/batching/forecast.h"
#include "server/batching/priorities.h"
#include "server/batching/task.h"

namespace siskin::batching {

// A task waits for at most this long behind tasks that came later and have earlier deadlines.
inline constexpr absl::Duration kMaxOvertaking = absl::Seconds(1);
// How long nothing of a model has run before it is tried against its costs.
inline constexpr absl::Duration kTrialInterval = absl::Seconds(1);

struct QueueOptions {
  BatchLimits limits = {};
  int capacity = 256;  // tasks waiting, >= 1; more are refused with RESOURCE_EXHAUSTED
  double weight = 1;   // of the lane time that models compete for, > 0
  // How long tasks without a deadline may wait while the queue never empties; 0: four times the
  // cost of the best batch, and at least 100 ms.
  absl::Duration target_delay = absl::ZeroDuration();  // infinite: for ever
  CostModel costs = {};                                // as measured
  // Tasks start in the order in which they came, whatever their deadlines; else what has the
  // earlier deadline comes first, but nothing is overtaken for longer than kMaxOvertaking.
  bool in_order = false;
  // Unset: one level without timeouts. Needs the fixed policy.
  std::optional<Priorities> priorities = {};
};

// INVALID_ARGUMENT for what is out of range.
absl::Status CheckOptions(const QueueOptions& options);

class Scheduler;

// The queue of one model. Made by Scheduler::AddQueue; outlived by the scheduler.
class BatchQueue {
 public:
  // Takes all of `tasks`, which share a deadline, if and only if OK is returned, else none.
  // RESOURCE_EXHAUSTED: full, or they would miss their deadline, or wait too long without one; says
  // when to retry. DEADLINE_EXCEEDED: they take longer than that by themselves. UNAVAILABLE:
  // draining or removed.
  absl::Status Enqueue(absl::Span<std::unique_ptr<Task>> tasks);
  absl::Status Enqueue(std::unique_ptr<Task>& task) { return Enqueue(absl::MakeSpan(&task, 1)); }

  // A batch of `batch_size`, one of the sizes of the cost model, took `took`, without the tasks'
  // own preparation.
  void Observe(int batch_size, absl::Duration took);

  int size() const;
  // The most tasks of `priority` that may wait at a time.
  int CapacityFor(uint64_t priority) const;
  // How long a task without a deadline would wait if it came now.
  absl::Duration PredictedWait() const;
  std::vector<BatchCost> Costs() const;
  const QueueOptions& options() const { return options_; }

 private:
  friend class Scheduler;
  BatchQueue(Scheduler& scheduler, const QueueOptions& options, const void* owner);
  int BestBatchSize(bool shared = false) const;
  absl::Duration TargetDelay() const;

  // Where `tasks`, which arrive, belong.
  size_t Place(absl::Span<const std::unique_ptr<Task>> tasks, MonotonicTime now) const;
  // Whether `tasks` find no place in the queue, or in their level.
  bool IsFullFor(absl::Span<const std::unique_ptr<Task>> tasks) const;

  Scheduler& scheduler_;
  const QueueOptions options_;
  const void* const owner_;

  // Guarded by scheduler_.mu_.
  std::vector<std::unique_ptr<Task>> tasks_;  // in the order in which they will be taken
  absl::Duration prepare_cost_;               // of all of them
  CostModel costs_;
  absl::Duration served_;  // see QueueView
  MonotonicTime next_trial_;
  MonotonicTime asked_;  // when a request came last
  bool removed_ = false;
  // Whether tasks have waited for longer than the target all the time of the last interval (CoDel,
  // Nichols and Jacobson 2012: what matters is the smallest delay, since a burst is no overload).
  bool standing_ = false;
  MonotonicTime interval_end_;
  absl::Duration smallest_wait_ = absl::InfiniteDuration();
};

struct Batch {
  const void* owner = nullptr;               // what AddQueue was given: the model
  std::shared_ptr<BatchQueue> queue;         // whose tasks they are
  std::vector<std::unique_ptr<Task>> tasks;  // by deadline, at least one
  CloseReason reason = CloseReason::kFull;
};

class Scheduler {
 public:
  explicit Scheduler(Clock& clock = Clock::Real());
  // REQUIRES: no thread is in WaitForBatch. Waiting tasks are failed with UNAVAILABLE.
  ~Scheduler();

  // How many lanes there are, for the predictions; 1 unless set. REQUIRES: >= 1, before any lane
  // calls WaitForBatch.
  void SetLanes(int lanes);

  // `owner` comes back in each Batch of this queue. INVALID_ARGUMENT for options out of range.
  absl::StatusOr<std::shared_ptr<BatchQueue>> AddQueue(const QueueOptions& options,
                                                       const void* owner);
  // Fails what waits there with UNAVAILABLE and refuses more. Batches already handed out go on.
  void RemoveQueue(BatchQueue& queue);

  // Blocks until a batch is due and fills `batch` with it; false once Drain was called and all
  // queues are empty, which is a lane's sign to end. Pass the same `batch` again to reuse its
  // memory. `lane` counts from 0. REQUIRES: the tasks of the lane's last batch have ended.
  bool WaitForBatch(Batch& batch, int lane = 0);
  // The same without blocking: false if no batch is due; the time at which one will be, if nothing
  // else happens, is in `next_due` then. What drives the lanes in simulations.
  bool TakeBatch(Batch& batch, int lane, MonotonicTime& next_due);

  // Refuses new tasks with UNAVAILABLE, lets lanes take what waits without delay.
  void Drain();

  Clock& clock() const { return clock_; }

 private:
  friend class BatchQueue;
  using TaskList = std::vector<std::unique_ptr<Task>>;

  struct Lane {
    bool busy = false;
    MonotonicTime taken;    // while busy: when it took its batch
    MonotonicTime free_at;  // while busy: when that should end
  };
  // Of each lane that is not stalled: how long it will be busy. At least one.
  absl::Span<const absl::Duration> FreeIn(MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // For a task of `queue`; good until the next call.
  Forecast ForecastFor(const BatchQueue& queue, MonotonicTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of `tasks`, which would be late.
  absl::Status RefuseOrTry(BatchQueue& queue, absl::Span<const std::unique_ptr<Task>> tasks,
                           size_t position, absl::Duration late, MonotonicTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether other models are asked at the same time.
  bool IsShared(const BatchQueue& queue, MonotonicTime now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Admit(BatchQueue& queue, absl::Span<const std::unique_ptr<Task>> tasks,
                     size_t position, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Insert(BatchQueue& queue, absl::Span<std::unique_ptr<Task>> tasks, size_t position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeLanes(const BatchQueue& queue, size_t tasks, MonotonicTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  QueueView ViewOf(const BatchQueue& queue, MonotonicTime now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Moves what has waited longer than its timeout to `dead`, and, as far in as the next batch would
  // reach, what would miss its deadline or is cancelled.
  void RemoveDead(BatchQueue& queue, MonotonicTime now, TaskList& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Fills `batch` if one is due; otherwise when to look again.
  std::optional<MonotonicTime> TakeDueBatch(int lane, MonotonicTime now, Batch& batch,
                                            TaskList& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Take(const std::shared_ptr<BatchQueue>& queue, const Dispatch& dispatch, int lane,
            MonotonicTime now, Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static void WatchDelay(BatchQueue& queue, absl::Duration wait, MonotonicTime now);
  // Sleeps until something changes or `next_due`, if no other lane watches that time already.
  void Sleep(MonotonicTime next_due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AllEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock& clock_;
  mutable absl::Mutex mu_;
  CondVar changed_;
  std::vector<std::shared_ptr<BatchQueue>> queues_ ABSL_GUARDED_BY(mu_);
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  // What the model had been served whose batch was taken last: where a model starts that had
  // nothing to do (start-time fair queueing, Goyal, Vin and Cheng 1996).
  absl::Duration virtual_time_ ABSL_GUARDED_BY(mu_);
  // The earliest time that a sleeping lane will wake by itself.
  MonotonicTime watched_until_ ABSL_GUARDED_BY(mu_) = MonotonicTime::InfiniteFuture();
  // Reused from call to call.
  std::vector<absl::Duration> free_in_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Duration> idle_ ABSL_GUARDED_BY(mu_);  // what free_in_ is without work
  std::vector<Competitor> competitors_ ABSL_GUARDED_BY(mu_);
  std::vector<QueueView> views_ ABSL_GUARDED_BY(mu_);
  std::vector<size_t> view_queues_ ABSL_GUARDED_BY(mu_);  // index of each view's queue
};

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_SCHEDULER_H_
