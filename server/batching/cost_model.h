// What a batch costs a lane: L(n), by batch size.
//
// Measured when a model is loaded, then followed: a batch that took longer than expected counts
// much (a neighbour, throttling: from now on more is refused), one that took less counts little. No
// single batch moves an estimate far, so that a lane that lost its core for a moment does not make
// the scheduler refuse what it could do.
//
// What slows down one size slows down the others: the sizes that are not run follow the one that
// is, slowly and by their measured proportion. So a size that looked bad for a while is tried
// again.
//
// Not thread-safe: the scheduler guards it.
#ifndef SISKIN_SERVER_BATCHING_COST_MODEL_H_
#define SISKIN_SERVER_BATCHING_COST_MODEL_H_

#include <algorithm>
#include <vector>

#include "absl/time/time.h"

namespace siskin::batching {

// The estimate of a cost (a duration or seconds) after it was `measured` once more: a rise counts
// in full, but no more than a quarter, a fall by a sixteenth, and by half where the estimate was
// four times too high: that is what is left of another time.
template <typename T>
T FollowCost(T estimate, T measured) {
  constexpr double kLargestRise = 1.25;
  if (measured > estimate) return std::min(measured, estimate * kLargestRise);
  const bool outdated = measured * 4 < estimate;
  return estimate - (estimate - measured) * (outdated ? 1.0 / 2 : 1.0 / 16);
}

// The cost of a batch of a size that runs at once: of a plan.
struct BatchCost {
  int batch_size = 1;
  absl::Duration cost;
};

class CostModel {
 public:
  // Knows nothing: every batch costs nothing, and the largest is the best.
  CostModel() = default;
  // `measured` in any order. REQUIRES: sizes are distinct, one of them is 1, costs are positive.
  explicit CostModel(std::vector<BatchCost> measured);

  bool known() const { return !costs_.empty(); }

  // Of `images` that run as the largest batches that they fill: 7 as 4, 2 and 1.
  absl::Duration Cost(int images) const;
  // Of each of many images, in batches of `batch_size`, which is one of the sizes.
  absl::Duration CostPerImage(int batch_size) const;

  // The smallest size, at most `limit`, that brings as many images a second as any, to 2 %; to 10 %
  // if `shared`: other models are asked at the same time, and wait for what runs.
  int BestBatchSize(int limit, bool shared = false) const;
  // The largest size of at most `images`. REQUIRES: images >= 1.
  int LargestBatchSize(int images) const;

  // A batch of one of the sizes took `took`.
  void Observe(int batch_size, absl::Duration took);

  const std::vector<BatchCost>& costs() const { return costs_; }  // the largest size first

 private:
  std::vector<BatchCost> costs_;
  std::vector<BatchCost> measured_;  // of the same sizes
};

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_COST_MODEL_H_
