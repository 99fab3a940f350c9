#include "server/metrics/system_families.h"

#include <optional>
#include <utility>

#include "server/metrics/cgroup_stats.h"
#include "server/metrics/process_stats.h"

namespace siskin::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;

void Append(Families& families, const char* name, const char* help, MetricType type,
            std::optional<double> value) {
  if (value.has_value()) families.push_back(SingleValue(name, help, type, *value));
}

void AppendProcess(Families& families) {
  const ProcessStats stats = ReadProcessStats();
  Append(families, "process_cpu_seconds_total", "User and system CPU time spent.",
         MetricType::Counter, stats.cpu_seconds);
  Append(families, "process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
         stats.resident_memory_bytes);
  Append(families, "process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge,
         stats.virtual_memory_bytes);
  Append(families, "process_open_fds", "Open file descriptors.", MetricType::Gauge, stats.open_fds);
  Append(families, "process_max_fds", "Most file descriptors that may be open.", MetricType::Gauge,
         stats.max_fds);
  Append(families, "process_threads", "Threads.", MetricType::Gauge, stats.threads);
  Append(families, "process_start_time_seconds", "Start of the process since the Unix epoch.",
         MetricType::Gauge, stats.start_time_seconds);
}

void AppendCgroup(Families& families, const std::string& root) {
  const CgroupStats stats = ReadCgroupStats(root);
  if (stats.throttling.has_value()) {
    Append(families, "siskin_cgroup_cpu_periods_total",
           "Periods of the control group's CPU quota in which something ran.", MetricType::Counter,
           stats.throttling->periods);
    Append(families, "siskin_cgroup_cpu_throttled_periods_total",
           "Periods in which the CPU quota ran out.", MetricType::Counter,
           stats.throttling->throttled_periods);
    Append(families, "siskin_cgroup_cpu_throttled_seconds_total",
           "Time that threads were stopped for want of CPU quota.", MetricType::Counter,
           stats.throttling->throttled_seconds);
  }
  Append(families, "siskin_cgroup_cpu_quota_cores", "CPU quota of the control group, in cores.",
         MetricType::Gauge, stats.cpu_quota_cores);
  Append(families, "siskin_cgroup_memory_usage_bytes",
         "Memory accounted to the control group, page cache included.", MetricType::Gauge,
         stats.memory_usage_bytes);
  Append(families, "siskin_cgroup_memory_limit_bytes", "Memory limit of the control group.",
         MetricType::Gauge, stats.memory_limit_bytes);
}

void AppendPressure(Families& families, const std::string& root) {
  MetricFamily family{"siskin_pressure_stalled_seconds_total",
                      "Time in which some or all tasks stalled for want of a resource.",
                      MetricType::Counter,
                      {}};
  for (const Pressure& pressure : ReadPressure(root)) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label = {{"resource", pressure.resource}, {"severity", pressure.severity}};
    metric.counter.value = pressure.stalled_seconds;
  }
  if (!family.metric.empty()) families.push_back(std::move(family));
}

}  // namespace

MetricFamily SingleValue(std::string name, std::string help, MetricType type, double value) {
  MetricFamily family{std::move(name), std::move(help), type, {}};
  family.metric.emplace_back();
  family.metric.back().counter.value = value;  // only the one of `type` is read
  family.metric.back().gauge.value = value;
  return family;
}

void AppendSystemFamilies(Families& families, const std::string& root) {
  AppendProcess(families);
  AppendCgroup(families, root);
  AppendPressure(families, root);
}

}  // namespace siskin::metrics
