// What `siskin bench` measures of a plan: how fast it runs, on which machine, and how far its
// answers are from recorded ones.
#ifndef SISKIN_SERVER_CLI_LOCAL_MEASUREMENT_H_
#define SISKIN_SERVER_CLI_LOCAL_MEASUREMENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "ops/plan.h"

namespace siskin::cli {

struct BenchResult {
  int batch = 0;
  int lanes = 0;
  std::vector<absl::Duration> runs;  // of the whole batch, sorted: of all lanes, at least one each
  double images_per_second = 0;      // of all lanes; the time to fill the input is not counted
  absl::Duration median;             // of one run
  absl::Duration p99;
};

// Times runs of `plan` on pinned lanes, as in the server: each warms up, then runs it in its own
// workspace for `duration`. Lane i is pinned to cpus[i % size]; empty: not pinned.
// REQUIRES: lanes >= 1.
absl::StatusOr<BenchResult> RunBench(const std::shared_ptr<const ops::Plan>& plan, int lanes,
                                     absl::Duration duration, const std::vector<int>& cpus);

// The smallest of `sorted` that is not below a fraction of at least `quantile` of them (nearest
// rank). REQUIRES: not empty, 0 < quantile <= 1.
absl::Duration Quantile(const std::vector<absl::Duration>& sorted, double quantile);

// The machine a measurement was made on.
struct Machine {
  std::string cpu;     // "AMD EPYC 9R45", or "unknown"
  std::string isa;     // what oneDNN dispatches to
  std::string onednn;  // its version
  int cores = 0;       // that this process may use
};

Machine DescribeMachine();

// The first "model name" of /proc/cpuinfo text; "unknown" if there is none.
std::string CpuModelName(const std::string& cpuinfo);

// Largest error the project accepts, relative to the largest expected value.
inline constexpr double kMaxRelativeError = 1e-4;

// Inputs and the outputs they must give, of a safetensors file: tensors "input" [n, 3, height,
// width] and "logits" [n, classes] or, of a face detector, "scores" [n, anchors, 1] and "boxes"
// [n, anchors, numbers].
struct Golden {
  int images = 0;
  std::vector<int64_t> input_shape;  // without n
  std::vector<float> input;
  std::vector<float> outputs;  // image by image; of a detector its scores, then its boxes

  int64_t outputs_per_image() const { return static_cast<int64_t>(outputs.size()) / images; }
};

absl::StatusOr<Golden> ReadGolden(const std::string& path);

// Runs every image of `golden` through `plan`; the last batch is filled up with the first images.
// Returns max|actual - expected| / max|expected|.
// INVALID_ARGUMENT if the shapes are not the plan's.
absl::StatusOr<double> MaxRelativeError(const Golden& golden, const ops::Plan& plan);

// max|actual - expected| / max|expected|; infinite as soon as one value is not finite.
// REQUIRES: equal sizes.
double MaxRelativeError(absl::Span<const float> actual, absl::Span<const float> expected);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_MEASUREMENT_H_
