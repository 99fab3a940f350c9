#include "server/app/server_app.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/cpu_budget.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "ops/plan.h"
#include "server/admin/server_status.h"
#include "server/repository/text_file.h"
#include "spdlog/spdlog.h"

namespace siskin::app {
namespace {

// Lanes take all cpus there are. What receives and refuses requests comes first, or requests would
// wait unseen in sockets when more come than can be done, and the lanes compute answers that come
// too late: loadtest/overload.py, at ten times the capacity.
constexpr int kGiveWay = 10;

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

int LanesOf(const ServerOptions& options, const CpuBudget& budget) {
  return options.lanes > 0 ? options.lanes : budget.lanes();
}

absl::StatusOr<std::vector<ModelToLoad>> FindModels(const ServerOptions& options) {
  if (!options.repository.empty() && !options.random_model.empty()) {
    return absl::InvalidArgumentError("expected a repository or a random model to serve, not both");
  }
  if (options.queues.policy == batching::BatchPolicy::kAuto &&
      options.queues.max_delay > absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the auto policy never waits for company; a delay of ",
                     absl::FormatDuration(*options.queues.max_delay), " needs the fixed one"));
  }
  if (options.random_model.empty()) {
    return ModelsOfRepository(options.repository, options.queues,
                              LanesOf(options, DetectCpuBudget()));
  }
  return std::vector<ModelToLoad>{RandomlyInitialised(options.random_model, options.queues)};
}

// Empty without a file.
absl::StatusOr<std::string> StatusToken(const std::string& path) {
  if (path.empty()) return std::string();
  SISKIN_ASSIGN_OR_RETURN(const std::string text, repository::ReadTextFile(path));
  auto token = admin::ParseToken(text);
  if (!token.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", token.status().message()));
  }
  return token;
}

}  // namespace

ServerApp::ServerApp(const ServerOptions& options, MonotonicTime start)
    : options_(options),
      start_(start),
      metrics_(metrics::Metrics::Create({.version = Version(),
                                         .onednn = ops::OneDnnVersion(),
                                         .isa = ops::OneDnnIsa(),
                                         .triton_aliases = options.triton_metrics})),
      health_(registry_),
      admission_({.max_requests = options.max_in_flight}),
      inference_(registry_, admission_, {.max_bytes = PayloadBytes(options)}, kMaxImagesPerRequest,
                 metrics_.get()),
      photo_inference_(inference_, registry_, *metrics_) {
  registry_.AddListener(
      [this](const engine::VersionStatus& status) { metrics_->OnModelState(status); });
}

absl::StatusOr<std::unique_ptr<ServerApp>> ServerApp::Start(const ServerOptions& options,
                                                            absl::FunctionRef<bool()> stop) {
  const MonotonicTime start = Clock::Real().Now();
  // Before anything is opened: a missing repository is the most likely mistake.
  SISKIN_ASSIGN_OR_RETURN(const std::vector<ModelToLoad> models, FindModels(options));
  auto app = absl::WrapUnique(new ServerApp(options, start));
  SISKIN_RETURN_IF_ERROR(app->StartLanes());
  SISKIN_RETURN_IF_ERROR(app->Listen());
  SISKIN_RETURN_IF_ERROR(app->host_->LoadAll(models, stop));
  if (app->ready()) {
    app->metrics_->OnReady();
    spdlog::info("ready after {:.2f} s", absl::ToDoubleSeconds(Clock::Real().Now() - start));
  }
  return app;
}

ServerApp::~ServerApp() { Stop(absl::ZeroDuration(), absl::ZeroDuration()); }

absl::Status ServerApp::StartLanes() {
  const CpuBudget budget = DetectCpuBudget();
  const int lanes = LanesOf(options_, budget);
  SISKIN_ASSIGN_OR_RETURN(const LanePinning pinning, PinLanes(options_.pinning, budget, lanes));
  metrics_->OnLanes(lanes);
  SISKIN_ASSIGN_OR_RETURN(
      lanes_, engine::LanePool::Start({.lanes = lanes, .cpus = pinning.cpus, .give_way = kGiveWay},
                                      scheduler_, metrics_.get()));
  host_ = std::make_unique<ModelHost>(registry_, scheduler_, *lanes_, *metrics_);
  spdlog::info("siskin {}, oneDNN {} with {}, {} lanes on {} cores, {}", Version(),
               ops::OneDnnVersion(), ops::OneDnnIsa(), lanes, budget.cpus.size(), pinning.reason);
  return absl::OkStatus();
}

absl::Status ServerApp::Listen() {
  AddGauges();
  if (options_.admin_address != kOff) SISKIN_RETURN_IF_ERROR(ListenAdmin());
  const rpc::GrpcServer::Options options = {
      .address = options_.grpc_address,
      .max_message_bytes = static_cast<int>(PayloadBytes(options_) + kEnvelopeBytes),
      .max_connection_age = options_.max_connection_age};
  const rpc::Backend backend = {.inference = inference_,
                                .admission = admission_,
                                .registry = registry_,
                                .metrics = *metrics_};
  SISKIN_ASSIGN_OR_RETURN(grpc_, rpc::GrpcServer::Start(options, backend, health_));
  spdlog::info("gRPC {}, admin {}; loading models", grpc_endpoint(), admin_endpoint());
  return absl::OkStatus();
}

absl::Status ServerApp::ListenAdmin() {
  admin::AdminHandlers handlers = {.metrics = [this] { return metrics_->Scrape(); },
                                   .ready = [this] { return health_.ready(); }};
  if (options_.status_page) {
    SISKIN_ASSIGN_OR_RETURN(std::string token, StatusToken(options_.status_token_file));
    status_page_ = std::make_unique<admin::StatusPage>(
        admin::StatusPage::Options{.token = std::move(token),
                                   .max_photo_bytes = PayloadBytes(options_)},
        StatusSources());
    handlers.page = [this](const admin::HttpRequest& request) {
      return status_page_->Handle(request);
    };
  }
  SISKIN_ASSIGN_OR_RETURN(admin_,
                          admin::AdminServer::Start(options_.admin_address, std::move(handlers)));
  return absl::OkStatus();
}

admin::StatusPage::Sources ServerApp::StatusSources() {
  const admin::ServerFacts facts = {.version = Version(),
                                    .onednn = ops::OneDnnVersion(),
                                    .isa = ops::OneDnnIsa(),
                                    .start = start_,
                                    .lanes = lanes_->lanes(),
                                    .max_photo_bytes = PayloadBytes(options_),
                                    .max_in_flight = options_.max_in_flight};
  return {
      .status =
          [this, facts] {
            return admin::ServerStatus(facts, registry_, health_.ready(), Clock::Real().Now());
          },
      .infer =
          [this](const admin::PhotoQuestion& question) { return photo_inference_.Run(question); }};
}

void ServerApp::AddGauges() {
  metrics_->AddGauge("siskin_requests_in_flight", "Requests admitted and not yet answered.",
                     [this] { return static_cast<double>(admission_.requests()); });
  metrics_->AddGauge("siskin_requests_in_flight_limit", "Most requests admitted at a time.",
                     [this] { return static_cast<double>(admission_.limits().max_requests); });
  metrics_->AddGauge("siskin_payload_in_flight_bytes",
                     "Photos and tensors of the requests in flight.",
                     [this] { return static_cast<double>(admission_.bytes()); });
  metrics_->AddGauge("siskin_payload_in_flight_limit_bytes",
                     "Most bytes of photos and tensors admitted at a time.",
                     [this] { return static_cast<double>(admission_.limits().max_bytes); });
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
