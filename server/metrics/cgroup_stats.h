// What the kernel accounts to the control group of this process, cgroup v1 and v2: whether the
// container is too small.
#ifndef SISKIN_SERVER_METRICS_CGROUP_STATS_H_
#define SISKIN_SERVER_METRICS_CGROUP_STATS_H_

#include <optional>
#include <string>
#include <vector>

namespace siskin::metrics {

struct CpuThrottling {
  double periods = 0;            // enforcement periods in which something ran
  double throttled_periods = 0;  // those in which the quota ran out
  double throttled_seconds = 0;
};

// Unset: there is no such file, or no limit.
struct CgroupStats {
  std::optional<CpuThrottling> throttling;
  std::optional<double> cpu_quota_cores;  // as the number of lanes follows from it
  std::optional<double> memory_usage_bytes;
  std::optional<double> memory_limit_bytes;  // the smallest up to the root
};

// Time in which tasks could not run for want of a resource.
struct Pressure {
  const char* resource = "";  // "cpu", "memory", "io"
  std::string severity;       // "some" of the tasks stalled, or all: "full"
  double stalled_seconds = 0;
};

// `root` is where /proc and /sys/fs/cgroup are found: "" in production, a folder in tests. The
// values are those of the process's own group, or, where its path does not exist here (a container
// without a cgroup namespace), of the nearest one above it that is mounted.
CgroupStats ReadCgroupStats(const std::string& root = "");

// Of the own group (v2), or else of the machine. Empty where the kernel does not account for it.
std::vector<Pressure> ReadPressure(const std::string& root = "");

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_CGROUP_STATS_H_
