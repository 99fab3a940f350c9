#include "server/batching/batch_queue.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/rejection.h"
#include "base/status_macros.h"

namespace siskin::batching {
namespace {

absl::Status CheckOptions(const QueueOptions& options) {
  SISKIN_RETURN_IF_ERROR(CheckBatchSize(options.limits.max_batch_size));
  if (options.limits.max_delay < absl::ZeroDuration() ||
      options.limits.max_delay == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_delay must be zero or more, and finite; it is ",
                     absl::FormatDuration(options.limits.max_delay)));
  }
  if (options.capacity < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the queue capacity must be at least 1, it is ", options.capacity));
  }
  return absl::OkStatus();
}

bool IsDead(const Task& task, MonotonicTime now) {
  return task.cancelled() || task.deadline() <= now;
}

// Ends each of `dead`; no lock is held, since answering a task may take other locks.
void FailDead(std::vector<std::unique_ptr<Task>>& dead, MonotonicTime now) {
  for (const std::unique_ptr<Task>& task : dead) {
    const std::string waited = absl::FormatDuration(now - task->enqueued());
    // Asked first: a deadline that passes makes gRPC cancel the call as well.
    if (task->deadline() <= now) {
      task->Fail(Reject(Rejection::kDeadline, absl::StrCat("deadline passed after ", waited,
                                                           " in the queue; nothing was computed")));
    } else {
      task->Fail(
          Reject(Rejection::kCancelled,
                 absl::StrCat("cancelled after ", waited, " in the queue; nothing was computed")));
    }
  }
  dead.clear();
}

absl::Status Removed() {
  return Reject(Rejection::kDraining, "the model is being unloaded; nothing was computed");
}

}  // namespace

BatchQueue::BatchQueue(Scheduler& scheduler, const QueueOptions& options, const void* owner)
    : scheduler_(scheduler), options_(options), owner_(owner) {}

absl::Status BatchQueue::Enqueue(std::unique_ptr<Task>& task) {
  absl::MutexLock lock(&scheduler_.mu_);
  if (removed_) return Removed();
  if (scheduler_.draining_) {
    return Reject(Rejection::kDraining, "the server is shutting down; try another one");
  }
  if (static_cast<int>(tasks_.size()) >= options_.capacity) {
    return Reject(Rejection::kQueueFull, absl::StrCat("the model's queue is full (",
                                                      options_.capacity, " waiting); retry later"));
  }
  const MonotonicTime now = scheduler_.clock_.Now();
  task->set_enqueued(now);
  tasks_.push_back(std::move(task));
  const BatchDecision decision = scheduler_.Decide(*this, now);
  const WaitUntil* const wait = std::get_if<WaitUntil>(&decision);
  if (wait == nullptr || wait->time < scheduler_.watched_until_) scheduler_.changed_.Signal();
  return absl::OkStatus();
}

int BatchQueue::size() const {
  absl::MutexLock lock(&scheduler_.mu_);
  return static_cast<int>(tasks_.size());
}

Scheduler::Scheduler(Clock& clock) : clock_(clock) {}

Scheduler::~Scheduler() {
  while (true) {
    std::shared_ptr<BatchQueue> queue;
    {
      absl::MutexLock lock(&mu_);
      if (queues_.empty()) return;
      queue = queues_.back();
    }
    RemoveQueue(*queue);
  }
}

absl::StatusOr<std::shared_ptr<BatchQueue>> Scheduler::AddQueue(const QueueOptions& options,
                                                                const void* owner) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  std::shared_ptr<BatchQueue> queue(new BatchQueue(*this, options, owner));
  absl::MutexLock lock(&mu_);
  queues_.push_back(queue);
  return queue;
}

void Scheduler::RemoveQueue(BatchQueue& queue) {
  std::shared_ptr<BatchQueue> removed;  // keeps `queue` alive until the end
  std::deque<std::unique_ptr<Task>> orphans;
  {
    absl::MutexLock lock(&mu_);
    const auto it = std::find_if(queues_.begin(), queues_.end(),
                                 [&](const auto& other) { return other.get() == &queue; });
    if (it == queues_.end()) return;
    removed = std::move(*it);
    queues_.erase(it);
    queue.removed_ = true;
    orphans.swap(queue.tasks_);
  }
  for (const std::unique_ptr<Task>& task : orphans) task->Fail(Removed());
}

