// Of Invariants: what is started, when, in which order and in which batch.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/trail.h"

namespace siskin::simulation {

void Invariants::Started(const batching::Batch& batch, absl::Span<TaskRecord* const> tasks,
                         int lane, Nanoseconds now) {
  if (tasks.empty()) return Violate(now, "a batch without tasks");
  const int model = tasks.front()->model;
  Watch& watch = watches_[model];
  if (batch.queue != watch.queue || batch.owner != &scenario_.models[model]) {
    Violate(now, absl::StrCat("the batch of ", Name(*tasks.front()), " names another model"));
  }
  absl::Duration cost = watch.costs.Cost(static_cast<int>(tasks.size()));
  for (TaskRecord* const task : tasks) {
    if (task->model != model) Violate(now, "a batch holds tasks of two models");
    CheckStartable(*task, now);
    if (violated()) return;
    cost += absl::Nanoseconds(task->prepare);
  }
  CheckOrder(watch, tasks, now);
  CheckBatchSize(watch, model, tasks, cost, now);
  for (TaskRecord* const task : tasks) {
    StopWaiting(*task);
    task->state = TaskState::kRunning;
    task->started = now;
    if (now > task->latest_start) {
      Violate(now, absl::StrCat(Name(*task), " starved: it had to be started at ",
                                Text(task->latest_start)));
    }
    watch.longest_wait = std::max(watch.longest_wait, now - task->arrived);
  }
  lanes_[lane] = {.busy = true, .taken = now, .expected_end = now + absl::ToInt64Nanoseconds(cost)};
  --free_lanes_;
  several_started_ |= !fixed(model) && tasks.size() > 1;
  if (!delays(model)) CheckShares(watch, model, cost, now);
}

void Invariants::CheckStartable(const TaskRecord& task, Nanoseconds now) {
  if (task.state != TaskState::kWaiting) {
    Violate(now, absl::StrCat(Name(task), " was started and did not wait"));
  }
  if (task.Expired(now) && !task.is_delayed) {
    Violate(now, absl::StrCat(Name(task), " was started after its timeout"));
  }
  if (task.cancel.cancelled()) Violate(now, absl::StrCat(Name(task), " was started, cancelled"));
  if (task.deadline == kNever) return;
  const absl::Duration left = absl::Nanoseconds(task.deadline - now);
  const absl::Duration need = absl::Nanoseconds(task.prepare) + watches_[task.model].costs.Cost(1);
  if (left <= absl::ZeroDuration() || (left < need && !task.trial)) {
    Violate(now, absl::StrCat(Name(task), " was started with ", absl::FormatDuration(left),
                              " left and needs ", absl::FormatDuration(need)));
  }
}

void Invariants::CheckOrder(const Watch& watch, absl::Span<TaskRecord* const> tasks,
                            Nanoseconds now) {
  for (size_t i = 1; i < tasks.size(); ++i) {
    if (Earlier(*tasks[i], *tasks[i - 1], now)) {
      Violate(now, absl::StrCat("a batch has ", Name(*tasks[i - 1]), " before task ", tasks[i]->id,
                                ", which has an earlier turn"));
    }
  }
  size_t earlier = 0;
  for (const TaskRecord* const task : watch.waiting) earlier += Earlier(*task, *tasks.back(), now);
  if (earlier > tasks.size() - 1) {
    Violate(now, absl::StrCat(Name(*tasks.back()), " was started before tasks of earlier turns"));
  }
}

void Invariants::CheckBatchSize(const Watch& watch, int model, absl::Span<TaskRecord* const> tasks,
                                absl::Duration cost, Nanoseconds now) {
  const int size = static_cast<int>(tasks.size());
  if (size > scenario_.models[model].queue.limits.max_batch_size) {
    Violate(now, absl::StrCat("a batch of ", size, " is larger than max_batch_size"));
  }
  if (fixed(model)) return CheckFixedSize(watch, model, size, now);
  const int best = BestBatchSize(watch, now);
  if (size > best) {
    Violate(now, absl::StrCat("a batch of ", size, ", though batches of ", best,
                              " bring nearly as many images"));
  }
  Nanoseconds deadline = kNever;
  for (const TaskRecord* const task : tasks) deadline = std::min(deadline, task->deadline);
  if (deadline != kNever && cost > absl::Nanoseconds(deadline - now) &&
      !(size == 1 && tasks.front()->trial)) {
    Violate(now, absl::StrCat("a batch of ", size, " was started at ", Text(now), " that takes ",
                              absl::FormatDuration(cost), ", with a deadline at ", Text(deadline)));
  }
  if (scenario_.exact && size < best) CheckFullBatch(watch, best, tasks, now);
}

// What is there up to the limit; up to a preferred size as long as nothing has waited for too long.
void Invariants::CheckFixedSize(const Watch& watch, int model, int size, Nanoseconds now) {
  const batching::BatchLimits& limits = scenario_.models[model].queue.limits;
  std::vector<const TaskRecord*> waiting(watch.waiting.begin(), watch.waiting.end());
  std::sort(waiting.begin(), waiting.end(),
            [now](const TaskRecord* a, const TaskRecord* b) { return Earlier(*a, *b, now); });
  const int there = static_cast<int>(waiting.size());
  const int most = std::min(there, limits.max_batch_size);
  const Nanoseconds delay = absl::ToInt64Nanoseconds(*limits.max_delay);
  const bool over = delay > 0 && std::any_of(waiting.begin(), waiting.begin() + most,
                                             [&](const TaskRecord* task) {
                                               return task->arrived + delay <= now;
                                             });
  int expected = most;
  if (!over && !draining_) {
    for (const int preferred : limits.preferred_batch_sizes) {
      if (preferred <= there) expected = preferred;
    }
  }
  if (size == expected) return;
  Violate(now, absl::StrCat("a batch of ", size, " of model ", model, " instead of ", expected,
                            ", of ", there, " that wait"));
}

// Batches are smaller where another model was asked within the time of ten of them.
int Invariants::BestBatchSize(const Watch& watch, Nanoseconds now) const {
  const int best = watch.costs.best_batch_size();
  const absl::Duration recently = 10 * watch.costs.Cost(best);
  const bool shared = std::any_of(watches_.begin(), watches_.end(), [&](const Watch& other) {
    return &other != &watch && !other.removed && other.asked >= 0 &&
           absl::Nanoseconds(now - other.asked) <= recently;
  });
  return shared ? watch.costs.best_shared_batch_size() : best;
}

// Under backlog batches are full, whatever the other lanes do: lanes that will be busy for longer
// than an image takes do not get a part of the queue.
void Invariants::CheckFullBatch(const Watch& watch, int best, absl::Span<TaskRecord* const> tasks,
                                Nanoseconds now) {
  const Nanoseconds soon = now + absl::ToInt64Nanoseconds(watch.costs.Cost(1));
  const auto lanes = std::count_if(lanes_.begin(), lanes_.end(), [soon](const LaneWatch& lane) {
    return !lane.busy || lane.expected_end <= soon;
  });
  if (static_cast<int64_t>(watch.waiting.size()) < best * lanes) return;
  absl::Duration cost = watch.costs.Cost(best);
  for (const TaskRecord* const task : watch.waiting) {
    if (task->prepare > 0 ||
        (task->deadline != kNever && absl::Nanoseconds(task->deadline - now) < cost)) {
      return;
    }
  }
  Violate(now, absl::StrCat("a batch of ", tasks.size(), " instead of ", best, ", though ",
                            watch.waiting.size(), " tasks wait and only ", lanes,
                            " lanes will be free soon"));
}

void Invariants::CheckShares(const Watch& watch, int model, absl::Duration cost, Nanoseconds now) {
  if (!watch.costs.known()) return;
  shares_.Give(model, absl::ToDoubleNanoseconds(cost));
  const double excess = shares_.Excess();
  if (excess > 100) {
    Violate(now, absl::StrCat("after the batch of model ", model,
                              " lane time is not shared by weight: a model had ",
                              Text(static_cast<Nanoseconds>(excess)), " too much"));
  }
  if (watch.waiting.empty()) shares_.SetBacklogged(model, false);
}

void Invariants::CheckPromise(const TaskRecord& task, Nanoseconds miss, Nanoseconds now) {
  if (!guarantees_.in_time() || task.deadline == kNever || task.trial) return;
  if (miss > guarantees_.AllowedMiss()) {
    Violate(now, absl::StrCat(Name(task), " was accepted and missed its deadline by ", Text(miss),
                              "; ", Text(guarantees_.AllowedMiss()), " are allowed"));
  }
}

}  // namespace siskin::simulation
