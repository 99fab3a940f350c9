#include "server/batching/batch_policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace siskin::batching {

absl::Status CheckBatchSize(int64_t size) {
  if (size >= 1 && size <= kMaxBatchSize) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("expected a batch size of 1 to ", kMaxBatchSize, ", got ", size));
}

const char* ToString(CloseReason reason) {
  switch (reason) {
    case CloseReason::kFull:
      return "full";
    case CloseReason::kDelay:
      return "delay";
    case CloseReason::kDeadline:
      return "deadline";
    case CloseReason::kDraining:
      return "draining";
  }
  return "unknown";
}

BatchDecision DecideBatch(const QueueView& queue, const BatchLimits& limits, MonotonicTime now) {
  const int size = std::min(queue.size, limits.max_batch_size);
  if (queue.size >= limits.max_batch_size) return Dispatch{size, CloseReason::kFull};
  if (queue.draining) return Dispatch{size, CloseReason::kDraining};
  const MonotonicTime delay_over = queue.oldest_enqueued + limits.max_delay;
  if (delay_over <= now) return Dispatch{size, CloseReason::kDelay};
  if (queue.earliest_deadline <= delay_over) return Dispatch{size, CloseReason::kDeadline};
  return WaitUntil{delay_over};
}

}  // namespace siskin::batching
