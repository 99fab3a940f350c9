#include "server/cli/golden_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ops/checkpoint.h"

namespace siskin::cli {
namespace {

struct GoldenTensor {
  std::vector<int64_t> shape;
  ops::TensorData data;

  absl::Span<const float> Image(int image) const {
    const size_t size = data.values().size() / shape.front();
    return data.values().subspan(image * size, size);
  }
};

absl::StatusOr<GoldenTensor> ReadTensor(const ops::Checkpoint& file, const std::string& key,
                                        size_t rank) {
  const auto found = file.tensors().find(key);
  if (found == file.tensors().end()) {
    return absl::NotFoundError(absl::StrCat(
        file.name(), ": no tensor '", key,
        "'; a check file holds 'input' [n, 3, height, width] and 'logits' [n, classes] or, of a "
        "face detector, 'scores' [n, anchors, 1] and 'boxes' [n, anchors, numbers]"));
  }
  const std::vector<int64_t>& shape = found->second.shape;
  if (shape.size() != rank || shape.front() < 1) {
    return absl::InvalidArgumentError(absl::StrCat(file.name(), ": tensor '", key, "' has shape [",
                                                   absl::StrJoin(shape, ", "), "], expected ", rank,
                                                   " dimensions and at least one image"));
  }
  SISKIN_ASSIGN_OR_RETURN(ops::TensorData data, file.Read(key));
  return GoldenTensor{shape, std::move(data)};
}

absl::StatusOr<std::vector<GoldenTensor>> ReadOutputs(const ops::Checkpoint& file) {
  std::vector<GoldenTensor> outputs;
  if (file.Contains("scores")) {
    SISKIN_ASSIGN_OR_RETURN(GoldenTensor scores, ReadTensor(file, "scores", 3));
    SISKIN_ASSIGN_OR_RETURN(GoldenTensor boxes, ReadTensor(file, "boxes", 3));
    outputs = {std::move(scores), std::move(boxes)};
  } else {
    SISKIN_ASSIGN_OR_RETURN(GoldenTensor logits, ReadTensor(file, "logits", 2));
    outputs = {std::move(logits)};
  }
  return outputs;
}

absl::Status CheckShapes(const Golden& golden, const ops::Plan& plan) {
  const ops::Shape& in = plan.input_shape();
  const std::vector<int64_t> input = {in.channels, in.height, in.width};
  const int64_t outputs = plan.output_shape().elements();
  if (golden.input_shape == input && golden.outputs_per_image() == outputs) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the check file is for another model: it maps [",
                   absl::StrJoin(golden.input_shape, ", "), "] to ", golden.outputs_per_image(),
                   " values, the model maps [", absl::StrJoin(input, ", "), "] to ", outputs));
}

}  // namespace

absl::StatusOr<Golden> ReadGolden(const std::string& path) {
  SISKIN_ASSIGN_OR_RETURN(const ops::Checkpoint file, ops::Checkpoint::Open(path));
  SISKIN_ASSIGN_OR_RETURN(const GoldenTensor input, ReadTensor(file, "input", 4));
  SISKIN_ASSIGN_OR_RETURN(const std::vector<GoldenTensor> outputs, ReadOutputs(file));
  for (const GoldenTensor& output : outputs) {
    if (output.shape.front() == input.shape.front()) continue;
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", input.shape.front(), " inputs but ",
                                                   output.shape.front(), " rows of outputs"));
  }
  Golden golden;
  golden.images = static_cast<int>(input.shape.front());
  golden.input_shape.assign(input.shape.begin() + 1, input.shape.end());
  golden.input.assign(input.data.values().begin(), input.data.values().end());
  for (int image = 0; image < golden.images; ++image) {
    for (const GoldenTensor& output : outputs) {
      const auto row = output.Image(image);
      golden.outputs.insert(golden.outputs.end(), row.begin(), row.end());
    }
  }
  return golden;
}

double MaxRelativeError(absl::Span<const float> actual, absl::Span<const float> expected) {
  double error = 0;
  double largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(double{actual[i]} - double{expected[i]});
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    error = std::max(error, difference);
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  if (error == 0) return 0;
  return largest == 0 ? std::numeric_limits<double>::infinity() : error / largest;
}

absl::StatusOr<double> MaxRelativeError(const Golden& golden, const ops::Plan& plan) {
  SISKIN_RETURN_IF_ERROR(CheckShapes(golden, plan));
  ops::Arena arena(plan.arena_bytes());
  SISKIN_ASSIGN_OR_RETURN(const auto workspace, plan.MakeWorkspace(arena.bytes()));
  const size_t in = plan.input_shape().elements();
  const size_t out = plan.output_shape().elements();
  const int batch = plan.batch_size();
  std::vector<float> actual;
  std::vector<float> expected;
  for (int first = 0; first < golden.images; first += batch) {
    for (int slot = 0; slot < batch; ++slot) {
      const size_t image = (first + slot) % golden.images;
      std::copy_n(golden.input.begin() + image * in, in, workspace->input().begin() + slot * in);
      expected.insert(expected.end(), golden.outputs.begin() + image * out,
                      golden.outputs.begin() + (image + 1) * out);
    }
    SISKIN_RETURN_IF_ERROR(plan.Run(*workspace));
    actual.insert(actual.end(), workspace->output().begin(), workspace->output().end());
  }
  return MaxRelativeError(actual, expected);
}

}  // namespace siskin::cli
