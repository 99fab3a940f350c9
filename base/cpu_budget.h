// How many cores this process may use: the smaller of its affinity mask and its cgroup quota.
#ifndef SISKIN_BASE_CPU_BUDGET_H_
#define SISKIN_BASE_CPU_BUDGET_H_

#include <string>
#include <vector>

namespace siskin {

struct CpuBudget {
  std::vector<int> cpus;  // the affinity mask, ascending; empty if the kernel does not tell
  double quota = 0;       // cores by cgroup v2 cpu.max or v1 cfs quota; 0: unlimited
  // Lanes that fit: the number of cpus, or the quota rounded down, but at least one.
  int lanes() const;
};

// The quota is the smallest one on the way from the process's own cgroup up to the root of the
// mount; a file that is missing or malformed does not limit.
// `root` is where /proc and /sys/fs/cgroup are found: "" in production, a folder in tests. The
// affinity mask is always this process's.
CpuBudget DetectCpuBudget(const std::string& root = "");

}  // namespace siskin

#endif  // SISKIN_BASE_CPU_BUDGET_H_
