// What happened, over any number of runs.
#ifndef SISKIN_TESTS_SIMULATION_COUNTS_H_
#define SISKIN_TESTS_SIMULATION_COUNTS_H_

#include <array>
#include <cstdint>
#include <ostream>

#include "base/rejection.h"

namespace siskin::simulation {

struct Counts {
  int64_t schedules = 0;
  int64_t disturbed = 0;  // schedules with lanes that stall or slow down
  int64_t cut = 0;  // schedules that are drained, or whose scheduler is destroyed, in the middle
  int64_t models_removed = 0;
  int64_t events = 0;
  int64_t batches = 0;
  int64_t requests = 0;
  // The rest are images.
  int64_t images = 0;
  int64_t accepted = 0;
  int64_t completed = 0;
  int64_t late = 0;    // completed after the deadline
  int64_t trials = 0;  // accepted though they could not be in time, as far as was known
  // All others accepted in exact schedules with the auto policy and with a deadline, and of them
  // those that were not in time: with one model, where that is promised (Guarantees), and with
  // several.
  int64_t promised = 0;
  int64_t broken = 0;  // by no more than is allowed
  int64_t shared = 0;
  int64_t shared_broken = 0;
  int64_t overdue = 0;  // had no deadline and waited until their turn had come
  std::array<int64_t, kAllRejections.size()> refused = {};
  std::array<int64_t, kAllRejections.size()> failed = {};  // after they were accepted

  int64_t failed_for(Rejection reason) const { return failed[static_cast<size_t>(reason)]; }
  void Add(const Counts& other);
};

std::ostream& operator<<(std::ostream& out, const Counts& counts);  // lines

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_COUNTS_H_
