#include "server/metrics/process_stats.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace siskin::metrics {
namespace {

double Now(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::optional<double> CpuSeconds() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
  const auto seconds = [](const timeval& t) { return t.tv_sec + t.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void ReadMemory(ProcessStats& stats) {
  std::ifstream statm("/proc/self/statm");
  int64_t total_pages = 0;
  int64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  stats.virtual_memory_bytes = static_cast<double>(total_pages) * page;
  stats.resident_memory_bytes = static_cast<double>(resident_pages) * page;
}

std::optional<double> OpenFds() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  int count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error) return std::nullopt;
  return count - 1;  // without the one that lists them
}

std::optional<double> MaxFds() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

// A number of /proc/self/stat, counted from 1 as in proc(5). REQUIRES: field > 2, the name.
std::optional<double> StatField(int field) {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  if (!std::getline(stat, line, '\0')) return std::nullopt;
  // The name is in brackets and may hold spaces and brackets itself.
  size_t at = line.rfind(')');
  for (int skipped = 2; skipped < field; ++skipped) {
    if (at == std::string::npos) return std::nullopt;
    at = line.find(' ', at + 1);
  }
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(line.c_str() + at, nullptr);
}

std::optional<double> StartTimeSeconds() {
  const std::optional<double> age = ProcessAgeSeconds();
  if (!age.has_value()) return std::nullopt;
  return Now(CLOCK_REALTIME) - *age;
}

}  // namespace

ProcessStats ReadProcessStats() {
  constexpr int kNumThreads = 20;
  static const std::optional<double> start_time = StartTimeSeconds();
  ProcessStats stats = {.cpu_seconds = CpuSeconds(),
                        .open_fds = OpenFds(),
                        .max_fds = MaxFds(),
                        .threads = StatField(kNumThreads),
                        .start_time_seconds = start_time};
  ReadMemory(stats);
  return stats;
}

std::optional<double> ProcessAgeSeconds() {
  constexpr int kStartTime = 22;  // in ticks since the machine's boot
  const std::optional<double> start = StatField(kStartTime);
  if (!start.has_value()) return std::nullopt;
  return Now(CLOCK_BOOTTIME) - *start / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace siskin::metrics
