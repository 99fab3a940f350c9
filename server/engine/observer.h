// What the lanes and their tasks report; implemented by server/metrics. Calls come from lane
// threads, must be cheap and must not block.
#ifndef SISKIN_SERVER_ENGINE_OBSERVER_H_
#define SISKIN_SERVER_ENGINE_OBSERVER_H_

#include "absl/time/time.h"
#include "base/rejection.h"
#include "server/batching/batch_policy.h"

namespace siskin::engine {

class LoadedModel;

class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  // After each executed batch.
  virtual void OnBatch(const LoadedModel& model, int size, batching::CloseReason reason,
                       absl::Duration compute) = 0;
  // After each batch that a lane took, executed or not: how long it had the lane, from decoding to
  // the last answer. Lanes count from 0.
  virtual void OnLaneBusy(int lane, absl::Duration busy) = 0;
  // An image left its queue before anything was computed for it, since its deadline had passed
  // (kDeadline) or its call was cancelled (kCancelled).
  virtual void OnSkipped(const LoadedModel& model, Rejection reason) = 0;
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_OBSERVER_H_
