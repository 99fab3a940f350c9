#include "server/engine/loaded_model.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/face_decoder.h"
#include "ops/rewrite.h"
#include "server/batching/batch_policy.h"

namespace siskin::engine {
namespace {

absl::Status CheckOptions(const LoadedModel::Options& options, const models::BoundModel& model) {
  if (options.name.empty()) return absl::InvalidArgumentError("a model needs a name");
  SISKIN_RETURN_IF_ERROR(batching::CheckBatchSize(options.max_batch_size));
  return models::CheckLabels(model, options.labels);
}

// The decoder relies on it.
absl::Status CheckAnchors(const models::BoundModel& model) {
  if (model.spec->output != models::OutputKind::kFaceDetection) return absl::OkStatus();
  const size_t anchors = models::MakeAnchors(model.spec->faces, model.input.width).size();
  const size_t expected = anchors * (1 + models::kBoxNumbers);
  const auto outputs = static_cast<size_t>(model.graph.output_shape().channels);
  if (outputs == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(model.spec->architecture, " has ", outputs, " outputs at ", model.input.width,
                   " pixels, but its ", anchors, " anchors need ", expected));
}

}  // namespace

LoadedModel::LoadedModel(models::BoundModel model, Options options)
    : model_(std::move(model)), options_(std::move(options)), weights_(ops::MakePackedWeights()) {}

absl::StatusOr<std::shared_ptr<const LoadedModel>> LoadedModel::Compile(models::BoundModel model,
                                                                        Options options) {
  SISKIN_RETURN_IF_ERROR(model.graph.Validate());
  SISKIN_RETURN_IF_ERROR(CheckOptions(options, model));
  SISKIN_RETURN_IF_ERROR(CheckAnchors(model));
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph optimized, ops::Optimize(model.graph));
  // The plans have their own copies; the file's values are let go.
  for (ops::Parameter& parameter : model.graph.parameters) parameter.data = {};

  std::shared_ptr<LoadedModel> loaded(new LoadedModel(std::move(model), std::move(options)));
  unsigned batch_size = std::bit_floor(static_cast<unsigned>(loaded->max_batch_size()));
  for (; batch_size >= 1; batch_size /= 2) {
    const ops::PlanOptions plan_options = {.batch_size = static_cast<int>(batch_size)};
    SISKIN_ASSIGN_OR_RETURN(auto plan,
                            ops::Plan::Compile(optimized, plan_options, loaded->weights_));
    loaded->plans_.push_back(std::move(plan));
  }
  return loaded;
}

size_t LoadedModel::arena_bytes() const {
  size_t largest = 0;
  for (const auto& plan : plans_) largest = std::max(largest, plan->arena_bytes());
  return largest;
}

int64_t LoadedModel::weight_bytes() const { return ops::PackedBytes(*weights_); }

}  // namespace siskin::engine
