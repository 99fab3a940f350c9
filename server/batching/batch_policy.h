// Which batch a free lane takes, and when. Pure functions, so that they are tested as tables.
//
// Each model has one of two policies:
//   auto    spread work over the lanes that are free before batching it, batch only as far as that
//           brings more images a second (cost_model.h), never let a lane idle while a task waits,
//           start nothing that misses its deadline
//   fixed   the rule of Triton and TensorFlow Serving, which knows neither costs nor other lanes: a
//           free lane takes what is there up to a limit, once the oldest task has waited for a set
//           delay; at once if that is 0
// Under both, models share the lanes by lane time.
#ifndef SISKIN_SERVER_BATCHING_BATCH_POLICY_H_
#define SISKIN_SERVER_BATCHING_BATCH_POLICY_H_

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "server/batching/cost_model.h"

namespace siskin::batching {

// The limit of every max_batch_size: a model's plans are compiled up to that, and each lane has
// memory for the largest of them.
inline constexpr int kMaxBatchSize = 256;
// INVALID_ARGUMENT unless `size` is from 1 to kMaxBatchSize.
absl::Status CheckBatchSize(int64_t size);

struct BatchLimits {
  int max_batch_size = 8;  // see CheckBatchSize
  // Which policy holds. Unset: auto. Set: fixed, and a task may wait for so long for company
  // although a lane is free.
  std::optional<absl::Duration> max_delay;
  // Sizes that the fixed policy does not wait beyond, ascending, from 1 to max_batch_size.
  std::vector<int> preferred_batch_sizes;

  bool automatic() const { return !max_delay.has_value(); }
};
// INVALID_ARGUMENT for what is out of range, or preferred sizes without the fixed policy.
absl::Status CheckLimits(const BatchLimits& limits);

// What the policy may know of a queue. REQUIRES: size > 0, the pointers are not null.
struct QueueView {
  int size = 0;
  MonotonicTime oldest_enqueued;
  MonotonicTime earliest_deadline = MonotonicTime::InfiniteFuture();
  absl::Duration prepare;  // the longest of a task that may be in the batch
  bool draining = false;   // nothing more will come
  const CostModel* costs = nullptr;
  const BatchLimits* limits = nullptr;
  // Lane time that the model had, by its weight: the one that had least comes first.
  absl::Duration served;
  bool shared = false;  // see CostModel::BestBatchSize
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

// The largest of `preferred`, which ascends, of at most `size`; 0 if there is none.
int PreferredBatchSize(absl::Span<const int> preferred, int size);

// Called when a lane is free. `free_in`: how long each lane is still busy; 0 for those that are
// free, the one that asks included. The auto policy:
//   lanes   = those free within the cost of one image
//   share   = the waiting tasks divided by `lanes`, rounded up
//   size    = the largest batch size of at most `share` and the best size        kFull or kDelay
//   smaller, down to 1, until the batch ends before earliest_deadline            kDeadline
// The fixed policy, where the first rule that holds decides; `due` = oldest_enqueued + max_delay:
//   a preferred size <= size; not if draining, nor
//     once a max_delay above 0 is over                  -> the largest such size, kFull
//   size >= max_batch_size                              -> max_batch_size tasks, kFull
//   draining                                            -> everything, kDraining
//   due <= now                                          -> everything, kDelay
//   earliest_deadline <= due                            -> everything, kDeadline
//   otherwise                                           -> wait until `due`
// So no wait ever reaches a deadline: what would use up its time waiting goes at once. Of a
// preferred size and more, the preferred part goes at once and the rest waits; with a max_delay of
// 0 it goes to the next free lane.
BatchDecision DecideBatch(const QueueView& queue, absl::Span<const absl::Duration> free_in,
                          MonotonicTime now);

struct Choice {
  size_t queue = 0;  // index
  Dispatch dispatch;
};

// Of the queues whose batch is due, the one served least, and of those the one whose oldest task
// came first. Where none is due, the time at which one will be.
std::variant<Choice, WaitUntil> Choose(absl::Span<const QueueView> queues,
                                       absl::Span<const absl::Duration> free_in, MonotonicTime now);

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_BATCH_POLICY_H_
