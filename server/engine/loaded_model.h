// A model version ready to run: compiled plans, labels, input contract. Immutable, so any lane may
// use it at any time; freed when the last user lets go.
#ifndef SISKIN_SERVER_ENGINE_LOADED_MODEL_H_
#define SISKIN_SERVER_ENGINE_LOADED_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "ops/plan.h"

namespace siskin::engine {

class LoadedModel {
 public:
  struct Options {
    std::string name;
    std::string version = "1";
    std::vector<std::string> labels;  // empty, or one per class of a classifier
    int max_batch_size = 8;           // see batching::CheckBatchSize
  };

  // Optimises `model` and compiles it for batch sizes 1, 2, 4, ... up to max_batch_size.
  // INVALID_ARGUMENT: an option out of range, labels that do not match the classes, or a face
  // detector whose outputs do not match its anchors.
  static absl::StatusOr<std::shared_ptr<const LoadedModel>> Compile(models::BoundModel model,
                                                                    Options options);

  const std::string& name() const { return options_.name; }
  const std::string& version() const { return options_.version; }
  const std::vector<std::string>& labels() const { return options_.labels; }
  int max_batch_size() const { return options_.max_batch_size; }
  const models::ModelSpec& spec() const { return *model_.spec; }
  const models::BuildOptions& build_options() const { return model_.options; }
  const std::string& key_style() const { return model_.key_style; }
  const models::InputContract& input() const { return model_.input; }
  const ops::Graph& graph() const { return model_.graph; }  // before rewrites, values let go
  bool random_weights() const { return model_.random_weights; }
  // Values of an answer, for each OutputSelector.
  int outputs() const { return graph().output_shape().channels; }
  int features() const { return plans_.back()->features_shape().channels; }  // 0: no global pool

  // Plans in descending batch size, the last one for a single image. A batch of n runs as the
  // largest plan that fits, then the largest that fits the rest, and so on.
  const std::vector<std::shared_ptr<const ops::Plan>>& plans() const { return plans_; }
  size_t arena_bytes() const;    // of the largest plan
  int64_t weight_bytes() const;  // packed weights, shared by all plans and lanes

 private:
  LoadedModel(models::BoundModel model, Options options);

  models::BoundModel model_;
  Options options_;
  std::shared_ptr<ops::PackedWeights> weights_;
  std::vector<std::shared_ptr<const ops::Plan>> plans_;
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_LOADED_MODEL_H_
