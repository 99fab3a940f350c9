// What the kernel knows about this process, as the usual process_* metrics want it.
#ifndef SISKIN_SERVER_METRICS_PROCESS_STATS_H_
#define SISKIN_SERVER_METRICS_PROCESS_STATS_H_

#include <optional>

namespace siskin::metrics {

// Unset: the kernel does not tell (no /proc, or no limit).
struct ProcessStats {
  std::optional<double> cpu_seconds;  // user and system
  std::optional<double> resident_memory_bytes;
  std::optional<double> virtual_memory_bytes;
  std::optional<double> open_fds;
  std::optional<double> max_fds;
  std::optional<double> threads;
  std::optional<double> start_time_seconds;  // since the Unix epoch; the same at every call
};

ProcessStats ReadProcessStats();

// How long this process has existed, to the hundredth of a second; unset if the kernel does not
// tell.
std::optional<double> ProcessAgeSeconds();

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_PROCESS_STATS_H_
