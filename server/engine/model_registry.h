// Model name -> versions -> state. The one place that says what can be served.
//
// States of a version and their legal transitions:
//   kLoading -> kWarming | kFailed      kWarming -> kReady | kFailed
//   kReady -> kDraining                 kDraining -> kUnloaded
//   kFailed -> kLoading (a retry)       kUnloaded -> kLoading (a reload)
//
// The registry drops its reference to a version that leaves kReady; requests that resolved it
// before keep theirs.
//
// Thread-safe.
#ifndef SISKIN_SERVER_ENGINE_MODEL_REGISTRY_H_
#define SISKIN_SERVER_ENGINE_MODEL_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "models/model_spec.h"
#include "server/batching/scheduler.h"
#include "server/engine/loaded_model.h"

namespace siskin::engine {

enum class ModelState { kLoading, kWarming, kReady, kDraining, kUnloaded, kFailed };
const char* ToString(ModelState state);  // "loading", "warming", ...
bool IsLegalTransition(ModelState from, ModelState to);

// A version that can be served: the model and the queue that feeds it.
struct Servable {
  std::shared_ptr<const LoadedModel> model;
  std::shared_ptr<batching::BatchQueue> queue;
};

struct VersionStatus {
  std::string model;
  std::string version;
  ModelState state = ModelState::kLoading;
  absl::Status reason;  // why it failed
};

class ModelRegistry {
 public:
  // Called after each transition and declaration, without a lock held, on the thread that makes it.
  // Changes of one version are made by one thread at a time, so they are heard in order.
  using Listener = std::function<void(const VersionStatus&)>;
  void AddListener(Listener listener);  // REQUIRES: before the first Declare

  // Makes a version known, in kLoading. ALREADY_EXISTS if it is; INVALID_ARGUMENT for an empty name
  // or a version that is not a positive integer.
  absl::Status Declare(const std::string& model, const std::string& version);
  // FAILED_PRECONDITION for an illegal transition, NOT_FOUND for an unknown version. kReady is
  // reached through Publish alone. `reason` is kept for kFailed.
  absl::Status Transition(const std::string& model, const std::string& version, ModelState to,
                          absl::Status reason = absl::OkStatus());
  // kWarming -> kReady with what can be served.
  absl::Status Publish(const std::string& model, const std::string& version, Servable servable);

  // The ready version of that name; `version` empty: the highest ready one (numerically). An empty
  // `model` means the only one there is or, with a `kind`, the only one with a ready version that
  // does it; INVALID_ARGUMENT if there are several.
  // NOT_FOUND: "Request for unknown model: 'x' is not found" (the wording that Triton clients
  // know), with the names or versions that exist; FAILED_PRECONDITION: known but not ready, with
  // its state and reason.
  absl::StatusOr<std::shared_ptr<const Servable>> Resolve(
      std::string_view model, std::string_view version,
      std::optional<models::OutputKind> kind = std::nullopt) const;

  std::vector<VersionStatus> List() const;  // ordered by model, then numerically by version
  bool AllReady() const;                    // at least one version, and every one kReady

 private:
  // Versions are keyed so that numeric order is map order.
  struct Entry {
    ModelState state = ModelState::kLoading;
    absl::Status reason;
    std::shared_ptr<const Servable> servable;  // while kReady
  };
  using Versions = std::map<int64_t, Entry>;

  absl::Status Move(const std::string& model, const std::string& version, ModelState to,
                    absl::Status reason, std::shared_ptr<const Servable> servable);
  void Notify(const VersionStatus& status) const;
  std::string Names() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  static std::string Numbers(const Versions& versions);
  static const Entry* HighestReady(const Versions& versions);  // nullptr: none is ready
  std::vector<std::string_view> ModelsFor(models::OutputKind kind) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::string_view> OnlyModel(std::optional<models::OutputKind> kind) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<const Versions*> FindModel(std::string_view model) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);

  std::vector<Listener> listeners_;
  mutable absl::Mutex mu_;
  std::map<std::string, Versions, std::less<>> models_ ABSL_GUARDED_BY(mu_);
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_MODEL_REGISTRY_H_
