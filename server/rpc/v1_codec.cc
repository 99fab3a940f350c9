#include "server/rpc/v1_codec.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

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

void SetDuration(absl::Duration from, google::protobuf::Duration& to) {
  const int64_t nanos = absl::ToInt64Nanoseconds(from);
  to.set_seconds(nanos / 1'000'000'000);
  to.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

}  // namespace

absl::Status CheckId(const std::string& id) {
  if (id.size() <= kMaxIdBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("expected an id of at most ", kMaxIdBytes, " bytes, got ", id.size()));
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

void FillTiming(const engine::TaskTiming& from, v1::Timing& to) {
  SetDuration(from.queue, *to.mutable_queue());
  SetDuration(from.prepare, *to.mutable_decode());
  SetDuration(from.compute, *to.mutable_compute());
  to.set_batch_size(static_cast<uint32_t>(from.batch_size));
}

}  // namespace siskin::rpc
