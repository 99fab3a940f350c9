// What can be promised where everything is as the scheduler was told: costs are exact and constant,
// no lane is disturbed, no queue is of the fixed policy, nothing is cancelled or removed
// (Scenario::exact).
//
// Proofs are in docs/reliability.md. Times are nanoseconds.
#ifndef SISKIN_TESTS_SIMULATION_GUARANTEES_H_
#define SISKIN_TESTS_SIMULATION_GUARANTEES_H_

#include <vector>

#include "tests/simulation/scenario.h"

namespace siskin::simulation {

class Guarantees {
 public:
  // `scenario` outlives it.
  explicit Guarantees(const Scenario& scenario);

  // Whether tasks start within a time that LatestStart knows.
  bool start() const { return start_; }
  // Whether what is accepted is in time: with one model. Several share the lanes by weight, so that
  // one that becomes busy later takes time away that was promised to another.
  bool in_time() const { return start_ && models_.size() == 1; }

  // When a task starts at the latest whose turn has come and that waits behind `ahead` of its
  // queue, while lanes will be busy for `running` in total. REQUIRES: start().
  Nanoseconds LatestStart(int model, Nanoseconds now, Nanoseconds running, Nanoseconds ahead) const;
  // What a task costs a lane at most, alone or in a batch.
  Nanoseconds MostCost(int model, Nanoseconds prepare) const;
  // By how much an accepted task may miss its deadline. REQUIRES: in_time().
  Nanoseconds AllowedMiss() const { return allowed_miss_; }

 private:
  struct Bounds {
    double weight = 1;
    Nanoseconds per_image = 0;      // in the worst batch
    Nanoseconds largest_batch = 0;  // with its preparation
  };

  const int lanes_;
  bool start_ = false;
  std::vector<Bounds> models_;
  Nanoseconds allowed_miss_ = 0;
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_GUARANTEES_H_
