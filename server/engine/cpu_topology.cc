#include "server/engine/cpu_topology.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace siskin::engine {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
constexpr int kMaxCpus = 1 << 16;

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "max", "-1", zero and whatever is no number mean: no limit.
double Cores(absl::string_view quota, absl::string_view period) {
  int64_t quota_us = 0, period_us = 0;
  if (!absl::SimpleAtoi(quota, &quota_us) || !absl::SimpleAtoi(period, &period_us)) {
    return kUnlimited;
  }
  if (quota_us <= 0 || period_us <= 0) return kUnlimited;
  return static_cast<double>(quota_us) / static_cast<double>(period_us);
}

double QuotaV2(const std::string& folder) {
  const std::vector<std::string> words =
      absl::StrSplit(FirstLine(folder + "/cpu.max"), ' ', absl::SkipWhitespace());
  return words.size() == 2 ? Cores(words[0], words[1]) : kUnlimited;
}

double QuotaV1(const std::string& folder) {
  return Cores(FirstLine(folder + "/cpu.cfs_quota_us"), FirstLine(folder + "/cpu.cfs_period_us"));
}

// The smallest quota of `cgroup` ("/a/b") and everything above it, within `mount`.
double SmallestQuota(const std::string& mount, std::string cgroup,
                     double (*quota_of)(const std::string&)) {
  double smallest = kUnlimited;
  while (true) {
    smallest = std::min(smallest, quota_of(mount + cgroup));
    const size_t slash = cgroup.rfind('/');
    if (slash == std::string::npos) return smallest;
    cgroup.resize(slash);  // "" in the end: the mount itself
  }
}

// In a container without a cgroup namespace the path is the host's and does not exist here; the
// walk up ends at the mount, which is then the container's own group. A path that leaves the
// namespace
// ("/../x") says nothing about what is mounted.
std::string WithinMount(absl::string_view cgroup) {
  return absl::StrContains(cgroup, "..") ? "" : std::string(cgroup);
}

// A line of /proc/self/cgroup: "hierarchy:controllers:path"; v2 is "0::path".
double QuotaOfLine(const std::string& root, absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
  if (fields.size() != 3) return kUnlimited;
  const std::string mounts = root + "/sys/fs/cgroup";
  const std::string cgroup = WithinMount(fields[2]);
  double smallest = kUnlimited;
  if (fields[1].empty()) {
    for (const char* mount : {"", "/unified"}) {  // "/unified" on hosts that mix v1 and v2
      smallest = std::min(smallest, SmallestQuota(mounts + mount, cgroup, QuotaV2));
    }
    return smallest;
  }
  const std::vector<absl::string_view> controllers = absl::StrSplit(fields[1], ',');
  if (std::find(controllers.begin(), controllers.end(), "cpu") == controllers.end()) {
    return kUnlimited;
  }
  for (const absl::string_view mount : {absl::string_view("cpu"), fields[1]}) {  // "cpu,cpuacct"
    smallest = std::min(smallest, SmallestQuota(absl::StrCat(mounts, "/", mount), cgroup, QuotaV1));
  }
  return smallest;
}

double DetectQuota(const std::string& root) {
  std::ifstream cgroups(root + "/proc/self/cgroup");
  double smallest = kUnlimited;
  std::string line;
  while (std::getline(cgroups, line)) smallest = std::min(smallest, QuotaOfLine(root, line));
  return smallest == kUnlimited ? 0 : smallest;
}

std::vector<int> AffinityMask() {
  std::vector<int> cpus;
  // The kernel refuses a mask that is smaller than its own.
  for (int size = CPU_SETSIZE; size <= kMaxCpus && cpus.empty(); size *= 2) {
    cpu_set_t* mask = CPU_ALLOC(size);
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(size), mask) == 0) {
      for (int cpu = 0; cpu < size; ++cpu) {
        if (CPU_ISSET_S(cpu, CPU_ALLOC_SIZE(size), mask)) cpus.push_back(cpu);
      }
    }
    CPU_FREE(mask);
  }
  return cpus;
}

}  // namespace

int CpuBudget::lanes() const {
  double lanes = cpus.empty() ? 1 : static_cast<double>(cpus.size());
  if (quota > 0) lanes = std::min(lanes, quota);
  return std::max(1, static_cast<int>(lanes));
}

CpuBudget DetectCpuBudget(const std::string& root) { return {AffinityMask(), DetectQuota(root)}; }

}  // namespace siskin::engine
