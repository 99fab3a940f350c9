#include "tests/simulation/invariants.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/trail.h"

namespace siskin::simulation {
namespace {

// No queue is said to stand that no task has waited in for so long (scheduler.h: target_delay).
constexpr Nanoseconds kLeastTarget = 100 * kMillisecond;
// A lane that is late by so much, and by much more than it should have taken, is stalled for sure.
constexpr Nanoseconds kLongStall = 50 * kMillisecond;
const Nanoseconds kTrialInterval = absl::ToInt64Nanoseconds(batching::kTrialInterval);

std::vector<double> Weights(const Scenario& scenario) {
  std::vector<double> weights;
  for (const Model& model : scenario.models) weights.push_back(model.queue.weight);
  return weights;
}

Nanoseconds LeastTarget(const batching::QueueOptions& options) {
  const Nanoseconds set = absl::ToInt64Nanoseconds(options.target_delay);
  return set > 0 ? set : kLeastTarget;
}

}  // namespace

Invariants::Invariants(const Scenario& scenario)
    : scenario_(scenario),
      watches_(scenario.models.size()),
      lanes_(scenario.lanes),
      guarantees_(scenario),
      shares_(Weights(scenario)),
      free_lanes_(scenario.lanes) {}

void Invariants::Violate(Nanoseconds now, const std::string& what) {
  if (!violated()) violation_ = absl::StrCat("at ", Text(now), ": ", what);
}

bool Invariants::fixed(int model) const {
  return !scenario_.models[model].queue.limits.automatic();
}

bool Invariants::delays(int model) const {
  return scenario_.models[model].queue.limits.max_delay > absl::ZeroDuration();
}

void Invariants::Added(int model, std::shared_ptr<batching::BatchQueue> queue, Nanoseconds now) {
  Watch& watch = watches_[model];
  watch.queue = std::move(queue);
  watch.waiting.reserve(scenario_.models[model].queue.capacity);
  const batching::QueueOptions& options = scenario_.models[model].queue;
  watch.costs = CostWatch(options.costs, options.limits.max_batch_size);
  watch.next_trial = now + kTrialInterval;
}

void Invariants::Removing(int model) { removing_ = model; }

void Invariants::Removed(int model, Nanoseconds now) {
  removing_ = -1;
  watches_[model].removed = true;
  if (!watches_[model].waiting.empty()) {
    Violate(now, absl::StrCat("model ", model, " was removed, and ", watches_[model].waiting.size(),
                              " of its tasks were not failed"));
  }
}

void Invariants::Enqueued(absl::Span<TaskRecord> tasks, size_t kept, const absl::Status& status,
                          Nanoseconds now) {
  const int model = tasks.front().model;
  Watch& watch = watches_[model];
  watch.touched = true;
  if (kept != (status.ok() ? 0 : tasks.size())) {
    Violate(now, absl::StrCat("Enqueue returned '", Text(status), "' for ", tasks.size(),
                              " tasks and left ", kept, " of them with the caller"));
  }
  if (!status.ok()) return CheckRefusal(tasks, status, now);
  if (draining_ || watch.removed) {
    Violate(now, absl::StrCat("model ", model, " took a task while draining or removed"));
  }
  watch.asked = now;
  CheckTrial(tasks, now);
  for (TaskRecord& task : tasks) {
    task.state = TaskState::kWaiting;
    task.slot = watch.waiting.size();
    watch.waiting.push_back(&task);
  }
  waiting_ += static_cast<int>(tasks.size());
  if (!delays(model) && watch.costs.known()) shares_.SetBacklogged(model, true);
}

// How long after its deadline a request would end on lanes that have nothing else to do.
absl::Duration Invariants::LateAlone(absl::Span<const TaskRecord> tasks, Nanoseconds now) const {
  const TaskRecord& task = tasks.front();
  const CostWatch& costs = watches_[task.model].costs;
  if (task.deadline == kNever || !costs.known()) return absl::ZeroDuration();
  const auto images = static_cast<int>(tasks.size());
  const int best = BestBatchSize(watches_[task.model], now);
  const int batch = std::min(images, best);
  const absl::Duration prepare = absl::Nanoseconds(task.prepare);
  const absl::Duration end = (images - 1) * (costs.Cost(best) / best + prepare) / scenario_.lanes +
                             batch * prepare + costs.Cost(batch);
  return end - absl::Nanoseconds(task.deadline - now);
}

void Invariants::CheckTrial(absl::Span<TaskRecord> tasks, Nanoseconds now) {
  Watch& watch = watches_[tasks.front().model];
  // Together with others it may be in time, where costs are told wrongly.
  if (LateAlone(tasks, now) <= absl::ZeroDuration() || !watch.waiting.empty()) return;
  for (TaskRecord& task : tasks) task.trial = true;
  if (now < watch.next_trial) {
    Violate(now, absl::StrCat(Name(tasks.front()), " was accepted and cannot be in time"));
  }
  watch.next_trial = now + kTrialInterval;
}

void Invariants::CheckRefusal(absl::Span<TaskRecord> tasks, const absl::Status& status,
                              Nanoseconds now) {
  const Watch& watch = watches_[tasks.front().model];
  const std::optional<Rejection> rejection = RejectionOf(status);
  for (TaskRecord& task : tasks) {
    task.state = TaskState::kRefused;
    task.rejection = rejection;
  }
  const auto refuse = [&](std::string_view what) {
    Violate(now, absl::StrCat("the refusal '", Text(status), "' of ", Name(tasks.front()), " ",
                              std::string(what)));
  };
  const bool closed = draining_ || watch.removed;
  if (!closed) watches_[tasks.front().model].asked = now;
  if (!rejection.has_value()) return refuse("has no Rejection");
  if (closed != (rejection == Rejection::kDraining)) return refuse("has the wrong reason");
  if (closed) return;
  const bool hopeless = rejection == Rejection::kDeadline;
  const bool full = IsFull(tasks);
  const bool level = scenario_.models[tasks.front().model].queue.priorities.has_value();
  if (status.code() != (hopeless        ? absl::StatusCode::kDeadlineExceeded
                        : full && level ? absl::StatusCode::kUnavailable
                                        : absl::StatusCode::kResourceExhausted)) {
    return refuse("has the wrong code");
  }
  const absl::Duration retry = RetryAfterOf(status).value_or(absl::ZeroDuration());
  if ((retry <= absl::ZeroDuration()) != hopeless) refuse("is wrong about a retry");
  const bool late_alone = LateAlone(tasks, now) > absl::ZeroDuration();
  if (hopeless ? !late_alone
               : rejection == Rejection::kPredictedLate && late_alone && watch.waiting.empty()) {
    refuse("is wrong about what an idle server can do");
  }
  if (full != (rejection == Rejection::kQueueFull)) refuse("is wrong about the capacity");
  if (!full && MustAccept(tasks, now)) refuse("has no reason");
}

bool Invariants::IsFull(absl::Span<const TaskRecord> tasks) const {
  const TaskRecord& task = tasks.front();
  const batching::QueueOptions& queue = scenario_.models[task.model].queue;
  const std::vector<TaskRecord*>& waiting = watches_[task.model].waiting;
  if (waiting.size() + tasks.size() > static_cast<size_t>(queue.capacity)) return true;
  if (!queue.priorities.has_value()) return false;
  const int most = queue.priorities->levels[task.level - 1].max_queue_size;
  size_t after = tasks.size();
  for (const TaskRecord* const other : waiting) after += other->level == task.level;
  return most > 0 && after > static_cast<size_t>(most);
}

bool Invariants::MustAccept(absl::Span<const TaskRecord> tasks, Nanoseconds now) const {
  const TaskRecord& task = tasks.front();
  const Watch& watch = watches_[task.model];
  if (!watch.costs.known()) return true;
  if (LateAlone(tasks, now) > absl::ZeroDuration() && watch.waiting.empty() &&
      now >= watch.next_trial) {
    return true;
  }
  if (task.deadline == kNever) {
    return watch.longest_wait <= LeastTarget(scenario_.models[task.model].queue);
  }
  // What could run at once and by itself.
  const bool idle = waiting_ == 0 && free_lanes_ == scenario_.lanes;
  const absl::Duration need = absl::Nanoseconds(task.prepare) + watch.costs.Cost(1);
  return idle && tasks.size() == 1 && absl::Nanoseconds(task.deadline - now) >= need;
}

void Invariants::StopWaiting(TaskRecord& task) {
  Watch& watch = watches_[task.model];
  watch.touched = true;
  watch.waiting.back()->slot = task.slot;
  watch.waiting[task.slot] = watch.waiting.back();
  watch.waiting.pop_back();
  --waiting_;
}

void Invariants::Completed(TaskRecord& task, Nanoseconds now) {
  if (task.state != TaskState::kRunning) {
    Violate(now, absl::StrCat(Name(task), " was completed and did not run"));
  }
  task.state = TaskState::kCompleted;
  task.ended = now;
  CheckPromise(task, now - task.deadline, now);
}

void Invariants::TurnHasCome(TaskRecord& task, Nanoseconds now) {
  if (task.state != TaskState::kWaiting) return;
  Nanoseconds running = 0;
  for (const LaneWatch& lane : lanes_) {
    if (lane.busy) running += std::max<Nanoseconds>(lane.expected_end - now, 0);
  }
  Nanoseconds ahead = 0;
  for (const TaskRecord* const other : watches_[task.model].waiting) {
    if (Earlier(*other, task, now)) ahead += guarantees_.MostCost(task.model, other->prepare);
  }
  task.latest_start = guarantees_.LatestStart(task.model, now, running, ahead);
}

void Invariants::Observed(int model, int size, absl::Duration took, Nanoseconds now) {
  Watch& watch = watches_[model];
  watch.touched = true;
  watch.next_trial = now + kTrialInterval;
  const std::string wrong =
      watch.costs.Update(batching::CostModel(watch.queue->Costs()), size, took);
  if (!wrong.empty()) Violate(now, wrong);
}

void Invariants::LaneIsFree(int lane) {
  lanes_[lane].busy = false;
  ++free_lanes_;
}

void Invariants::Failed(TaskRecord& task, const absl::Status& status, Nanoseconds now) {
  if (task.state != TaskState::kWaiting) {
    return Violate(now,
                   absl::StrCat(Name(task), " was failed and did not wait: '", Text(status), "'"));
  }
  StopWaiting(task);
  task.state = TaskState::kFailed;
  task.ended = now;
  task.rejection = RejectionOf(status);
  const Watch& watch = watches_[task.model];
  if (watch.waiting.empty()) shares_.SetBacklogged(task.model, false);
  bool right = false;
  if (task.rejection == Rejection::kDraining) {
    right = removing_ == task.model || destroying_;
  } else if (task.rejection == Rejection::kCancelled) {
    right = task.cancel.cancelled();
  } else if (task.rejection == Rejection::kDeadline) {
    const absl::Duration need = absl::Nanoseconds(task.prepare) + watch.costs.Cost(1);
    right = task.deadline != kNever && absl::Nanoseconds(task.deadline - now) < need;
    right = (right && !task.trial) || task.deadline <= now;
    if (task.Expired(now) && !task.is_delayed) {
      right = status.code() == absl::StatusCode::kUnavailable;
    }
    CheckPromise(task, now + absl::ToInt64Nanoseconds(need) - task.deadline, now);
  }
  if (!right) Violate(now, absl::StrCat(Name(task), " was failed: '", Text(status), "'"));
}

void Invariants::Destroyed(const TaskRecord& task, Nanoseconds now) {
  if (task.state == TaskState::kWaiting || task.state == TaskState::kRunning) {
    Violate(now, absl::StrCat(Name(task), " was destroyed and never ended"));
  }
}

void Invariants::AfterEvent(MonotonicTime next_due, Nanoseconds now) {
  // Spread first: a lane that is free would have had a part of the batch.
  if (several_started_ && free_lanes_ > 0) {
    Violate(now, "several images were put into a batch while a lane was free");
  }
  several_started_ = false;
  for (size_t model = 0; model < watches_.size(); ++model) {
    Watch& watch = watches_[model];
    if (watch.queue == nullptr) continue;
    if (watch.touched) CheckQueue(watch, static_cast<int>(model), now);
    if (free_lanes_ > 0) CheckNothingWaits(watch, static_cast<int>(model), next_due, now);
  }
}

void Invariants::CheckQueue(Watch& watch, int model, Nanoseconds now) {
  watch.touched = false;
  const int size = watch.queue->size();
  if (size != static_cast<int>(watch.waiting.size())) {
    Violate(now, absl::StrCat("queue ", model, " has ", size, " tasks, it should have ",
                              watch.waiting.size()));
  }
  if (size > watch.queue->options().capacity) {
    Violate(now, absl::StrCat("queue ", model, " has ", size, " tasks, beyond its capacity"));
  }
  if (!watch.removed) CheckPredictedWait(watch, model, now);
}

// What waits in the queue of `model`, and what other models get meanwhile by their weights.
absl::Duration Invariants::WorkBefore(int model) const {
  const auto backlog = [this](size_t i) {
    return static_cast<int64_t>(watches_[i].waiting.size()) * watches_[i].costs.cost_per_image();
  };
  const absl::Duration own = backlog(model);
  const double weight = scenario_.models[model].queue.weight;
  absl::Duration work = own;
  for (size_t i = 0; i < watches_.size(); ++i) {
    if (static_cast<int>(i) == model || watches_[i].waiting.empty()) continue;
    work += std::min(backlog(i), own * (scenario_.models[i].queue.weight / weight));
  }
  return work;
}

void Invariants::CheckPredictedWait(const Watch& watch, int model, Nanoseconds now) {
  const absl::Duration wait = watch.queue->PredictedWait();
  const bool idle = waiting_ == 0 && free_lanes_ == scenario_.lanes;
  // At best all lanes do it, but those that should have ended long ago.
  const auto lanes = std::count_if(lanes_.begin(), lanes_.end(), [now](const LaneWatch& lane) {
    const Nanoseconds expected = lane.expected_end - lane.taken;
    return !lane.busy || now - lane.expected_end < std::max(kLongStall, 2 * expected);
  });
  const absl::Duration least = WorkBefore(model) / std::max<int64_t>(lanes, 1);
  const bool wrong = idle ? wait != absl::ZeroDuration() : wait < least - absl::Nanoseconds(100);
  if (wrong || wait < absl::ZeroDuration() || wait == absl::InfiniteDuration()) {
    Violate(now,
            absl::StrCat("PredictedWait is ", absl::FormatDuration(wait), ", with ",
                         watch.waiting.size(), " tasks waiting there, ", waiting_,
                         " anywhere, and ", free_lanes_, " of ", scenario_.lanes, " lanes free"));
  }
}

void Invariants::CheckNothingWaits(const Watch& watch, int model, MonotonicTime next_due,
                                   Nanoseconds now) {
  if (watch.waiting.empty()) return;
  if (!delays(model) || draining_) {
    return Violate(now, absl::StrCat("a lane is free, and ", watch.waiting.size(),
                                     " tasks of model ", model, " wait"));
  }
  const batching::BatchLimits& limits = scenario_.models[model].queue.limits;
  if (static_cast<int>(watch.waiting.size()) >= limits.max_batch_size) {
    Violate(now, absl::StrCat("a lane is free, and a full batch of model ", model, " waits"));
  }
  Nanoseconds oldest = kNever;
  Nanoseconds deadline = kNever;
  for (const TaskRecord* const task : watch.waiting) {
    oldest = std::min(oldest, task->arrived);
    deadline = std::min(deadline, task->deadline);
    if (!task->Expired(now)) deadline = std::min(deadline, task->expires);
  }
  const Nanoseconds due = oldest + absl::ToInt64Nanoseconds(*limits.max_delay);
  if (due <= now || deadline <= due || SinceStart(next_due) > due) {
    Violate(now, absl::StrCat("a lane is free, and tasks of model ", model,
                              " wait that are due at ", Text(due), ", before ", Text(deadline),
                              "; the lane will look again at ", Text(SinceStart(next_due))));
  }
}

void Invariants::AtEnd(absl::Span<const TaskRecord> tasks, Nanoseconds now) {
  for (const TaskRecord& task : tasks) {
    if (task.state == TaskState::kWaiting || task.state == TaskState::kRunning) {
      Violate(now, absl::StrCat(Name(task), " was accepted and never ended"));
    }
  }
  if (waiting_ != 0) Violate(now, absl::StrCat(waiting_, " tasks are left"));
}

}  // namespace siskin::simulation
