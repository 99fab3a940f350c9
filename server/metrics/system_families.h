// The families that are read from the kernel at scrape time: process_*, siskin_cgroup_*,
// siskin_pressure_*. Internal to this folder.
#ifndef SISKIN_SERVER_METRICS_SYSTEM_FAMILIES_H_
#define SISKIN_SERVER_METRICS_SYSTEM_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace siskin::metrics {

// A family of a single sample without labels.
prometheus::MetricFamily SingleValue(std::string name, std::string help,
                                     prometheus::MetricType type, double value);

// Appends what the kernel tells; the rest is left out. `root` is where /proc and /sys/fs/cgroup are
// found for the cgroup's part: "" in production, a folder in tests.
void AppendSystemFamilies(std::vector<prometheus::MetricFamily>& families,
                          const std::string& root = "");

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_SYSTEM_FAMILIES_H_
