// What is loaded and why, for the status page.
#ifndef SISKIN_SERVER_ADMIN_SERVER_STATUS_H_
#define SISKIN_SERVER_ADMIN_SERVER_STATUS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "server/engine/model_registry.h"

namespace siskin::admin {

// What does not change while the server runs.
struct ServerFacts {
  std::string version;
  std::string onednn;
  std::string isa;
  MonotonicTime start;
  int lanes = 0;
  int64_t max_photo_bytes = 0;
  int64_t max_in_flight = 0;  // requests
};

// {"server": {version, onednn, isa, ready, uptime_seconds, lanes},
//  "limits": {max_photo_bytes, max_in_flight},
//  "models": [{name, version, state, ...}, ...]}, ordered as in ModelRegistry::List.
// A model that failed has its "reason"; one that is ready has its network (title, architecture,
// width, form), where the weights' names come from (key_style), "random_weights", "task", "classes"
// of a classifier, "labels", "input", "batching", "weight_bytes" and "arena_bytes" a lane; and what
// the scheduler expects now: "costs" [{batch_size, ms}, ...] by size, and "predicted_wait_ms" of a
// request without a deadline.
std::string ServerStatus(const ServerFacts& facts, const engine::ModelRegistry& registry,
                         bool ready, MonotonicTime now);

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_SERVER_STATUS_H_