void Scheduler::Drain() {
  absl::MutexLock lock(&mu_);
  draining_ = true;
  changed_.SignalAll();
}

BatchDecision Scheduler::Decide(const BatchQueue& queue, MonotonicTime now) const {
  const BatchLimits& limits = queue.options_.limits;
  QueueView view;
  view.size = static_cast<int>(queue.tasks_.size());
  view.oldest_enqueued = queue.tasks_.front()->enqueued();
  view.draining = draining_;
  const int reach = std::min(view.size, limits.max_batch_size);
  for (int i = 0; i < reach; ++i) {
    view.earliest_deadline = std::min(view.earliest_deadline, queue.tasks_[i]->deadline());
  }
  return DecideBatch(view, limits, now);
}

void Scheduler::RemoveDead(BatchQueue& queue, MonotonicTime now, TaskList& dead) {
  std::deque<std::unique_ptr<Task>>& tasks = queue.tasks_;
  const size_t reach = queue.options_.limits.max_batch_size;
  size_t alive = 0;
  size_t seen = 0;
  for (; seen < tasks.size() && alive < reach; ++seen) {
    if (IsDead(*tasks[seen], now)) {
      dead.push_back(std::move(tasks[seen]));
    } else {
      std::swap(tasks[alive++], tasks[seen]);  // what is swapped back is empty, or the task itself
    }
  }
  tasks.erase(tasks.begin() + alive, tasks.begin() + seen);
}

Scheduler::NextBatch Scheduler::FindDueQueue(MonotonicTime now, TaskList& dead) {
  NextBatch next;
  for (const std::shared_ptr<BatchQueue>& queue : queues_) {
    RemoveDead(*queue, now, dead);
    if (queue->tasks_.empty()) continue;
    const BatchDecision decision = Decide(*queue, now);
    if (const WaitUntil* wait = std::get_if<WaitUntil>(&decision)) {
      next.next_due = std::min(next.next_due, wait->time);
    } else if (next.due == nullptr ||
               queue->tasks_.front()->enqueued() < next.due->tasks_.front()->enqueued()) {
      next.due = queue.get();
      next.dispatch = std::get<Dispatch>(decision);
    }
  }
  return next;
}

void Scheduler::Take(BatchQueue& queue, const Dispatch& dispatch, Batch& batch) {
  batch.owner = queue.owner_;
  batch.reason = dispatch.reason;
  const auto end = queue.tasks_.begin() + dispatch.size;
  std::move(queue.tasks_.begin(), end, std::back_inserter(batch.tasks));
  queue.tasks_.erase(queue.tasks_.begin(), end);
}

void Scheduler::Sleep(MonotonicTime next_due) {
  if (next_due >= watched_until_) {
    clock_.WaitUntil(changed_, mu_, MonotonicTime::InfiniteFuture());
    return;
  }
  watched_until_ = next_due;
  clock_.WaitUntil(changed_, mu_, next_due);
  // Unless another lane watches an earlier time by now. If it is another's watch on the very same
  // time that is dropped here, no harm is done: the caller looks around and watches again.
  if (watched_until_ == next_due) watched_until_ = MonotonicTime::InfiniteFuture();
}

bool Scheduler::AllEmpty() const {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue->tasks_.empty(); });
}

bool Scheduler::WaitForBatch(Batch& batch) {
  batch.tasks.clear();
  TaskList dead;
  while (batch.tasks.empty()) {
    MonotonicTime now;
    {
      absl::MutexLock lock(&mu_);
      now = clock_.Now();
      const NextBatch next = FindDueQueue(now, dead);
      if (next.due != nullptr) {
        Take(*next.due, next.dispatch, batch);
      } else if (dead.empty()) {
        if (draining_ && AllEmpty()) return false;
        Sleep(next.next_due);
        continue;
      }
      // This lane is busy from here; it may have been the one to watch over what remains.
      if (!AllEmpty()) changed_.Signal();
    }
    FailDead(dead, now);
  }
  return true;
}

}  // namespace siskin::batching
