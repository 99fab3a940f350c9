#include "server/batching/scheduler.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/rejection.h"
#include "base/status_macros.h"

namespace siskin::batching {
namespace {

// Of CoDel: a burst has to end within this time.
constexpr absl::Duration kInterval = absl::Milliseconds(100);
constexpr absl::Duration kLeastTargetDelay = absl::Milliseconds(100);
// A lane that is late by this much, and by as much as it should have taken, counts for nothing
// until it comes back: another process has its core.
constexpr absl::Duration kStall = absl::Milliseconds(20);
// A model that was asked within the time of so many batches of another may well be asked again
// while one runs.
constexpr int kAskedAlong = 10;
constexpr absl::Duration kLongestRetry = absl::Seconds(60);

// What a task needs of a lane if it runs alone.
absl::Duration Need(const Task& task, const CostModel& costs) {
  return task.prepare_cost() + costs.Cost(1);
}

// What ends exactly at its deadline is in time, as it is for Admit.
bool IsDead(const Task& task, const CostModel& costs, MonotonicTime now) {
  if (task.cancelled() || task.deadline() <= now) return true;
  return !task.trial() && task.deadline() < now + Need(task, costs);
}

// Ends each of `dead`; no lock is held, since answering a task may take other locks.
void FailDead(std::vector<std::unique_ptr<Task>>& dead, MonotonicTime now) {
  for (const std::unique_ptr<Task>& task : dead) {
    const std::string waited = absl::FormatDuration(now - task->enqueued());
    if (task->expires() < now) {
      task->Fail(TimeoutExpired());
      // Looked at before cancellation: a deadline that passes makes gRPC cancel the call as well.
    } else if (task->deadline() <= now) {
      task->Fail(Reject(Rejection::kDeadline, absl::StrCat("deadline passed after ", waited,
                                                           " in the queue; nothing was computed")));
    } else if (task->cancelled()) {
      task->Fail(
          Reject(Rejection::kCancelled,
                 absl::StrCat("cancelled after ", waited, " in the queue; nothing was computed")));
    } else {
      task->Fail(Reject(Rejection::kDeadline,
                        absl::StrCat("after ", waited, " in the queue only ",
                                     absl::FormatDuration(task->deadline() - now),
                                     " were left, too little; nothing was computed")));
    }
  }
  dead.clear();
}

absl::Status Removed() {
  return Reject(Rejection::kDraining, "the model is being unloaded; nothing was computed");
}

absl::Duration RetryAfter(absl::Duration time) {
  return std::clamp(time, absl::Milliseconds(1), kLongestRetry);
}

}  // namespace

absl::Status CheckOptions(const QueueOptions& options) {
  SISKIN_RETURN_IF_ERROR(CheckLimits(options.limits));
  if (options.capacity < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the queue capacity must be at least 1, it is ", options.capacity));
  }
  if (!(options.weight > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a model's weight must be above 0, it is ", options.weight));
  }
  if (options.target_delay < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("the target delay must be zero or more, it is ",
                                                   absl::FormatDuration(options.target_delay)));
  }
  if (!options.priorities.has_value()) return absl::OkStatus();
  if (options.limits.automatic()) {
    return absl::InvalidArgumentError("priorities need the fixed policy, got auto");
  }
  return CheckPriorities(*options.priorities);
}

BatchQueue::BatchQueue(Scheduler& scheduler, const QueueOptions& options, const void* owner)
    : scheduler_(scheduler), options_(options), owner_(owner), costs_(options.costs) {
  tasks_.reserve(options.capacity);
}

absl::Status BatchQueue::Enqueue(absl::Span<std::unique_ptr<Task>> tasks) {
  absl::MutexLock lock(&scheduler_.mu_);
  if (removed_) return Removed();
  if (scheduler_.draining_) {
    return Reject(Rejection::kDraining, "the server is shutting down; try another one");
  }
  const MonotonicTime now = scheduler_.clock_.Now();
  asked_ = now;
  const size_t position = Place(tasks, now);
  absl::Status admitted = scheduler_.Admit(*this, tasks, position, now);
  if (!admitted.ok()) return admitted;
  const size_t count = tasks.size();
  scheduler_.Insert(*this, tasks, position);
  scheduler_.WakeLanes(*this, count, now);
  return absl::OkStatus();
}

size_t BatchQueue::Place(absl::Span<const std::unique_ptr<Task>> tasks, MonotonicTime now) const {
  for (const std::unique_ptr<Task>& task : tasks) {
    task->set_enqueued(now, options_.in_order ? absl::ZeroDuration() : kMaxOvertaking);
    if (!options_.priorities.has_value()) continue;
    const int level = LevelOf(*options_.priorities, task->priority());
    const LevelPolicy& policy = options_.priorities->levels[level - 1];
    task->set_level(level, now + TimeoutOf(policy, task->timeout()));
  }
  const auto place =
      std::upper_bound(tasks_.begin(), tasks_.end(), tasks.front(),
                       [](const auto& a, const auto& b) { return ComesBefore(*a, *b); });
  return static_cast<size_t>(place - tasks_.begin());
}

int BatchQueue::CapacityFor(uint64_t priority) const {
  if (!options_.priorities.has_value()) return options_.capacity;
  const Priorities& priorities = *options_.priorities;
  const int limit = priorities.levels[LevelOf(priorities, priority) - 1].max_queue_size;
  return limit == 0 ? options_.capacity : std::min(limit, options_.capacity);
}

bool BatchQueue::IsFullFor(absl::Span<const std::unique_ptr<Task>> tasks) const {
  const auto exceeds = [&](size_t waiting, int limit) {
    return waiting + tasks.size() > static_cast<size_t>(limit);
  };
  if (exceeds(tasks_.size(), options_.capacity)) return true;
  if (!options_.priorities.has_value()) return false;
  const auto level = std::count_if(tasks_.begin(), tasks_.end(), [&](const auto& waiting) {
    return waiting->level() == tasks.front()->level();
  });
  return exceeds(static_cast<size_t>(level), CapacityFor(tasks.front()->priority()));
}

void BatchQueue::Observe(int batch_size, absl::Duration took) {
  absl::MutexLock lock(&scheduler_.mu_);
  costs_.Observe(batch_size, took);
  next_trial_ = scheduler_.clock_.Now() + kTrialInterval;
}

int BatchQueue::size() const {
  absl::MutexLock lock(&scheduler_.mu_);
  return static_cast<int>(tasks_.size());
}

absl::Duration BatchQueue::PredictedWait() const {
  absl::MutexLock lock(&scheduler_.mu_);
  return scheduler_.ForecastFor(*this, scheduler_.clock_.Now())
      .Wait({.tasks = static_cast<int64_t>(tasks_.size()), .prepare = prepare_cost_});
}

int BatchQueue::BestBatchSize(bool shared) const {
  return costs_.BestBatchSize(options_.limits.max_batch_size, shared);
}

absl::Duration BatchQueue::TargetDelay() const {
  if (options_.target_delay > absl::ZeroDuration()) return options_.target_delay;
  return std::max(kLeastTargetDelay, 4 * costs_.Cost(BestBatchSize()));
}

std::vector<BatchCost> BatchQueue::Costs() const {
  absl::MutexLock lock(&scheduler_.mu_);
  return costs_.costs();
}

Scheduler::Scheduler(Clock& clock) : clock_(clock) { SetLanes(1); }

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

void Scheduler::SetLanes(int lanes) {
  absl::MutexLock lock(&mu_);
  lanes_.resize(lanes);
  free_in_.reserve(lanes);
  idle_.assign(lanes, absl::ZeroDuration());
}

absl::StatusOr<std::shared_ptr<BatchQueue>> Scheduler::AddQueue(const QueueOptions& options,
                                                                const void* owner) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  std::shared_ptr<BatchQueue> queue(new BatchQueue(*this, options, owner));
  queue->next_trial_ = clock_.Now() + kTrialInterval;
  absl::MutexLock lock(&mu_);
  queues_.push_back(queue);
  views_.reserve(queues_.size());
  view_queues_.reserve(queues_.size());
  return queue;
}

