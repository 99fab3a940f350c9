// CPU time: of this process, and of the server as its metrics tell it.
#ifndef SISKIN_LOADTEST_CPU_H_
#define SISKIN_LOADTEST_CPU_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace siskin::loadtest {

// User and system time of this process, in seconds.
double ClientCpuSeconds();

// process_cpu_seconds_total of http://`admin`/metrics. UNAVAILABLE if nothing answers there.
absl::StatusOr<double> ServerCpuSeconds(const std::string& admin);

// The value of the unlabelled sample `name` in Prometheus text; NOT_FOUND without it.
absl::StatusOr<double> FindSample(absl::string_view text, absl::string_view name);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_CPU_H_
