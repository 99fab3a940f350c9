// Priority levels and timeouts of a queue, as Triton has them (ModelQueuePolicy).
//
// Level 1 is the highest. A level is served only when nothing of a higher one waits, so lower ones
// may starve. Inside a level tasks keep the order that they have in every queue. A task whose
// timeout passes while it waits is rejected, or delayed: it then comes after all of its level whose
// timeout has not passed.
//
// Where a queue has these, refusals are those that clients of Triton look for: UNAVAILABLE with
// "Exceeds maximum queue size" and "Request timeout expired".
#ifndef SISKIN_SERVER_BATCHING_PRIORITIES_H_
#define SISKIN_SERVER_BATCHING_PRIORITIES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/batching/task.h"

namespace siskin::batching {

inline constexpr int kMaxPriorityLevels = 100;

enum class TimeoutAction { kReject, kDelay };

// What holds for the tasks of a level.
struct LevelPolicy {
  TimeoutAction timeout_action = TimeoutAction::kReject;
  absl::Duration default_timeout = absl::InfiniteDuration();  // > 0; infinite: none
  bool allow_timeout_override = false;                        // by the task, if its own is shorter
  int max_queue_size = 0;  // tasks waiting, >= 0; 0: no limit but the queue's capacity
};

struct Priorities {
  std::vector<LevelPolicy> levels = {LevelPolicy()};  // level 1 first; 1 to kMaxPriorityLevels
  int default_level = 1;                              // of tasks that ask for none
};

// INVALID_ARGUMENT for what is out of range.
absl::Status CheckPriorities(const Priorities& priorities);

// The level of a task that asks for `priority`: the default for 0 and for what is beyond the
// levels.
int LevelOf(const Priorities& priorities, uint64_t priority);
// How long a task may wait that asks for `requested` (infinite: for nothing). Infinite: for ever.
// Without a default there is no timeout to be overridden.
absl::Duration TimeoutOf(const LevelPolicy& policy, absl::Duration requested);

absl::Status LevelFull(absl::Duration retry_after);
absl::Status TimeoutExpired();

// Sorts out what has expired at `now`: moves it from `tasks`, which is in order, to `rejected`, or
// delays it.
void ApplyTimeouts(const Priorities& priorities, MonotonicTime now,
                   std::vector<std::unique_ptr<Task>>& tasks,
                   std::vector<std::unique_ptr<Task>>& rejected);

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_PRIORITIES_H_
