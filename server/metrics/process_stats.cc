#include "server/metrics/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace siskin::metrics {
namespace {

std::optional<double> CpuSeconds() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
  const auto seconds = [](const timeval& t) { return t.tv_sec + t.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::optional<double> ResidentMemoryBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total_pages = 0;
  int64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return std::nullopt;
  return static_cast<double>(resident_pages) * sysconf(_SC_PAGESIZE);
}

std::optional<double> OpenFds() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  int count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error) return std::nullopt;
  return count - 1;  // without the one that lists them
}

std::optional<double> BootTimeSeconds() {
  std::ifstream stat("/proc/stat");
  for (std::string word; stat >> word;) {
    double value = 0;
    if (word == "btime" && stat >> value) return value;
  }
  return std::nullopt;
}

std::optional<double> StartTimeSeconds() {
  const std::optional<double> boot = BootTimeSeconds();
  std::ifstream stat("/proc/self/stat");
  std::string line;
  // The second field is the program's name in brackets and may hold spaces and brackets itself.
  if (!boot.has_value() || !std::getline(stat, line, '\0')) return std::nullopt;
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  constexpr int kFieldsBetweenNameAndStartTime = 19;  // proc(5): starttime is field 22
  size_t at = name_end + 1;
  for (int field = 0; field < kFieldsBetweenNameAndStartTime; ++field) {
    at = line.find(' ', at + 1);
    if (at == std::string::npos) return std::nullopt;
  }
  const double ticks = std::strtod(line.c_str() + at, nullptr);
  return *boot + ticks / sysconf(_SC_CLK_TCK);
}

}  // namespace

ProcessStats ReadProcessStats() {
  static const std::optional<double> start_time = StartTimeSeconds();
  return {.cpu_seconds = CpuSeconds(),
          .resident_memory_bytes = ResidentMemoryBytes(),
          .open_fds = OpenFds(),
          .start_time_seconds = start_time};
}

}  // namespace siskin::metrics
