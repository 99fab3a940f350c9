// What the messages of siskin.v1 have in common <-> the pipeline.
//
// Requests have `model`, `version` and `id`; answers `model`, `version`, `timing`, `id` and
// `warning`.
#ifndef SISKIN_SERVER_RPC_V1_CODEC_H_
#define SISKIN_SERVER_RPC_V1_CODEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "server/pipeline/inference.h"
#include "server/rpc/wire.h"
#include "siskin/v1/common.pb.h"

namespace siskin::rpc {

inline constexpr size_t kMaxIdBytes = 256;

absl::Status CheckId(const std::string& id);
// Borrows.
absl::StatusOr<pipeline::TensorView> ParseTensor(const v1::Tensor& tensor);
void FillTiming(const engine::TaskTiming& from, v1::Timing& to);

// All but the input. Borrows from `message`.
template <typename Message>
absl::StatusOr<pipeline::InferenceRequest> ParseCommon(const Message& message,
                                                       models::OutputKind kind) {
  SISKIN_RETURN_IF_ERROR(CheckId(message.id()));
  pipeline::InferenceRequest request;
  request.model = message.model();
  request.version = message.version();
  request.kind = kind;
  return request;
}

// The same, of a message whose input is a photo or a tensor.
template <typename Message>
absl::StatusOr<pipeline::InferenceRequest> ParsePhotoOrTensor(const Message& message,
                                                              models::OutputKind kind) {
  SISKIN_ASSIGN_OR_RETURN(pipeline::InferenceRequest request, ParseCommon(message, kind));
  if (message.has_image()) {
    request.input = pipeline::ImagesInput{.files = {BytesOf(message.image())}};
  } else if (message.has_tensor()) {
    SISKIN_ASSIGN_OR_RETURN(request.input, ParseTensor(message.tensor()));
  } else {
    return absl::InvalidArgumentError("expected an image or a tensor, got neither");
  }
  return request;
}

template <typename Message, typename Response>
void FillCommon(const Message& message, const pipeline::InferenceResult& result,
                Response& response) {
  const engine::LoadedModel& model = *result.servable->model;
  response.set_model(model.name());
  response.set_version(model.version());
  FillTiming(result.timing, *response.mutable_timing());
  response.set_id(message.id());
  if (model.random_weights()) response.set_warning(kRandomWeightsWarning);
}

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_V1_CODEC_H_