void Scheduler::RemoveQueue(BatchQueue& queue) {
  std::shared_ptr<BatchQueue> removed;  // keeps `queue` alive until the end
  TaskList orphans;
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

absl::Span<const absl::Duration> Scheduler::FreeIn(MonotonicTime now) {
  free_in_.clear();
  for (const Lane& lane : lanes_) {
    const absl::Duration late = now - lane.free_at;
    const bool stalled = lane.busy && late > std::max(kStall, lane.free_at - lane.taken);
    if (stalled) continue;
    free_in_.push_back(lane.busy ? std::max(-late, absl::ZeroDuration()) : absl::ZeroDuration());
  }
  // All stalled: the machine stands still. What is predicted then matters little, but it must not
  // be that nothing will ever run.
  if (free_in_.empty()) free_in_.push_back(absl::ZeroDuration());
  return free_in_;
}

Forecast Scheduler::ForecastFor(const BatchQueue& queue, MonotonicTime now) {
  FreeIn(now);
  std::sort(free_in_.begin(), free_in_.end());
  competitors_.clear();
  for (const std::shared_ptr<BatchQueue>& other : queues_) {
    if (other.get() == &queue || other->tasks_.empty()) continue;
    const int best = other->BestBatchSize(IsShared(*other, now));
    competitors_.push_back(
        {.backlog = static_cast<int64_t>(other->tasks_.size()) * other->costs_.CostPerImage(best) +
                    other->prepare_cost_,
         .batch = other->costs_.Cost(best),
         .weight = other->options_.weight / queue.options_.weight});
  }
  return Forecast(queue.costs_, queue.BestBatchSize(IsShared(queue, now)), free_in_, competitors_);
}

bool Scheduler::IsShared(const BatchQueue& queue, MonotonicTime now) const {
  const int best = queue.BestBatchSize();
  if (best == 1) return false;  // all the same, as with most networks
  const MonotonicTime recently = now - kAskedAlong * queue.costs_.Cost(best);
  return std::any_of(queues_.begin(), queues_.end(), [&](const auto& other) {
    return other.get() != &queue && other->asked_ >= recently;
  });
}

absl::Status Scheduler::RefuseOrTry(BatchQueue& queue,
                                    absl::Span<const std::unique_ptr<Task>> tasks, size_t position,
                                    absl::Duration late, MonotonicTime now) {
  const Forecast idle(queue.costs_, queue.BestBatchSize(IsShared(queue, now)), idle_, {});
  const absl::Duration late_alone = idle.OutcomeOf(tasks, {}, 0, now).late;
  if (late_alone <= absl::ZeroDuration()) {
    return Reject(
        Rejection::kPredictedLate,
        absl::StrCat("the answer would come ", absl::FormatDuration(late),
                     " after the deadline, behind ", position, " waiting images; retry later"),
        RetryAfter(late));
  }
  if (queue.tasks_.empty() && queue.next_trial_ <= now) {
    queue.next_trial_ = now + kTrialInterval;
    for (const std::unique_ptr<Task>& task : tasks) task->set_trial();
    return absl::OkStatus();
  }
  return Reject(Rejection::kDeadline,
                absl::StrCat("the answer would come ", absl::FormatDuration(late_alone),
                             " after the deadline even if nothing else ran: the request needs ",
                             absl::FormatDuration(tasks.front()->deadline() - now + late_alone),
                             "; give it more time"));
}

absl::Status Scheduler::Admit(BatchQueue& queue, absl::Span<const std::unique_ptr<Task>> tasks,
                              size_t position, MonotonicTime now) {
  const QueueOptions& options = queue.options_;
  if (queue.IsFullFor(tasks)) {
    const absl::Duration retry = RetryAfter(static_cast<int64_t>(tasks.size()) *
                                            queue.costs_.CostPerImage(queue.BestBatchSize()));
    if (options.priorities.has_value()) return LevelFull(retry);
    return Reject(
        Rejection::kQueueFull,
        absl::StrCat("the model's queue is full (", options.capacity, " waiting); retry later"),
        retry);
  }
  if (!queue.costs_.known()) return absl::OkStatus();
  const MonotonicTime deadline = tasks.front()->deadline();
  const Outcome outcome = ForecastFor(queue, now).OutcomeOf(tasks, queue.tasks_, position, now);
  if (deadline == MonotonicTime::InfiniteFuture()) {
    const absl::Duration target = queue.TargetDelay();
    if (!queue.standing_ || outcome.wait <= target) return absl::OkStatus();
    return Reject(Rejection::kOverload,
                  absl::StrCat("requests have waited for longer than ",
                               absl::FormatDuration(target), " for a while; retry later"),
                  RetryAfter(outcome.wait - target));
  }
  if (outcome.late > absl::ZeroDuration()) {
    return RefuseOrTry(queue, tasks, position, outcome.late, now);
  }
  if (outcome.others_late > absl::ZeroDuration()) {
    return Reject(
        Rejection::kPredictedLate,
        absl::StrCat("it would make others late by ", absl::FormatDuration(outcome.others_late),
                     " that were promised to be in time; retry later"),
        RetryAfter(outcome.others_late));
  }
  return absl::OkStatus();
}

void Scheduler::Insert(BatchQueue& queue, absl::Span<std::unique_ptr<Task>> tasks,
                       size_t position) {
  // A model that had nothing to do has no claim to the time that it did not use.
  if (queue.tasks_.empty()) queue.served_ = std::max(queue.served_, virtual_time_);
  for (const std::unique_ptr<Task>& task : tasks) queue.prepare_cost_ += task->prepare_cost();
  queue.tasks_.insert(queue.tasks_.begin() + position, std::make_move_iterator(tasks.begin()),
                      std::make_move_iterator(tasks.end()));
}

void Scheduler::WakeLanes(const BatchQueue& queue, size_t tasks, MonotonicTime now) {
  const BatchDecision decision = DecideBatch(ViewOf(queue, now), FreeIn(now), now);
  if (const WaitUntil* const wait = std::get_if<WaitUntil>(&decision)) {
    if (wait->time < watched_until_) changed_.Signal();
    return;
  }
  const bool spreads = queue.options_.limits.automatic();
  const size_t lanes = spreads ? std::min(tasks, lanes_.size()) : 1;
  for (size_t i = 0; i < lanes; ++i) changed_.Signal();
}

QueueView Scheduler::ViewOf(const BatchQueue& queue, MonotonicTime now) const {
  QueueView view;
  view.size = static_cast<int>(queue.tasks_.size());
  view.oldest_enqueued = queue.tasks_.front()->enqueued();
  const int reach = std::min(view.size, queue.options_.limits.max_batch_size);
  for (int i = 0; i < reach; ++i) {
    view.oldest_enqueued = std::min(view.oldest_enqueued, queue.tasks_[i]->enqueued());
    // A timeout, too, must not pass for the sake of company.
    view.earliest_deadline =
        std::min({view.earliest_deadline, queue.tasks_[i]->deadline(), queue.tasks_[i]->expires()});
    view.prepare = std::max(view.prepare, queue.tasks_[i]->prepare_cost());
  }
  view.draining = draining_;
  view.costs = &queue.costs_;
  view.limits = &queue.options_.limits;
  view.served = queue.served_;
  view.shared = IsShared(queue, now);
  return view;
}

void Scheduler::RemoveDead(BatchQueue& queue, MonotonicTime now, TaskList& dead) {
  TaskList& tasks = queue.tasks_;
  if (queue.options_.priorities.has_value()) {
    const size_t before = dead.size();
    ApplyTimeouts(*queue.options_.priorities, now, tasks, dead);
    for (size_t i = before; i < dead.size(); ++i) queue.prepare_cost_ -= dead[i]->prepare_cost();
  }
  const size_t reach = queue.options_.limits.max_batch_size;
  size_t alive = 0;
  size_t seen = 0;
  for (; seen < tasks.size() && alive < reach; ++seen) {
    if (IsDead(*tasks[seen], queue.costs_, now)) {
      queue.prepare_cost_ -= tasks[seen]->prepare_cost();
      dead.push_back(std::move(tasks[seen]));
    } else {
      std::swap(tasks[alive++], tasks[seen]);  // what is swapped back is empty, or the task itself
    }
  }
  tasks.erase(tasks.begin() + alive, tasks.begin() + seen);
}

std::optional<MonotonicTime> Scheduler::TakeDueBatch(int lane, MonotonicTime now, Batch& batch,
                                                     TaskList& dead) {
  views_.clear();
  view_queues_.clear();
  for (size_t i = 0; i < queues_.size(); ++i) {
    RemoveDead(*queues_[i], now, dead);
    if (queues_[i]->tasks_.empty()) continue;
    views_.push_back(ViewOf(*queues_[i], now));
    view_queues_.push_back(i);
  }
  if (views_.empty()) return MonotonicTime::InfiniteFuture();
  const auto choice = Choose(views_, FreeIn(now), now);
  if (const WaitUntil* const wait = std::get_if<WaitUntil>(&choice)) return wait->time;
  const Choice& due = std::get<Choice>(choice);
  Take(queues_[view_queues_[due.queue]], due.dispatch, lane, now, batch);
  return std::nullopt;
}

void Scheduler::Take(const std::shared_ptr<BatchQueue>& queue, const Dispatch& dispatch, int lane,
                     MonotonicTime now, Batch& batch) {
  batch.owner = queue->owner_;
  batch.queue = queue;
  batch.reason = dispatch.reason;
  const auto end = queue->tasks_.begin() + dispatch.size;
  std::move(queue->tasks_.begin(), end, std::back_inserter(batch.tasks));
  queue->tasks_.erase(queue->tasks_.begin(), end);

  absl::Duration prepare;
  absl::Duration wait = absl::InfiniteDuration();
  for (const std::unique_ptr<Task>& task : batch.tasks) {
    prepare += task->prepare_cost();
    wait = std::min(wait, now - task->enqueued());
  }
  queue->prepare_cost_ -= prepare;
  WatchDelay(*queue, wait, now);
  const absl::Duration cost = prepare + queue->costs_.Cost(dispatch.size);
  virtual_time_ = std::max(virtual_time_, queue->served_);
  queue->served_ += cost / queue->options_.weight;
  lanes_[lane] = {.busy = true, .taken = now, .free_at = now + cost};
}

void Scheduler::WatchDelay(BatchQueue& queue, absl::Duration wait, MonotonicTime now) {
  queue.smallest_wait_ = std::min(queue.smallest_wait_, wait);
  if (now < queue.interval_end_) return;
  // Cut to the target, a queue stands around it: it has ended to stand when it waits for less.
  const absl::Duration target = queue.TargetDelay();
  queue.standing_ = queue.smallest_wait_ > (queue.standing_ ? target / 2 : target);
  queue.smallest_wait_ = absl::InfiniteDuration();
  queue.interval_end_ = now + kInterval;
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

bool Scheduler::WaitForBatch(Batch& batch, int lane) {
  batch.tasks.clear();
  TaskList dead;
  while (batch.tasks.empty()) {
    MonotonicTime now;
    {
      absl::MutexLock lock(&mu_);
      now = clock_.Now();
      lanes_[lane].busy = false;
      const std::optional<MonotonicTime> next_due = TakeDueBatch(lane, now, batch, dead);
      if (next_due.has_value() && dead.empty()) {
        if (draining_ && AllEmpty()) return false;
        Sleep(*next_due);
        continue;
      }
      // This lane is busy from here; it may have been the one to watch over what remains.
      if (!AllEmpty()) changed_.Signal();
    }
    FailDead(dead, now);
  }
  return true;
}

bool Scheduler::TakeBatch(Batch& batch, int lane, MonotonicTime& next_due) {
  batch.tasks.clear();
  TaskList dead;
  MonotonicTime now;
  {
    absl::MutexLock lock(&mu_);
    now = clock_.Now();
    lanes_[lane].busy = false;
    next_due = TakeDueBatch(lane, now, batch, dead).value_or(MonotonicTime::InfiniteFuture());
  }
  FailDead(dead, now);
  return !batch.tasks.empty();
}

}  // namespace siskin::batching
