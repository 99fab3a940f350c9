#include "server/rpc/health_reporter.h"

#include <utility>

namespace siskin::rpc {

HealthReporter::HealthReporter(engine::ModelRegistry& registry) : registry_(registry) {
  registry.AddListener([this](const engine::VersionStatus&) { Refresh(); });
}

void HealthReporter::Attach(grpc::HealthCheckServiceInterface& service) {
  {
    absl::MutexLock lock(&mu_);
    service_ = &service;
    told_.clear();
  }
  Refresh();
}

void HealthReporter::Detach() {
  absl::MutexLock lock(&mu_);
  service_ = nullptr;
}

void HealthReporter::SetDraining() {
  draining_.store(true);
  Refresh();
}

// Everything is read anew, under the lock: the last of several threads leaves the latest state.
void HealthReporter::Refresh() {
  absl::MutexLock lock(&mu_);
  if (service_ == nullptr) return;
  const bool draining = draining_.load();
  std::map<std::string, bool> serving;
  for (const engine::VersionStatus& version : registry_.List()) {
    serving[version.model] |= !draining && version.state == engine::ModelState::kReady;
  }
  // After the models, so that one with a reserved name cannot pretend.
  serving["liveness"] = true;
  serving["readiness"] = ready();
  serving[""] = ready();
  for (const auto& [name, value] : serving) {
    const auto before = told_.find(name);
    if (before == told_.end() || before->second != value) service_->SetServingStatus(name, value);
  }
  told_ = std::move(serving);
}

}  // namespace siskin::rpc
