// The server, put together: models, lanes, gRPC, admin. What `siskin serve` runs.
//
// Start: admin and gRPC listen first, so that probes see a live process that is not ready; then the
// models are loaded, warmed up and published. The server is ready when the last one is.
//
// Drain: readiness off, lame duck for `drain_delay` (requests are still served, balancers take the
// server out), then new ones are refused while those in flight have `drain_timeout` to end, gRPC
// closes, the lanes end, the models are unloaded, the admin server ends last.
//
// Not thread-safe: start, drain and destroy it on one thread.
#ifndef SISKIN_SERVER_APP_SERVER_APP_H_
#define SISKIN_SERVER_APP_SERVER_APP_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/admin/admin_server.h"
#include "server/admin/photo_inference.h"
#include "server/admin/status_page.h"
#include "server/app/lane_pinning.h"
#include "server/app/model_host.h"
#include "server/batching/queue_settings.h"
#include "server/batching/scheduler.h"
#include "server/engine/lane_pool.h"
#include "server/engine/model_registry.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/inference.h"
#include "server/rpc/grpc_server.h"
#include "server/rpc/health_reporter.h"

namespace siskin::app {

struct ServerOptions {
  // At most one of these is set; neither: the built-in model is served.
  std::string repository;    // a folder of models
  std::string random_model;  // an architecture or variant to serve with random weights

  std::string grpc_address = "0.0.0.0:8001";   // host:port; port 0 picks a free one
  std::string admin_address = "0.0.0.0:8002";  // the same; "off": no admin server
  bool status_page = true;                     // on the admin address
  std::string status_token_file;               // holds its token; empty: it needs none
  int lanes = 0;                               // 0: as many as cores may be used
  Pinning pinning = Pinning::kAuto;
  batching::QueueDefaults queues;
  int max_message_mib = 16;     // of a request; a photo may be as large
  int max_in_flight = 1024;     // requests
  bool triton_metrics = false;  // also under the names that Triton gives them
  absl::Duration max_connection_age = absl::InfiniteDuration();
  absl::Duration drain_delay = absl::ZeroDuration();
  absl::Duration drain_timeout = absl::Seconds(20);
};

class ServerApp {
 public:
  // Returns when the models are loaded. `stop` is called now and then; true gives CANCELLED.
  // Other errors: the options make no sense, the repository is missing or broken, the token cannot
  // be read, an address cannot be had, or no model could be loaded. Some failed models are not an
  // error, but keep the server from being ready.
  static absl::StatusOr<std::unique_ptr<ServerApp>> Start(const ServerOptions& options,
                                                          absl::FunctionRef<bool()> stop);
  ~ServerApp();  // ends at once what Drain has not ended

  // Ends the server, waiting for `drain_delay` and at most `drain_timeout`.
  void Drain();

  std::string grpc_endpoint() const;   // "0.0.0.0:8001", with the real port
  std::string admin_endpoint() const;  // the same, or "off"
  int grpc_port() const { return grpc_->port(); }
  int admin_port() const { return admin_->port(); }  // REQUIRES: it is not off
  bool ready() const { return health_.ready(); }

 private:
  ServerApp(const ServerOptions& options, MonotonicTime start);

  absl::Status StartLanes();
  absl::Status Listen();
  absl::Status ListenAdmin();
  admin::StatusPage::Sources StatusSources();
  void AddGauges();
  void Stop(absl::Duration delay, absl::Duration grace);

  // In the order in which they depend on each other; destroyed in reverse.
  const ServerOptions options_;
  const MonotonicTime start_;
  const std::unique_ptr<metrics::Metrics> metrics_;
  engine::ModelRegistry registry_;
  rpc::HealthReporter health_;
  batching::Scheduler scheduler_;
  pipeline::Admission admission_;
  pipeline::Inference inference_;
  std::unique_ptr<engine::LanePool> lanes_;
  std::unique_ptr<ModelHost> host_;
  admin::PhotoInference photo_inference_;
  std::unique_ptr<admin::StatusPage> status_page_;  // null: off
  std::unique_ptr<admin::AdminServer> admin_;
  std::unique_ptr<rpc::GrpcServer> grpc_;
  bool stopped_ = false;
};

}  // namespace siskin::app

#endif  // SISKIN_SERVER_APP_SERVER_APP_H_
