#include "server/rpc/classify_codec.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ops/status_macros.h"
#include "server/pipeline/top_k.h"
#include "server/rpc/wire.h"

namespace siskin::rpc {
namespace {

constexpr int kMaxTensorRank = 4;  // [1, channels, height, width]

absl::StatusOr<pipeline::TensorType> ParseTensorType(v1::Tensor::DataType type) {
  switch (type) {
    case v1::Tensor::FP32:
      return pipeline::TensorType::kFloat32;
    case v1::Tensor::UINT8:
      return pipeline::TensorType::kUint8;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("expected tensor.data_type FP32 or UINT8, got ", static_cast<int>(type)));
  }
}

absl::StatusOr<pipeline::TensorView> ParseTensor(const v1::Tensor& tensor) {
  pipeline::TensorView view;
  SISKIN_ASSIGN_OR_RETURN(view.type, ParseTensorType(tensor.data_type()));
  if (tensor.shape_size() > kMaxTensorRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected tensor.shape of 3 or 4 dimensions, got ", tensor.shape_size()));
  }
  view.shape.assign(tensor.shape().begin(), tensor.shape().end());
  if (view.shape.size() == kMaxTensorRank && view.shape[0] != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected one image, a leading dimension of 1, got tensor.shape [",
                     absl::StrJoin(view.shape, ","), "]; send one request per image"));
  }
  view.bytes = BytesOf(tensor.data());
  return view;
}

void SetDuration(absl::Duration from, google::protobuf::Duration& to) {
  const int64_t nanos = absl::ToInt64Nanoseconds(from);
  to.set_seconds(nanos / 1'000'000'000);
  to.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

void FillTiming(const engine::TaskTiming& from, v1::Timing& to) {
  SetDuration(from.queue, *to.mutable_queue());
  SetDuration(from.prepare, *to.mutable_decode());
  SetDuration(from.compute, *to.mutable_compute());
  to.set_batch_size(static_cast<uint32_t>(from.batch_size));
}

}  // namespace

absl::StatusOr<pipeline::InferenceRequest> ParseClassifyRequest(
    const v1::ClassifyRequest& message) {
  if (message.id().size() > kMaxIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat("expected an id of at most ", kMaxIdBytes,
                                                   " bytes, got ", message.id().size()));
  }
  pipeline::InferenceRequest request;
  request.model = message.model();
  request.version = message.version();
  switch (message.input_case()) {
    case v1::ClassifyRequest::kImage:
      request.input = pipeline::ImagesInput{.files = {BytesOf(message.image())}};
      break;
    case v1::ClassifyRequest::kTensor: {
      SISKIN_ASSIGN_OR_RETURN(request.input, ParseTensor(message.tensor()));
      break;
    }
    case v1::ClassifyRequest::INPUT_NOT_SET:
      return absl::InvalidArgumentError("expected an image or a tensor, got neither");
  }
  return request;
}

void FillClassifyResponse(const v1::ClassifyRequest& message,
                          const pipeline::InferenceResult& result, v1::ClassifyResponse& response) {
  const engine::LoadedModel& model = *result.servable->model;
  const uint32_t wanted = message.top_k() == 0 ? kDefaultTopK : message.top_k();
  const int k = static_cast<int>(std::min(wanted, static_cast<uint32_t>(result.outputs.size())));
  response.set_model(model.name());
  response.set_version(model.version());
  for (const pipeline::ScoredClass& best : pipeline::TopK(result.outputs, k)) {
    v1::Classification& out = *response.add_classifications();
    out.set_index(static_cast<uint32_t>(best.index));
    out.set_probability(best.probability);
    if (!model.labels().empty()) out.set_label(model.labels()[static_cast<size_t>(best.index)]);
  }
  FillTiming(result.timing, *response.mutable_timing());
  response.set_id(message.id());
  if (model.random_weights()) {
    response.set_warning(kRandomWeightsWarning);
  }
}

}  // namespace siskin::rpc
