// What will become of a task that comes to a queue now: when it starts, and whether it and those
// behind it end in time. Pure functions of what the scheduler knows.
//
// The work ahead is poured over the lanes as they become free: own tasks in batches of the size
// that is best under load, those of other models as far as their weights let them in meanwhile.
// Where batches are smaller than that, or a model becomes busy later, it turns out worse
// (docs/reliability.md says by how much).
#ifndef SISKIN_SERVER_BATCHING_FORECAST_H_
#define SISKIN_SERVER_BATCHING_FORECAST_H_

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "server/batching/cost_model.h"
#include "server/batching/task.h"

namespace siskin::batching {

// Another model whose tasks wait.
struct Competitor {
  absl::Duration backlog;
  absl::Duration batch;  // a single one
  double weight = 1;     // its own, divided by that of the queue that is looked at
};

// What a task finds before it in its queue.
struct WorkAhead {
  int64_t tasks = 0;
  absl::Duration prepare;        // of all of them
  absl::Duration prepare_batch;  // of those that may be in one batch with it, and its own
};

// What comes of tasks that arrive.
struct Outcome {
  absl::Duration wait;         // until the last of them starts
  absl::Duration late;         // how long after its deadline that ends; negative: before it
  absl::Duration others_late;  // of those behind in the same level, which would be in time
                               // otherwise: the latest
};

class Forecast {
 public:
  // `costs` and the spans outlive the object. `best`: costs.BestBatchSize under the queue's limit.
  // `free_in`: how long each lane that counts is still busy, ascending. REQUIRES: at least one.
  Forecast(const CostModel& costs, int best, absl::Span<const absl::Duration> free_in,
           absl::Span<const Competitor> competitors)
      : costs_(costs), best_(best), free_in_(free_in), competitors_(competitors) {}

  // Until a task starts, and until it ends.
  absl::Duration Wait(const WorkAhead& ahead) const;
  absl::Duration End(const WorkAhead& ahead) const;

  using Tasks = absl::Span<const std::unique_ptr<Task>>;
  // If `arriving` (at least one) came to `position` of `waiting` at `now`.
  Outcome OutcomeOf(Tasks arriving, Tasks waiting, size_t position, MonotonicTime now) const;

 private:
  const CostModel& costs_;
  const int best_;
  const absl::Span<const absl::Duration> free_in_;
  const absl::Span<const Competitor> competitors_;
};

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_FORECAST_H_
