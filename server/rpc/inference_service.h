// The Open Inference Protocol v2, so that KServe and Triton clients can call Siskin.
//
// Every model has one input, "input": FP32 (normalised) or UINT8 (pixels) tensors, or BYTES, each
// element an image file. The outputs are in server/rpc/model_tensors.h.
#ifndef SISKIN_SERVER_RPC_INFERENCE_SERVICE_H_
#define SISKIN_SERVER_RPC_INFERENCE_SERVICE_H_

#include <string_view>

#include "absl/status/status.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/rpc/call.h"
#include "server/rpc/health_reporter.h"

namespace siskin::rpc {

class InferenceService final : public ::inference::GRPCInferenceService::CallbackService {
 public:
  // `health` outlives the service.
  InferenceService(const Backend& backend, const HealthReporter& health)
      : backend_(backend), health_(health) {}

  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext* context,
                                       const ::inference::ServerLiveRequest* request,
                                       ::inference::ServerLiveResponse* response) override;
  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext* context,
                                        const ::inference::ServerReadyRequest* request,
                                        ::inference::ServerReadyResponse* response) override;
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext* context,
                                       const ::inference::ModelReadyRequest* request,
                                       ::inference::ModelReadyResponse* response) override;
  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext* context,
                                           const ::inference::ServerMetadataRequest* request,
                                           ::inference::ServerMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext* context,
                                          const ::inference::ModelMetadataRequest* request,
                                          ::inference::ModelMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const ::inference::ModelInferRequest* request,
                                       ::inference::ModelInferResponse* response) override;

 private:
  const Backend backend_;
  const HealthReporter& health_;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_INFERENCE_SERVICE_H_
