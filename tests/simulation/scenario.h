// What happens to a scheduler in one simulated run: models, lanes, arrivals and disturbances.
//
// Times are nanoseconds from the start of the run.
#ifndef SISKIN_TESTS_SIMULATION_SCENARIO_H_
#define SISKIN_TESTS_SIMULATION_SCENARIO_H_

#include <cstdint>
#include <vector>

#include "server/simulation/replica.h"
#include "server/simulation/virtual_time.h"

namespace siskin::simulation {

inline constexpr int kMostImages = 6;  // of a request
inline constexpr int kMostBatch = 8;

struct Model : ServedModel {
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
