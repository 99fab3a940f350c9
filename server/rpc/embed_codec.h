// siskin.v1.Embedder's messages <-> the pipeline.
#ifndef SISKIN_SERVER_RPC_EMBED_CODEC_H_
#define SISKIN_SERVER_RPC_EMBED_CODEC_H_

#include "absl/status/statusor.h"
#include "server/pipeline/inference.h"
#include "siskin/v1/embedder.pb.h"

namespace siskin::rpc {

// Borrows model, version and payload from `message`. INVALID_ARGUMENT for what is wrong whatever
// the model; the pipeline checks the rest. Deadline and cancellation are left to the caller.
absl::StatusOr<pipeline::InferenceRequest> ParseEmbedRequest(const v1::EmbedRequest& message);

// The features of the only image of `result`. A vector of zeros has no direction: it is not
// normalised.
void FillEmbedResponse(const v1::EmbedRequest& message, const pipeline::InferenceResult& result,
                       v1::EmbedResponse& response);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_EMBED_CODEC_H_
