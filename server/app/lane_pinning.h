// Which cpus the lanes are kept on.
//
// A pinned lane keeps its caches, but cannot go round whatever else runs on its cpu. Where that was
// measured it brought nothing and cost much: on two cores of a Zen 5, beside a process that took
// one of them for 0.3 s at a time, p99 was 272 ms pinned and 22 ms not; without it, p50 was 4 ms
// either way (loadtest/neighbour.py). So lanes are pinned only if that is wished.
#ifndef SISKIN_SERVER_APP_LANE_PINNING_H_
#define SISKIN_SERVER_APP_LANE_PINNING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cpu_budget.h"

namespace siskin::app {

enum class Pinning { kAuto, kOn, kOff };  // kAuto: where it is known to help, which is nowhere yet

struct LanePinning {
  std::vector<int> cpus;  // lane i is kept on cpus[i % size]; empty: on none
  std::string reason;     // for the log: "pinned, as told"
};

// INVALID_ARGUMENT: kOn, with more lanes than cpus, which would share some of them while the kernel
// could do better. FAILED_PRECONDITION: kOn, and the kernel does not tell which cpus there are.
absl::StatusOr<LanePinning> PinLanes(Pinning pinning, const CpuBudget& budget, int lanes);

}  // namespace siskin::app

#endif  // SISKIN_SERVER_APP_LANE_PINNING_H_
