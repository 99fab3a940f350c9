#include "server/app/model_host.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "server/repository/builtin_model.h"
#include "spdlog/spdlog.h"

namespace siskin::app {
namespace {

using engine::ModelState;

constexpr double kMiB = 1 << 20;

void LogReady(const engine::LoadedModel& model, absl::Duration took) {
  spdlog::info(
      "model {} version {}: ready in {:.2f} s ({} from {} keys, weights {:.1f} MiB, arena "
      "{:.1f} MiB a lane)",
      model.name(), model.version(), absl::ToDoubleSeconds(took), model.spec().title,
      model.key_style(), model.weight_bytes() / kMiB, model.arena_bytes() / kMiB);
  if (model.random_weights()) {
    spdlog::warn("model {}: its weights are random, its answers mean nothing", model.name());
  }
}

absl::Status NothingLoaded(const std::vector<std::string>& failures) {
  std::string message = absl::StrCat("no model could be loaded: ", failures.front());
  if (failures.size() > 1) {
    absl::StrAppend(&message, " (and ", failures.size() - 1, " more, see the log)");
  }
  return absl::FailedPreconditionError(message);
}

}  // namespace

absl::StatusOr<std::vector<ModelToLoad>> ModelsOfRepository(const std::string& path,
                                                            const batching::QueueDefaults& queues,
                                                            int lanes) {
  SISKIN_ASSIGN_OR_RETURN(const auto sources, repository::FindSources(path));
  if (sources.empty()) {
    return absl::NotFoundError(
        absl::StrCat(path, " holds no model: put one at ", path, "/MODEL/1/model.safetensors"));
  }
  std::vector<ModelToLoad> models;
  models.reserve(sources.size());
  for (const repository::ModelSource& source : sources) {
    const batching::QueueOptions queue = batching::Resolve(source.queue, queues);
    absl::Status valid = batching::CheckLanes(source.queue, lanes);
    if (valid.ok()) valid = batching::CheckOptions(queue);
    if (!valid.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("model ", source.name, ": ", valid.message()));
    }
    models.push_back({.name = source.name,
                      .version = source.version,
                      .labels = source.labels,
                      .queue = queue,
                      .load = [source] { return repository::LoadSource(source); }});
  }
  return models;
}

ModelToLoad RandomlyInitialised(const std::string& name, const batching::QueueDefaults& queues) {
  models::LoadRequest request;
  request.architecture = name;
  return {.name = name,
          .version = "1",
          .labels = {},
          .queue = batching::Resolve({}, queues),
          .load = [request] { return models::RandomModel(request); }};
}

absl::Status ModelHost::LoadAll(const std::vector<ModelToLoad>& models,
                                absl::FunctionRef<bool()> stop) {
  // All are known before the first is ready, so that readiness waits for the last.
  for (const ModelToLoad& model : models) {
    SISKIN_RETURN_IF_ERROR(registry_.Declare(model.name, model.version));
  }
  std::vector<std::string> failures;
  for (const ModelToLoad& model : models) {
    if (stop()) return absl::CancelledError("stopped while the models were loading");
    const absl::Status status = Load(model);
    if (status.ok()) continue;
    failures.push_back(
        absl::StrCat("model ", model.name, " version ", model.version, ": ", status.message()));
    spdlog::error("{}", failures.back());
    SISKIN_RETURN_IF_ERROR(
        registry_.Transition(model.name, model.version, ModelState::kFailed, status));
  }
  if (failures.empty()) return absl::OkStatus();
  if (failures.size() == models.size()) return NothingLoaded(failures);
  spdlog::error("{} of {} models failed: the server answers for the others, and is not ready",
                failures.size(), models.size());
  return absl::OkStatus();
}

absl::Status ModelHost::Load(const ModelToLoad& model) {
  const MonotonicTime start = Clock::Real().Now();
  SISKIN_ASSIGN_OR_RETURN(models::BoundModel bound, model.load());
  SISKIN_ASSIGN_OR_RETURN(
      auto loaded, engine::LoadedModel::Compile(
                       std::move(bound), {.name = model.name,
                                          .version = model.version,
                                          .labels = model.labels,
                                          .max_batch_size = model.queue.limits.max_batch_size}));
  SISKIN_RETURN_IF_ERROR(registry_.Transition(model.name, model.version, ModelState::kWarming));
  SISKIN_RETURN_IF_ERROR(WarmAndPublish(model, loaded, Clock::Real().Now() - start));
  LogReady(*loaded, Clock::Real().Now() - start);
  return absl::OkStatus();
}

absl::Status ModelHost::WarmAndPublish(const ModelToLoad& model,
                                       std::shared_ptr<const engine::LoadedModel> loaded,
                                       absl::Duration load) {
  const MonotonicTime start = Clock::Real().Now();
  batching::QueueOptions options = model.queue;
  SISKIN_ASSIGN_OR_RETURN(options.costs, lanes_.Prepare(loaded));
  const absl::Duration warm_up = Clock::Real().Now() - start;
  // The queue hands the model back to the lanes, which only read it.
  auto queue = scheduler_.AddQueue(options, const_cast<engine::LoadedModel*>(loaded.get()));
  if (!queue.ok()) {
    lanes_.Forget(*loaded);
    return std::move(queue).status();
  }
  const engine::Servable servable = {.model = std::move(loaded), .queue = *std::move(queue)};
  metrics_.OnModelLoaded(servable, {.load = load, .warm_up = warm_up, .lanes = lanes_.lanes()});
  return registry_.Publish(model.name, model.version, servable);
}

void ModelHost::UnloadAll() {
  for (const engine::VersionStatus& version : registry_.List()) {
    if (version.state != ModelState::kReady) continue;
    for (const ModelState state : {ModelState::kDraining, ModelState::kUnloaded}) {
      const absl::Status status = registry_.Transition(version.model, version.version, state);
      if (!status.ok()) spdlog::error("{}", std::string(status.message()));
    }
  }
}

}  // namespace siskin::app
