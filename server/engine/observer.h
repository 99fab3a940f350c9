// What the engine reports about itself; implemented by server/metrics. Calls come from lane
// threads, must be cheap and must not block.
#ifndef SISKIN_SERVER_ENGINE_OBSERVER_H_
#define SISKIN_SERVER_ENGINE_OBSERVER_H_

#include "absl/time/time.h"
#include "server/batching/batch_policy.h"

namespace siskin::engine {

class LoadedModel;

class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  // After each executed batch.
  virtual void OnBatch(const LoadedModel& model, int size, batching::CloseReason reason,
                       absl::Duration compute) = 0;
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_OBSERVER_H_
