// siskin.v1.Classifier's messages <-> the pipeline.
#ifndef SISKIN_SERVER_RPC_CLASSIFY_CODEC_H_
#define SISKIN_SERVER_RPC_CLASSIFY_CODEC_H_

#include "absl/status/statusor.h"
#include "server/pipeline/inference.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::rpc {

inline constexpr int kDefaultTopK = 5;

// Borrows model, version and payload from `message`. INVALID_ARGUMENT for what is wrong whatever
// the model; the pipeline checks the rest. Deadline and cancellation are left to the caller.
absl::StatusOr<pipeline::InferenceRequest> ParseClassifyRequest(const v1::ClassifyRequest& message);

// The best classes of the only image of `result`.
void FillClassifyResponse(const v1::ClassifyRequest& message,
                          const pipeline::InferenceResult& result, v1::ClassifyResponse& response);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_CLASSIFY_CODEC_H_
