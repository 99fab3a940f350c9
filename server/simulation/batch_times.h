// What a lane at full speed takes for batches: the times that were measured, to draw from.
#ifndef SISKIN_SERVER_SIMULATION_BATCH_TIMES_H_
#define SISKIN_SERVER_SIMULATION_BATCH_TIMES_H_

#include <vector>

#include "absl/time/time.h"
#include "server/batching/cost_model.h"
#include "server/simulation/random.h"
#include "server/simulation/virtual_time.h"

namespace siskin::simulation {

// Runs of the plan of a batch size.
struct MeasuredPlan {
  int batch_size = 1;
  std::vector<absl::Duration> runs;  // in any order
};

// Thread-safe once made.
class BatchTimes {
 public:
  BatchTimes() = default;
  // In any order. REQUIRES: sizes are distinct, one of them is 1, each has runs, all are positive.
  explicit BatchTimes(std::vector<MeasuredPlan> plans);
  // Batches always take the same. REQUIRES: as above.
  explicit BatchTimes(const std::vector<batching::BatchCost>& costs);

  // By ascending size; runs are sorted.
  const std::vector<MeasuredPlan>& plans() const { return plans_; }
  // What a server would know: the median of each size, by ascending size.
  std::vector<batching::BatchCost> Costs() const;

  // The largest plan that `images` fill. REQUIRES: images >= 1.
  int PlanFor(int images) const;
  // Of the plan of this size, on average.
  Nanoseconds Mean(int batch_size) const;
  // One of the times that were measured for it, each as likely as any other.
  Nanoseconds Draw(int batch_size, Random& random) const;
  // Images a nanosecond, of one lane, in batches of the best of at most `limit`.
  double Rate(int limit) const;

 private:
  const MeasuredPlan& Find(int batch_size) const;

  std::vector<MeasuredPlan> plans_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_BATCH_TIMES_H_
