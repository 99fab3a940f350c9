#include "server/metrics/cgroup_stats.h"

#include <cstdint>
#include <fstream>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/cgroup.h"
#include "base/cpu_budget.h"

namespace siskin::metrics {
namespace {

// v1 says so when there is no limit: the largest multiple of a page.
constexpr double kNoLimit = static_cast<double>(int64_t{1} << 62);

std::optional<double> ParseNumber(absl::string_view text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 0) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> ReadNumber(const std::string& path) { return ParseNumber(FirstLine(path)); }

// A file of lines "key number".
std::map<std::string, double> ReadKeyed(const std::string& path) {
  std::map<std::string, double> values;
  std::ifstream file(path);
  std::string key;
  double value = 0;
  while (file >> key >> value) values[key] = value;
  return values;
}

// Groups without the cpu controller have a cpu.stat as well, but no periods.
std::optional<CpuThrottling> ThrottlingOf(const std::string& folder) {
  std::map<std::string, double> stat = ReadKeyed(folder + "/cpu.stat");
  if (!stat.contains("nr_periods")) return std::nullopt;
  // Microseconds in v2, nanoseconds in v1.
  const double seconds = stat["throttled_usec"] * 1e-6 + stat["throttled_time"] * 1e-9;
  return CpuThrottling{stat["nr_periods"], stat["nr_throttled"], seconds};
}

std::optional<CpuThrottling> ReadThrottling(const std::string& root) {
  for (const Cgroup& group : FindCgroups(root, "cpu")) {
    for (const std::string& folder : group.Folders()) {
      if (auto throttling = ThrottlingOf(folder); throttling.has_value()) return throttling;
    }
  }
  return std::nullopt;
}

void ReadMemory(const std::string& root, CgroupStats& stats) {
  double limit = kNoLimit;
  for (const Cgroup& group : FindCgroups(root, "memory")) {
    const char* const usage_file = group.v2 ? "/memory.current" : "/memory.usage_in_bytes";
    const char* const limit_file = group.v2 ? "/memory.max" : "/memory.limit_in_bytes";
    for (const std::string& folder : group.Folders()) {
      if (!stats.memory_usage_bytes.has_value()) {
        stats.memory_usage_bytes = ReadNumber(folder + usage_file);
      }
      limit = std::min(limit, ReadNumber(folder + limit_file).value_or(kNoLimit));
    }
  }
  if (limit < kNoLimit) stats.memory_limit_bytes = limit;
}

// Lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345", the total in microseconds.
bool AppendPressure(const std::string& path, const char* resource, std::vector<Pressure>& all) {
  std::ifstream file(path);
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    absl::string_view total = words.back();
    if (words.size() < 2 || !absl::ConsumePrefix(&total, "total=")) continue;
    const std::optional<double> microseconds = ParseNumber(total);
    if (!microseconds.has_value()) continue;
    all.push_back({resource, std::string(words.front()), *microseconds * 1e-6});
    found = true;
  }
  return found;
}

}  // namespace

CgroupStats ReadCgroupStats(const std::string& root) {
  CgroupStats stats;
  stats.throttling = ReadThrottling(root);
  const double quota = DetectCpuBudget(root).quota;
  if (quota > 0) stats.cpu_quota_cores = quota;
  ReadMemory(root, stats);
  return stats;
}

std::vector<Pressure> ReadPressure(const std::string& root) {
  std::vector<Pressure> all;
  for (const char* const resource : {"cpu", "memory", "io"}) {
    std::vector<std::string> files;
    for (const Cgroup& group : FindCgroups(root, resource)) {
      if (!group.v2) continue;
      for (const std::string& folder : group.Folders()) {
        files.push_back(absl::StrCat(folder, "/", resource, ".pressure"));
      }
    }
    files.push_back(absl::StrCat(root, "/proc/pressure/", resource));
    for (const std::string& file : files) {
      if (AppendPressure(file, resource, all)) break;
    }
  }
  return all;
}

}  // namespace siskin::metrics
