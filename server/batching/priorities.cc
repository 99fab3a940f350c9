#include "server/batching/priorities.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/rejection.h"

namespace siskin::batching {
namespace {

absl::Status CheckLevel(const LevelPolicy& policy) {
  if (policy.default_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("expected a timeout above 0, got ",
                                                   absl::FormatDuration(policy.default_timeout)));
  }
  if (policy.max_queue_size < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a queue size of 0 or more, got ", policy.max_queue_size));
  }
  return absl::OkStatus();
}

bool NeverExpires(const LevelPolicy& policy) {
  return policy.default_timeout == absl::InfiniteDuration();
}

}  // namespace

absl::Status CheckPriorities(const Priorities& priorities) {
  const size_t levels = priorities.levels.size();
  if (levels < 1 || levels > kMaxPriorityLevels) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected 1 to ", kMaxPriorityLevels, " priority levels, got ", levels));
  }
  if (priorities.default_level < 1 || static_cast<size_t>(priorities.default_level) > levels) {
    return absl::InvalidArgumentError(absl::StrCat("expected a default priority level of 1 to ",
                                                   levels, ", got ", priorities.default_level));
  }
  for (const LevelPolicy& policy : priorities.levels) {
    if (absl::Status status = CheckLevel(policy); !status.ok()) return status;
  }
  return absl::OkStatus();
}

int LevelOf(const Priorities& priorities, uint64_t priority) {
  if (priority == 0 || priority > priorities.levels.size()) return priorities.default_level;
  return static_cast<int>(priority);
}

absl::Duration TimeoutOf(const LevelPolicy& policy, absl::Duration requested) {
  if (NeverExpires(policy) || !policy.allow_timeout_override) return policy.default_timeout;
  return std::min(policy.default_timeout, requested);
}

absl::Status LevelFull(absl::Duration retry_after) {
  return RejectAs(absl::StatusCode::kUnavailable,
                  Reject(Rejection::kQueueFull, "Exceeds maximum queue size", retry_after));
}

absl::Status TimeoutExpired() {
  return RejectAs(absl::StatusCode::kUnavailable,
                  Reject(Rejection::kDeadline, "Request timeout expired"));
}

void ApplyTimeouts(const Priorities& priorities, MonotonicTime now,
                   std::vector<std::unique_ptr<Task>>& tasks,
                   std::vector<std::unique_ptr<Task>>& rejected) {
  const std::vector<LevelPolicy>& levels = priorities.levels;
  if (std::all_of(levels.begin(), levels.end(), NeverExpires)) return;
  bool delayed = false;
  for (std::unique_ptr<Task>& task : tasks) {
    if (task->expires() >= now) continue;
    if (levels[task->level() - 1].timeout_action == TimeoutAction::kReject) {
      rejected.push_back(std::move(task));
    } else {
      task->Delay();
      delayed = true;
    }
  }
  tasks.erase(std::remove(tasks.begin(), tasks.end(), nullptr), tasks.end());
  if (!delayed) return;
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const auto& a, const auto& b) { return ComesBefore(*a, *b); });
}

}  // namespace siskin::batching
