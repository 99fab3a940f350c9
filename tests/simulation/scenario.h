// What happens to a scheduler in one simulated run: models, lanes, arrivals and disturbances.
//
// Times are nanoseconds from the start of the run.
#ifndef SISKIN_TESTS_SIMULATION_SCENARIO_H_
#define SISKIN_TESTS_SIMULATION_SCENARIO_H_

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "server/batching/scheduler.h"

namespace siskin::simulation {

using Nanoseconds = int64_t;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000 * kMillisecond;
inline constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

// The start is some time after the epoch of the clock, so that a deadline may lie before it.
inline MonotonicTime FromStart(Nanoseconds time) {
  if (time == kNever) return MonotonicTime::InfiniteFuture();
  return MonotonicTime::SinceEpoch(absl::Hours(1) + absl::Nanoseconds(time));
}
inline Nanoseconds SinceStart(MonotonicTime time) {  // kNever for InfiniteFuture
  return absl::ToInt64Nanoseconds(time.since_epoch() - absl::Hours(1));
}

inline constexpr int kMostImages = 6;  // of a request
inline constexpr int kMostBatch = 8;

// What a lane at full speed takes for batches.
class CostCurve {
 public:
  CostCurve() = default;
  // REQUIRES: ascending sizes of at most kMostBatch, the first is 1.
  explicit CostCurve(std::vector<batching::BatchCost> costs);

  const std::vector<batching::BatchCost>& costs() const { return costs_; }
  // The largest plan that `images` fill, and what it takes.
  int PlanFor(int images) const { return plan_[images]; }
  Nanoseconds CostOfPlan(int size) const { return cost_[size]; }
  // Images a nanosecond, of one lane, in batches of at most `limit`.
  double Rate(int limit) const;

 private:
  std::vector<batching::BatchCost> costs_;
  std::array<int, kMostBatch + 1> plan_ = {};
  std::array<Nanoseconds, kMostBatch + 1> cost_ = {};
};

struct Model {
  batching::QueueOptions queue;  // with the costs that the scheduler is told
  CostCurve truth;
  Nanoseconds added_at = 0;
  Nanoseconds removed_at = kNever;
};

struct Arrival {
  Nanoseconds time = 0;
  int model = 0;
  int images = 1;
  Nanoseconds deadline = kNever;
  Nanoseconds cancelled_at = kNever;
  Nanoseconds prepare = 0;       // of each image, as the scheduler is told
  Nanoseconds true_prepare = 0;  // and as it is
  uint64_t priority = 0;         // Task::set_priority
  Nanoseconds timeout = kNever;
};

// A lane makes no progress, or progress at a fraction of its speed. Those of a lane do not overlap
// and are ordered.
struct Disturbance {
  int lane = 0;
  Nanoseconds from = 0;
  Nanoseconds to = 0;
  double slowness = 0;  // 3: everything takes three times as long; 0: nothing happens at all
};

// When a lane ends that starts `work` at `start`.
Nanoseconds EndOf(absl::Span<const Disturbance> disturbances, Nanoseconds start, Nanoseconds work);

struct Scenario {
  int lanes = 1;
  std::vector<Model> models;
  std::vector<Arrival> arrivals;  // by time
  std::vector<Disturbance> disturbances;
  Nanoseconds drained_at = kNever;
  // The scheduler is destroyed then, whatever waits or runs.
  Nanoseconds destroyed_at = kNever;
  double jitter = 0;  // plans take up to this part longer, each time
  uint64_t seed = 0;  // of the jitter
  // What the scheduler is told is true and stays so, and nothing is taken back: costs are exact and
  // constant, no lane is disturbed, no request is cancelled, no model removed.
  bool exact = false;
};

// The schedule of a seed: small enough that millions can be run.
Scenario DrawScenario(uint64_t seed);

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_SCENARIO_H_
