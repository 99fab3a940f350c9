#include "server/cli/golden_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ops/checkpoint.h"
#include "ops/status_macros.h"

namespace siskin::cli {
namespace {

absl::StatusOr<std::vector<float>> ReadTensor(const ops::Checkpoint& file, const std::string& key,
                                              size_t rank, std::vector<int64_t>& shape) {
  const auto found = file.tensors().find(key);
  if (found == file.tensors().end()) {
    return absl::NotFoundError(absl::StrCat(
        file.name(), ": no tensor '", key,
        "'; a check file holds 'input' [n, 3, height, width] and 'logits' [n, classes]"));
  }
  shape = found->second.shape;
  if (shape.size() != rank || shape.front() < 1) {
    return absl::InvalidArgumentError(absl::StrCat(file.name(), ": tensor '", key, "' has shape [",
                                                   absl::StrJoin(shape, ", "), "], expected ", rank,
                                                   " dimensions and at least one image"));
  }
  SISKIN_ASSIGN_OR_RETURN(const ops::TensorData data, file.Read(key));
  return std::vector<float>(data.values().begin(), data.values().end());
}

absl::Status CheckShapes(const Golden& golden, const ops::Plan& plan) {
  const ops::Shape& in = plan.input_shape();
  const std::vector<int64_t> input = {in.channels, in.height, in.width};
  const std::vector<int64_t> logits = {plan.output_shape().channels};
  if (golden.input_shape == input && golden.logits_shape == logits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the check file is for another model: it maps [", absl::StrJoin(golden.input_shape, ", "),
      "] to [", absl::StrJoin(golden.logits_shape, ", "), "], the model maps [",
      absl::StrJoin(input, ", "), "] to [", absl::StrJoin(logits, ", "), "]"));
}

}  // namespace

absl::StatusOr<Golden> ReadGolden(const std::string& path) {
  SISKIN_ASSIGN_OR_RETURN(const ops::Checkpoint file, ops::Checkpoint::Open(path));
  Golden golden;
  SISKIN_ASSIGN_OR_RETURN(golden.input, ReadTensor(file, "input", 4, golden.input_shape));
  SISKIN_ASSIGN_OR_RETURN(golden.logits, ReadTensor(file, "logits", 2, golden.logits_shape));
  if (golden.input_shape.front() != golden.logits_shape.front()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", golden.input_shape.front(),
                                                   " inputs but ", golden.logits_shape.front(),
                                                   " rows of logits"));
  }
  golden.images = static_cast<int>(golden.input_shape.front());
  golden.input_shape.erase(golden.input_shape.begin());
  golden.logits_shape.erase(golden.logits_shape.begin());
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
      expected.insert(expected.end(), golden.logits.begin() + image * out,
                      golden.logits.begin() + (image + 1) * out);
    }
    SISKIN_RETURN_IF_ERROR(plan.Run(*workspace));
    actual.insert(actual.end(), workspace->output().begin(), workspace->output().end());
  }
  return MaxRelativeError(actual, expected);
}

}  // namespace siskin::cli
