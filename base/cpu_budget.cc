#include "base/cpu_budget.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/cgroup.h"
#include "base/cpu_affinity.h"

namespace siskin {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

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

// The smallest one that holds for this process; 0 if there is none.
double DetectQuota(const std::string& root) {
  double smallest = kUnlimited;
  for (const Cgroup& cgroup : FindCgroups(root, "cpu")) {
    for (const std::string& folder : cgroup.Folders()) {
      smallest = std::min(smallest, cgroup.v2 ? QuotaV2(folder) : QuotaV1(folder));
    }
  }
  return smallest == kUnlimited ? 0 : smallest;
}

}  // namespace

int CpuBudget::lanes() const {
  double lanes = cpus.empty() ? 1 : static_cast<double>(cpus.size());
  if (quota > 0) lanes = std::min(lanes, quota);
  return std::max(1, static_cast<int>(lanes));
}

CpuBudget DetectCpuBudget(const std::string& root) { return {AffinityMask(), DetectQuota(root)}; }

}  // namespace siskin
