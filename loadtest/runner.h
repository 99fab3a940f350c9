// Runs a load: warm-up, measurement, and the end of what is still in flight.
#ifndef SISKIN_LOADTEST_RUNNER_H_
#define SISKIN_LOADTEST_RUNNER_H_

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "loadtest/options.h"
#include "loadtest/payload.h"
#include "loadtest/recorder.h"

namespace siskin::loadtest {

struct RunResult {
  Stats stats;
  double client_cpu_seconds = 0.0;           // while measuring, as the next
  std::optional<double> server_cpu_seconds;  // if options.admin is set
};

// A look at the run, several times a second, on the caller's thread. Returns false to stop it.
// `what`: "warm-up" or "measuring".
using ProgressFn = std::function<bool(absl::string_view what, const Stats& stats)>;

// Blocks until the run is over. An error means that options.admin could not be read; failed
// requests are in the stats.
absl::StatusOr<RunResult> Run(const Options& options,
                              const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                              const std::vector<Payload>& payloads, const ProgressFn& progress);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_RUNNER_H_
