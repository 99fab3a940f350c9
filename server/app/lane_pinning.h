// Which cpus the lanes are kept on.
//
// A pinned lane keeps its caches, but cannot go round whatever else runs on its cpu. So lanes are
// pinned by default only where they are known to be alone: they take every cpu of the affinity
// mask, and no cgroup quota says that the cpus are shared with others. Servers with fewer lanes
// than cpus would all pin theirs to the same first ones; under a quota the kernel stops lanes for
// the rest of a period, and those that go on may as well move.
#ifndef SISKIN_SERVER_APP_LANE_PINNING_H_
#define SISKIN_SERVER_APP_LANE_PINNING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cpu_budget.h"

namespace siskin::app {

enum class Pinning { kAuto, kOn, kOff };  // kAuto: by the rule above

struct LanePinning {
  std::vector<int> cpus;  // lane i is kept on cpus[i % size]; empty: on none
  std::string reason;     // for the log: "pinned: they take all 4 cpus"
};

// INVALID_ARGUMENT: kOn, with more lanes than cpus, which would share some of them while the kernel
// could do better. FAILED_PRECONDITION: kOn, and the kernel does not tell which cpus there are.
absl::StatusOr<LanePinning> PinLanes(Pinning pinning, const CpuBudget& budget, int lanes);

}  // namespace siskin::app

#endif  // SISKIN_SERVER_APP_LANE_PINNING_H_
