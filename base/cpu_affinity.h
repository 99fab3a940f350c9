// Which cpus threads may run on.
#ifndef SISKIN_BASE_CPU_AFFINITY_H_
#define SISKIN_BASE_CPU_AFFINITY_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace siskin {

// The cpus that the calling thread may run on, ascending; empty if the kernel does not tell.
std::vector<int> AffinityMask();

// Keeps the calling thread, and the threads it starts from now on, on `cpus`. FAILED_PRECONDITION:
// this process may use none of them. REQUIRES: not empty, each at least 0.
absl::Status PinThisThread(absl::Span<const int> cpus);

}  // namespace siskin

#endif  // SISKIN_BASE_CPU_AFFINITY_H_
