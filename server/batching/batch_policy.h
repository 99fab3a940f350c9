// When does a batch close? A pure function, so that it is tested as a table.
#ifndef SISKIN_SERVER_BATCHING_BATCH_POLICY_H_
#define SISKIN_SERVER_BATCHING_BATCH_POLICY_H_

#include <cstdint>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace siskin::batching {

// The limit of every max_batch_size: a model's plans are compiled up to that, and each lane has
// memory for the largest of them.
inline constexpr int kMaxBatchSize = 256;
// INVALID_ARGUMENT unless `size` is from 1 to kMaxBatchSize.
absl::Status CheckBatchSize(int64_t size);

// Latency bound: a task starts at the latest `max_delay` after it was accepted, if a lane is free.
struct BatchLimits {
  int max_batch_size = 8;                           // see CheckBatchSize
  absl::Duration max_delay = absl::ZeroDuration();  // 0: a free lane takes what is there at once
};

// What the policy may know of a queue. REQUIRES: size > 0.
struct QueueView {
  int size = 0;
  MonotonicTime oldest_enqueued;
  MonotonicTime earliest_deadline = MonotonicTime::InfiniteFuture();
  bool draining = false;  // nothing more will come
};

enum class CloseReason { kFull, kDelay, kDeadline, kDraining };
const char* ToString(CloseReason reason);  // "full", "delay", "deadline", "draining"

struct Dispatch {
  int size = 0;
  CloseReason reason = CloseReason::kFull;
};
struct WaitUntil {
  MonotonicTime time;
};
using BatchDecision = std::variant<Dispatch, WaitUntil>;

// Called when a lane is free. The first rule that holds decides:
//   size >= max_batch_size                               -> max_batch_size tasks, kFull
//   draining                                             -> everything, kDraining
//   the oldest has waited for max_delay, which may be 0  -> everything, kDelay
//   earliest_deadline <= oldest_enqueued + max_delay     -> everything, kDeadline
//   otherwise                                            -> wait until oldest_enqueued + max_delay
// A deadline closes its batch at once, since the delay would use up what time there is. So no wait
// ever reaches a deadline; a deadline is missed only for want of a free lane or in the computation
// itself.
BatchDecision DecideBatch(const QueueView& queue, const BatchLimits& limits, MonotonicTime now);

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_BATCH_POLICY_H_
