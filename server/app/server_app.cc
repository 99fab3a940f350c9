#include "server/app/server_app.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "ops/plan.h"
#include "ops/status_macros.h"
#include "server/app/version.h"
#include "server/engine/cpu_topology.h"
#include "spdlog/spdlog.h"

namespace siskin::app {
namespace {

constexpr char kOff[] = "off";
constexpr int kMaxImagesPerRequest = 64;
constexpr int64_t kEnvelopeBytes = int64_t{64} << 10;  // of a message, around its payload

int64_t PayloadBytes(const ServerOptions& options) {
  return int64_t{options.max_message_mib} << 20;
}

// "host:port" with the port replaced by the one that was really taken.
std::string WithPort(const std::string& address, int port) {
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

absl::StatusOr<std::vector<ModelToLoad>> FindModels(const ServerOptions& options) {
  if (!options.repository.empty() && !options.random_model.empty()) {
    return absl::InvalidArgumentError("expected a repository or a random model to serve, not both");
  }
  std::vector<ModelToLoad> models;
  if (options.random_model.empty()) {
    SISKIN_ASSIGN_OR_RETURN(models, ModelsOfRepository(options.repository));
  } else {
    models.push_back(RandomlyInitialised(options.random_model));
  }
  for (ModelToLoad& model : models) {
    batching::BatchLimits& limits = model.queue.limits;
    limits.max_batch_size = options.max_batch_size.value_or(limits.max_batch_size);
    limits.max_delay = options.max_delay.value_or(limits.max_delay);
  }
  return models;
}

}  // namespace

ServerApp::ServerApp(const ServerOptions& options)
    : options_(options),
      metrics_(metrics::Metrics::Create(
          {.version = Version(), .onednn = ops::OneDnnVersion(), .isa = ops::OneDnnIsa()})),
      health_(registry_),
      admission_({.max_requests = options.max_in_flight}),
      inference_(registry_, admission_, {.max_bytes = PayloadBytes(options)},
                 kMaxImagesPerRequest) {
  registry_.AddListener(
      [this](const engine::VersionStatus& status) { metrics_->OnModelState(status); });
}

absl::StatusOr<std::unique_ptr<ServerApp>> ServerApp::Start(const ServerOptions& options,
                                                            absl::FunctionRef<bool()> stop) {
  const absl::Time start = absl::Now();
  // Before anything is opened: a missing repository is the most likely mistake.
  SISKIN_ASSIGN_OR_RETURN(const std::vector<ModelToLoad> models, FindModels(options));
  auto app = absl::WrapUnique(new ServerApp(options));
  SISKIN_RETURN_IF_ERROR(app->StartLanes());
  SISKIN_RETURN_IF_ERROR(app->Listen());
  SISKIN_RETURN_IF_ERROR(app->host_->LoadAll(models, stop));
  if (app->ready())
    spdlog::info("ready after {:.2f} s", absl::ToDoubleSeconds(absl::Now() - start));
  return app;
}

ServerApp::~ServerApp() { Stop(absl::ZeroDuration(), absl::ZeroDuration()); }

absl::Status ServerApp::StartLanes() {
  const engine::CpuBudget budget = engine::DetectCpuBudget();
  const int lanes = options_.lanes > 0 ? options_.lanes : budget.lanes();
  SISKIN_ASSIGN_OR_RETURN(lanes_, engine::LanePool::Start({.lanes = lanes, .cpus = budget.cpus},
                                                          scheduler_, metrics_.get()));
  host_ = std::make_unique<ModelHost>(registry_, scheduler_, *lanes_);
  spdlog::info("siskin {}, oneDNN {} with {}, {} lanes on {} cores", Version(),
               ops::OneDnnVersion(), ops::OneDnnIsa(), lanes, budget.cpus.size());
  return absl::OkStatus();
}

absl::Status ServerApp::Listen() {
  AddGauges();
  if (options_.admin_address != kOff) {
    SISKIN_ASSIGN_OR_RETURN(
        admin_, admin::AdminServer::Start(options_.admin_address,
                                          {.metrics = [this] { return metrics_->Scrape(); },
                                           .ready = [this] { return health_.ready(); }}));
  }
  const rpc::GrpcServer::Options options = {
      .address = options_.grpc_address,
      .max_message_bytes = static_cast<int>(PayloadBytes(options_) + kEnvelopeBytes)};
  const rpc::Backend backend = {.inference = inference_,
                                .admission = admission_,
                                .registry = registry_,
                                .metrics = *metrics_};
  SISKIN_ASSIGN_OR_RETURN(grpc_, rpc::GrpcServer::Start(options, backend, health_));
  spdlog::info("gRPC {}, admin {}; loading models", grpc_endpoint(), admin_endpoint());
  return absl::OkStatus();
}

void ServerApp::AddGauges() {
  metrics_->AddGauge("siskin_requests_in_flight", "Requests admitted and not yet answered.",
                     [this] { return static_cast<double>(admission_.requests()); });
  metrics_->AddGauge("siskin_payload_in_flight_bytes",
                     "Photos and tensors of the requests in flight.",
                     [this] { return static_cast<double>(admission_.bytes()); });
  metrics_->AddGauge("siskin_lanes", "Executor threads, each running one batch at a time.",
                     [lanes = lanes_->lanes()] { return static_cast<double>(lanes); });
}

void ServerApp::Drain() {
  spdlog::info("draining: not ready from now on, {} requests in flight", admission_.requests());
  Stop(options_.drain_delay, options_.drain_timeout);
  spdlog::info("drained");
}

void ServerApp::Stop(absl::Duration delay, absl::Duration grace) {
  if (std::exchange(stopped_, true)) return;
  health_.SetDraining();
  absl::SleepFor(delay);
  if (grpc_ != nullptr) grpc_->Shutdown(grace);
  scheduler_.Drain();
  lanes_.reset();
  if (host_ != nullptr) host_->UnloadAll();
  admin_.reset();
}

std::string ServerApp::grpc_endpoint() const {
  return WithPort(options_.grpc_address, grpc_->port());
}

std::string ServerApp::admin_endpoint() const {
  return admin_ == nullptr ? kOff : WithPort(options_.admin_address, admin_->port());
}

}  // namespace siskin::app
