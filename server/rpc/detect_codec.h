// siskin.v1.FaceDetector's messages <-> the pipeline.
#ifndef SISKIN_SERVER_RPC_DETECT_CODEC_H_
#define SISKIN_SERVER_RPC_DETECT_CODEC_H_

#include "absl/status/statusor.h"
#include "server/pipeline/inference.h"
#include "siskin/v1/face_detector.pb.h"

namespace siskin::rpc {

// Borrows model, version and image from `message`. INVALID_ARGUMENT for what is wrong whatever the
// model; the pipeline checks the rest. Deadline and cancellation are left to the caller.
absl::StatusOr<pipeline::InferenceRequest> ParseDetectRequest(const v1::DetectRequest& message);

// The faces of the only image of `result`.
void FillDetectResponse(const v1::DetectRequest& message, const pipeline::InferenceResult& result,
                        v1::DetectResponse& response);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_DETECT_CODEC_H_
