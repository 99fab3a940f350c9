// inference.ModelInferRequest -> the pipeline.
//
// The protocol defines no error texts; where Triton has one, it is used, since clients look for it.
#ifndef SISKIN_SERVER_RPC_INFER_REQUEST_H_
#define SISKIN_SERVER_RPC_INFER_REQUEST_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inference/grpc_service.pb.h"
#include "server/pipeline/inference.h"
#include "server/rpc/model_tensors.h"

namespace siskin::rpc {

struct OutputSpec {
  OutputTensor tensor;
  int64_t classification = 0;  // > 0: the best k classes as text instead of all values
};

struct InferCall {
  pipeline::InferenceRequest request;  // borrows from the message, and from `narrowed`
  std::vector<uint8_t> narrowed;       // uint_contents as bytes
  std::vector<OutputSpec> outputs;     // never empty, no name twice
};

// Fills `call` from a request to a model that has `outputs`. INVALID_ARGUMENT for what is wrong
// whatever the model's input is; the pipeline checks the rest. The parameters "priority" and
// "timeout" are read, the deadline is the caller's.
absl::Status ParseInferRequest(const ::inference::ModelInferRequest& message,
                               absl::Span<const OutputTensor> outputs, InferCall& call);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_INFER_REQUEST_H_
