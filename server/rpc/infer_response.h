// The pipeline -> inference.ModelInferResponse.
#ifndef SISKIN_SERVER_RPC_INFER_RESPONSE_H_
#define SISKIN_SERVER_RPC_INFER_RESPONSE_H_

#include <vector>

#include "inference/grpc_service.pb.h"
#include "server/pipeline/inference.h"
#include "server/rpc/infer_request.h"

namespace siskin::rpc {

// Values always go in raw_output_contents, as Triton's do. The parameters say where the time went:
// queue_us, decode_us, compute_us, and batch_size.
void FillInferResponse(const ::inference::ModelInferRequest& message,
                       const std::vector<OutputSpec>& outputs,
                       const pipeline::InferenceResult& result,
                       ::inference::ModelInferResponse& response);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_INFER_RESPONSE_H_
