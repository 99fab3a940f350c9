// The listening gRPC server: the services of siskin.v1, the Open Inference Protocol, health,
// reflection.
//
// To drain: HealthReporter::SetDraining, give balancers time to notice, then Shutdown while the
// lanes still run.
//
// gRPC itself answers a call with CANCELLED if it arrives after the last step of Shutdown has begun
// and before its client has heard of it. Such a call has reached no handler.
#ifndef SISKIN_SERVER_RPC_GRPC_SERVER_H_
#define SISKIN_SERVER_RPC_GRPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/call.h"
#include "server/rpc/health_reporter.h"

namespace siskin::rpc {

class GrpcServer {
 public:
  struct Options {
    std::string address = "127.0.0.1:8500";  // "host:port"; port 0 picks a free one
    // A request message, whole. The largest image (16 MiB) and its envelope. Larger ones are
    // answered with RESOURCE_EXHAUSTED by gRPC before they are read.
    int max_message_bytes = (16 << 20) + (64 << 10);
    // Calls at a time on one connection; more wait at the client.
    int max_concurrent_streams = 1024;
    // gRPC's own buffers, all connections together. Near it, gRPC slows clients down.
    int64_t max_buffer_bytes = int64_t{1} << 30;
    // A client is told to connect again when its connection is this old, give or take a tenth, so
    // that it finds servers that came later. Calls in flight end where they are, however long they
    // take. Infinite: never; less than a millisecond is out of range.
    absl::Duration max_connection_age = absl::InfiniteDuration();
  };

  // Listens. INVALID_ARGUMENT for options out of range, UNAVAILABLE if the address cannot be bound,
  // also when another server has it. `backend` and `health` outlive the server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const Options& options,
                                                           const Backend& backend,
                                                           HealthReporter& health);
  virtual ~GrpcServer() = default;  // shuts down at once, unless that is done already

  virtual int port() const = 0;

  // Step by step: new requests are answered with UNAVAILABLE, and streams read no more; those in
  // flight are answered; connections are closed. After `grace` what is left is cancelled. Returns
  // when every call has ended; more calls do nothing.
  virtual void Shutdown(absl::Duration grace) = 0;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_GRPC_SERVER_H_
