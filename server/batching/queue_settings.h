// What an operator states of a model's queue, and what becomes of it.
//
// A model's configuration states some settings, the server's command line others. Resolve is the
// one place that says which holds.
#ifndef SISKIN_SERVER_BATCHING_QUEUE_SETTINGS_H_
#define SISKIN_SERVER_BATCHING_QUEUE_SETTINGS_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/batching/scheduler.h"

namespace siskin::batching {

enum class BatchPolicy { kAuto, kFixed };  // see batch_policy.h
const char* ToString(BatchPolicy policy);  // "auto", "fixed"
BatchPolicy PolicyOf(const BatchLimits& limits);

// Of one model. Unset or empty: it states nothing; see the fields of QueueOptions and BatchLimits.
struct QueueSettings {
  std::optional<int> max_batch_size;
  std::optional<BatchPolicy> policy;
  std::optional<absl::Duration> max_delay;
  std::vector<int> preferred_batch_sizes;
  std::optional<int> capacity;
  std::optional<double> weight;
  std::optional<absl::Duration> target_delay;
  bool in_order = false;
  std::optional<Priorities> priorities;
  std::optional<int> num_batch_threads;  // of TensorFlow Serving: see CheckLanes
};

// Of the server.
struct QueueDefaults {
  // These replace what models state.
  std::optional<int> max_batch_size;
  std::optional<absl::Duration> max_delay;
  // These hold for models that state nothing.
  std::optional<BatchPolicy> policy;
  std::optional<absl::Duration> target_delay;
};

// The policy is the first of: the one that the model states; fixed, where there is a delay above 0
// or a preferred size; the server's; auto. A delay without the fixed policy has no effect. The
// result may still be out of range: CheckOptions says so.
QueueOptions Resolve(const QueueSettings& model, const QueueDefaults& server);

// INVALID_ARGUMENT: the model states a number of threads, and it is not that of the lanes.
absl::Status CheckLanes(const QueueSettings& model, int lanes);

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_QUEUE_SETTINGS_H_
