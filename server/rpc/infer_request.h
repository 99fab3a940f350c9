// inference.ModelInferRequest -> the pipeline.
//
// The protocol defines no error texts; where Triton has one, it is used, since clients look for it.
#ifndef SISKIN_SERVER_RPC_INFER_REQUEST_H_
#define SISKIN_SERVER_RPC_INFER_REQUEST_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "inference/grpc_service.pb.h"
#include "server/pipeline/inference.h"

namespace siskin::rpc {

// The only input of every model, and its outputs in the order of ModelMetadata.
inline constexpr char kInputName[] = "input";
inline constexpr char kLogitsName[] = "logits";
inline constexpr char kProbabilitiesName[] = "probabilities";

struct OutputSpec {
  const char* name = kLogitsName;  // kLogitsName or kProbabilitiesName
  int64_t classification = 0;      // > 0: the best k classes as text instead of all values
};

struct InferCall {
  pipeline::InferenceRequest request;  // borrows from the message, and from `narrowed`
  std::vector<uint8_t> narrowed;       // uint_contents as bytes
  std::vector<OutputSpec> outputs;     // never empty, no name twice
};

// Fills `call`; INVALID_ARGUMENT for what is wrong whatever the model. The pipeline checks the
// rest. Of the deadline only the parameter "timeout" (microseconds from now) is looked at.
absl::Status ParseInferRequest(const ::inference::ModelInferRequest& message, InferCall& call);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_INFER_REQUEST_H_
