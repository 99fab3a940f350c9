// Longer runs than those of a seed, made by hand: models under a steady load.
#ifndef SISKIN_TESTS_SIMULATION_LOAD_H_
#define SISKIN_TESTS_SIMULATION_LOAD_H_

#include <cstdint>

#include "absl/types/span.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/scenario.h"

namespace siskin::simulation {

// A batch of n takes `single` * (fixed + (1 - fixed) n), which the scheduler knows, for the batch
// sizes 1, 2, 4 and 8.
Model SteadyModel(Nanoseconds single, double fixed);

// Images a nanosecond that all lanes do of `model`, in its best batches.
double Capacity(const Scenario& scenario, int model);

// Poisson arrivals of single images at `load` times the capacity, from the start until `until`,
// each with a deadline `time_left` after it (kNever: none).
void AddLoad(Scenario& scenario, int model, double load, Nanoseconds until, Nanoseconds time_left,
             uint64_t seed);

struct Answers {
  int64_t requests = 0;
  int64_t in_time = 0;
  Nanoseconds p50 = 0;  // latency of those that were answered
  Nanoseconds p99 = 0;
};
struct Window {
  Nanoseconds from = 0;
  Nanoseconds to = kNever;
};
// Of the requests that came to these models in `window`.
Answers AnswersOf(absl::Span<const TaskRecord> tasks, int first_model, int last_model,
                  const Window& window);

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_LOAD_H_
