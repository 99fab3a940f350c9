// From a checkpoint to a bound network: which variant it is, which key style it uses, what input it
// expects.
#ifndef SISKIN_MODELS_MODEL_LOADER_H_
#define SISKIN_MODELS_MODEL_LOADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/dilation_pattern.h"
#include "models/input_contract.h"
#include "models/model_spec.h"
#include "ops/checkpoint.h"
#include "ops/graph.h"

namespace siskin::models {

// What a user may state about a model; whatever is unset comes from the checkpoint's metadata, then
// from its shapes, then from the key style's defaults.
struct LoadRequest {
  // Or a variant's name. Empty: metadata "architecture", then `name_hint`.
  std::string architecture;
  std::string name_hint;  // the folder's name
  std::string key_style;
  std::optional<std::string> form;
  std::optional<double> width;
  std::optional<int> resolution;
  std::optional<int> classes;
  std::optional<ops::PaddingRule> padding;
  std::optional<double> batch_norm_epsilon;
  std::vector<DilationPattern> dilation_patterns;  // see BuildOptions
  std::optional<std::string> input_preset;
  // Set fields replace those of the preset or the metadata.
  struct InputOverrides {
    std::optional<ResizeRule> rule;
    std::optional<int> resize_to;
    std::optional<double> crop_fraction;
    std::optional<Interpolation> interpolation;
    std::optional<ColorOrder> color_order;
    std::optional<std::array<float, 3>> mean;
    std::optional<std::array<float, 3>> std;
  } input;
};

// A network ready to be compiled.
struct BoundModel {
  const ModelSpec* spec = nullptr;
  std::string key_style;
  BuildOptions options;
  InputContract input;
  ops::Graph graph;             // bound, not yet optimised
  bool random_weights = false;  // true: the answers mean nothing
};

// Tries every published width, form and key style of the architecture (or the ones stated) and
// binds the one whose keys and shapes all match. The metadata keys "architecture", "padding"
// ("symmetric" or "tf_same"), "input_size" ("224x224"), "input_mean", "input_std" ("128,128,128"),
// "color_order" and "classes" are honoured; a value that does not parse is an error, an unknown key
// is not. INVALID_ARGUMENT: no match; says what differs from the closest candidate, and its name.
absl::StatusOr<BoundModel> LoadModel(const ops::Checkpoint& checkpoint, const LoadRequest& request);

// The same without a checkpoint: random weights from `seed`. For trying the server out.
inline constexpr uint64_t kRandomWeightsSeed = 1;
absl::StatusOr<BoundModel> RandomModel(const LoadRequest& request,
                                       uint64_t seed = kRandomWeightsSeed);

// INVALID_ARGUMENT if there are labels, but not one per class of a classifier.
absl::Status CheckLabels(const BoundModel& model, const std::vector<std::string>& labels);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_MODEL_LOADER_H_
