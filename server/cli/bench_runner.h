// Runs a plan on pinned lanes, as the server does, and times every run.
#ifndef SISKIN_SERVER_CLI_BENCH_RUNNER_H_
#define SISKIN_SERVER_CLI_BENCH_RUNNER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ops/plan.h"

namespace siskin::cli {

struct BenchResult {
  int batch = 0;
  int lanes = 0;
  int runs = 0;                  // of all lanes, at least one each
  double images_per_second = 0;  // of all lanes; the time to fill the input is not counted
  absl::Duration median;         // of one run of the whole batch
  absl::Duration p99;
};

// Each lane warms up, then runs `plan` in its own workspace for `duration`. Lane i is pinned to
// cpus[i % size]; empty: not pinned. REQUIRES: lanes >= 1.
absl::StatusOr<BenchResult> RunBench(const std::shared_ptr<const ops::Plan>& plan, int lanes,
                                     absl::Duration duration, const std::vector<int>& cpus);

// The smallest of `sorted` that is not below a fraction of at least `quantile` of them (nearest
// rank). REQUIRES: not empty, 0 < quantile <= 1.
absl::Duration Quantile(const std::vector<absl::Duration>& sorted, double quantile);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_BENCH_RUNNER_H_
