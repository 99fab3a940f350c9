// Keeps grpc.health.v1 in step with the registry.
//
//   ""           the server as a whole: as "readiness"
//   "liveness"   SERVING as long as the process answers
//   "readiness"  SERVING while every model is ready and the server is not draining
//   "<model>"    SERVING while a version of it is ready and the server is not draining
//
// Any other name is NOT_FOUND (Check) or SERVICE_UNKNOWN (Watch). Thread-safe.
#ifndef SISKIN_SERVER_RPC_HEALTH_REPORTER_H_
#define SISKIN_SERVER_RPC_HEALTH_REPORTER_H_

#include <atomic>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/engine/model_registry.h"

namespace siskin::rpc {

class HealthReporter {
 public:
  // Listens to `registry`, which outlives the reporter and makes no transition after it is gone.
  // REQUIRES: nothing is declared in it yet.
  explicit HealthReporter(engine::ModelRegistry& registry);
  HealthReporter(const HealthReporter&) = delete;
  HealthReporter& operator=(const HealthReporter&) = delete;

  // From now on `service` is told; until Detach, before `service` goes.
  void Attach(grpc::HealthCheckServiceInterface& service);
  void Detach();

  // Everything but liveness turns NOT_SERVING, for good.
  void SetDraining();

  // What "readiness" says; for /readyz and the like.
  bool ready() const { return !draining_.load() && registry_.AllReady(); }

 private:
  void Refresh();

  const engine::ModelRegistry& registry_;
  std::atomic<bool> draining_{false};
  absl::Mutex mu_;
  grpc::HealthCheckServiceInterface* service_ ABSL_GUARDED_BY(mu_) = nullptr;
  // What `service_` was told: it wakes its watchers even when nothing changed.
  std::map<std::string, bool> told_ ABSL_GUARDED_BY(mu_);
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_HEALTH_REPORTER_H_
