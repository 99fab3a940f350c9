// Takes models through their states: load, compile, warm up, publish; and back when the server
// ends.
#ifndef SISKIN_SERVER_APP_MODEL_HOST_H_
#define SISKIN_SERVER_APP_MODEL_HOST_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "models/model_loader.h"
#include "server/batching/queue_settings.h"
#include "server/batching/scheduler.h"
#include "server/engine/lane_pool.h"
#include "server/engine/model_registry.h"
#include "server/metrics/metrics.h"

namespace siskin::app {

// A version to be served, wherever its weights come from.
struct ModelToLoad {
  std::string name;
  std::string version;
  std::vector<std::string> labels;
  batching::QueueOptions queue;
  std::function<absl::StatusOr<models::BoundModel>()> load;
};

// Every version in the repository at `path`, NOT_FOUND if there is none; the built-in model if
// `path` is empty. INVALID_ARGUMENT: what a model states of its queue does not go with `queues` or
// the number of lanes.
absl::StatusOr<std::vector<ModelToLoad>> ModelsOfRepository(const std::string& path,
                                                            const batching::QueueDefaults& queues,
                                                            int lanes);

// An architecture or variant of the catalogue with random weights, named as it.
ModelToLoad RandomlyInitialised(const std::string& name, const batching::QueueDefaults& queues);

// Not thread-safe; what it publishes is.
class ModelHost {
 public:
  // All outlive the host.
  ModelHost(engine::ModelRegistry& registry, batching::Scheduler& scheduler,
            engine::LanePool& lanes, metrics::Metrics& metrics)
      : registry_(registry), scheduler_(scheduler), lanes_(lanes), metrics_(metrics) {}

  // Loads one after the other and logs what becomes of each. A model that fails is kFailed with its
  // reason, and the others go on. `stop` is called before each.
  // FAILED_PRECONDITION: not one could be loaded; CANCELLED: `stop` returned true.
  absl::Status LoadAll(const std::vector<ModelToLoad>& models, absl::FunctionRef<bool()> stop);

  // Every ready model becomes kUnloaded. REQUIRES: the lanes have ended.
  void UnloadAll();

 private:
  absl::Status Load(const ModelToLoad& model);
  // `load` is how long it took so far.
  absl::Status WarmAndPublish(const ModelToLoad& model,
                              std::shared_ptr<const engine::LoadedModel> loaded,
                              absl::Duration load);

  engine::ModelRegistry& registry_;
  batching::Scheduler& scheduler_;
  engine::LanePool& lanes_;
  metrics::Metrics& metrics_;
};

}  // namespace siskin::app

#endif  // SISKIN_SERVER_APP_MODEL_HOST_H_
