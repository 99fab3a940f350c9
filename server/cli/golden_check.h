// Compares a model's answers with recorded ones.
#ifndef SISKIN_SERVER_CLI_GOLDEN_CHECK_H_
#define SISKIN_SERVER_CLI_GOLDEN_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/plan.h"

namespace siskin::cli {

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

#endif  // SISKIN_SERVER_CLI_GOLDEN_CHECK_H_
