#include "server/rpc/grpc_server.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/resource_quota.h"
#include "server/rpc/classifier_service.h"
#include "server/rpc/embedder_service.h"
#include "server/rpc/face_detector_service.h"
#include "server/rpc/inference_service.h"

namespace siskin::rpc {
namespace {

// A client that is silent for this long is pinged...
constexpr int kKeepaliveTimeMs = 60'000;
// ...and cut off if it does not answer within this time.
constexpr int kKeepaliveTimeoutMs = 20'000;
// Clients may ping this often.
constexpr int kMinClientPingMs = 10'000;
// Threads of the only synchronous service, reflection: each open stream holds one.
constexpr int kMaxSyncThreads = 16;
// Once all requests are answered, the time for the answers to reach their clients. What is open
// beyond that, watchers of the health service and reflection, does not end by itself.
constexpr absl::Duration kLastWrites = absl::Seconds(5);

// Both are process-wide switches that affect servers built later.
void EnablePluginsOnce() {
  static const bool enabled = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(enabled);
}

absl::Status Validate(const GrpcServer::Options& options) {
  if (options.max_message_bytes < 1 || options.max_concurrent_streams < 1 ||
      options.max_buffer_bytes < options.max_message_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected max_message_bytes and max_concurrent_streams of at least 1, and "
                     "max_buffer_bytes of at least max_message_bytes, got ",
                     options.max_message_bytes, ", ", options.max_concurrent_streams, " and ",
                     options.max_buffer_bytes));
  }
  if (options.max_connection_age < absl::Milliseconds(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected max_connection_age of at least a millisecond, got ",
                     absl::FormatDuration(options.max_connection_age)));
  }
  return absl::OkStatus();
}

// gRPC counts in int, the largest of which means for ever.
int Milliseconds(absl::Duration duration) {
  constexpr int64_t kForEver = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(absl::ToInt64Milliseconds(duration), kForEver));
}

void SetLimits(const GrpcServer::Options& options, grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("siskin");
  quota.Resize(static_cast<size_t>(options.max_buffer_bytes)).SetMaxThreads(kMaxSyncThreads);
  builder.SetResourceQuota(quota)
      .SetMaxReceiveMessageSize(options.max_message_bytes)
      .AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams)
      .AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.max_connection_age))
      // Two servers on one port share its traffic silently: a second one shall fail.
      .AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1)
      .AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinClientPingMs);
}

class GrpcServerImpl final : public GrpcServer {
 public:
  GrpcServerImpl(const Backend& backend, HealthReporter& health)
      : admission_(backend.admission),
        health_(health),
        classifier_(backend),
        face_detector_(backend),
        embedder_(backend),
        inference_(backend, health) {}

  ~GrpcServerImpl() override { Shutdown(absl::ZeroDuration()); }

  absl::Status Listen(const Options& options) {
    grpc::ServerBuilder builder;
    SetLimits(options, builder);
    builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&classifier_);
    builder.RegisterService(&face_detector_);
    builder.RegisterService(&embedder_);
    builder.RegisterService(&inference_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options.address,
                       ": is it host:port, an address of this machine, and free? "
                       "Choose another one, or stop the server that has it"));
    }
    health_.Attach(*server_->GetHealthCheckService());
    return absl::OkStatus();
  }

  int port() const override { return port_; }

  void Shutdown(absl::Duration grace) override {
    if (server_ == nullptr) return;
    const MonotonicTime deadline = Clock::Real().Now() + grace;
    classifier_.Drain();
    admission_.Close();
    admission_.WaitUntilIdle(deadline);
    server_->Shutdown(
        absl::ToChronoTime(ToWallTime(std::min(deadline, Clock::Real().Now() + kLastWrites))));
    health_.Detach();
    server_.reset();
  }

 private:
  pipeline::Admission& admission_;
  HealthReporter& health_;
  ClassifierService classifier_;
  FaceDetectorService face_detector_;
  EmbedderService embedder_;
  InferenceService inference_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const Options& options,
                                                              const Backend& backend,
                                                              HealthReporter& health) {
  SISKIN_RETURN_IF_ERROR(Validate(options));
  EnablePluginsOnce();
  auto server = std::make_unique<GrpcServerImpl>(backend, health);
  SISKIN_RETURN_IF_ERROR(server->Listen(options));
  return server;
}

}  // namespace siskin::rpc
