#include "server/batching/queue_json.h"

#include "nlohmann/json.hpp"
#include "server/batching/queue_settings.h"

namespace siskin::batching {

nlohmann::ordered_json ToJson(const QueueOptions& queue) {
  const BatchLimits& limits = queue.limits;
  nlohmann::ordered_json out = {{"max_batch_size", limits.max_batch_size},
                                {"policy", ToString(PolicyOf(limits))}};
  if (!limits.automatic()) out["max_delay_ms"] = absl::ToDoubleMilliseconds(*limits.max_delay);
  if (!limits.preferred_batch_sizes.empty()) {
    out["preferred_batch_sizes"] = limits.preferred_batch_sizes;
  }
  out["queue_capacity"] = queue.capacity;
  out["weight"] = queue.weight;
  if (queue.priorities.has_value()) out["priority_levels"] = queue.priorities->levels.size();
  if (queue.in_order) out["in_order"] = true;
  if (queue.target_delay > absl::ZeroDuration() && queue.target_delay != absl::InfiniteDuration()) {
    out["target_delay_ms"] = absl::ToDoubleMilliseconds(queue.target_delay);
  }
  return out;
}

}  // namespace siskin::batching
