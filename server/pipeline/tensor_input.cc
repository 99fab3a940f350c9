#include "server/pipeline/tensor_input.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace siskin::pipeline {
namespace {

constexpr int64_t kChannels = 3;

int64_t ElementBytes(TensorType type) { return type == TensorType::kFloat32 ? 4 : 1; }

int64_t ImageElements(const models::InputContract& contract) {
  return kChannels * contract.height * contract.width;
}

// The last three dimensions.
absl::Span<const int64_t> ImageShape(const TensorView& tensor) {
  return absl::MakeConstSpan(tensor.shape).last(3);
}

bool IsPlanar(const TensorView& tensor, const models::InputContract& contract) {
  return ImageShape(tensor) ==
         absl::MakeConstSpan({kChannels, int64_t{contract.height}, int64_t{contract.width}});
}

bool IsInterleaved(const TensorView& tensor, const models::InputContract& contract) {
  return ImageShape(tensor) ==
         absl::MakeConstSpan({int64_t{contract.height}, int64_t{contract.width}, kChannels});
}

absl::Status ShapeError(const TensorView& tensor, const models::InputContract& contract) {
  const std::string planar = absl::StrCat("[N,3,", contract.height, ",", contract.width, "]");
  const std::string interleaved = absl::StrCat("[N,", contract.height, ",", contract.width, ",3]");
  return absl::InvalidArgumentError(
      absl::StrCat("a ", ToString(tensor.type), " tensor of shape [",
                   absl::StrJoin(tensor.shape, ","), "] does not fit the model: expected ", planar,
                   tensor.type == TensorType::kUint8 ? absl::StrCat(" or ", interleaved) : "",
                   ", or the same without N"));
}

}  // namespace

const char* ToString(TensorType type) {
  switch (type) {
    case TensorType::kFloat32:
      return "FP32";
    case TensorType::kUint8:
      return "UINT8";
  }
  return "unknown";
}

absl::StatusOr<int> CheckTensor(const TensorView& tensor, const models::InputContract& contract,
                                int max_images) {
  const size_t rank = tensor.shape.size();
  if (rank != 3 && rank != 4) return ShapeError(tensor, contract);
  const bool fits = IsPlanar(tensor, contract) ||
                    (tensor.type == TensorType::kUint8 && IsInterleaved(tensor, contract));
  if (!fits) return ShapeError(tensor, contract);
  const int64_t images = rank == 4 ? tensor.shape[0] : 1;
  if (images < 1 || images > max_images) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a tensor of ", images, " images: expected 1 to ", max_images, " in a request"));
  }
  const int64_t expected = images * ImageElements(contract) * ElementBytes(tensor.type);
  if (static_cast<int64_t>(tensor.bytes.size()) != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a ", ToString(tensor.type), " tensor of shape [", absl::StrJoin(tensor.shape, ","),
        "] takes ", expected, " bytes, but ", tensor.bytes.size(), " came"));
  }
  return static_cast<int>(images);
}

void CopyTensorImage(const TensorView& tensor, const models::InputContract& contract, int index,
                     absl::Span<float> planes) {
  const int64_t elements = ImageElements(contract);
  const uint8_t* image = tensor.bytes.data() + index * elements * ElementBytes(tensor.type);
  if (tensor.type == TensorType::kFloat32) {
    std::memcpy(planes.data(), image, elements * sizeof(float));  // the source may be unaligned
    return;
  }
  const int64_t area = elements / kChannels;
  const bool planar = IsPlanar(tensor, contract);
  for (int64_t p = 0; p < kChannels; ++p) {
    const int64_t channel =
        contract.color_order == models::ColorOrder::kBgr ? kChannels - 1 - p : p;
    const uint8_t* in = image + (planar ? channel * area : channel);
    const int64_t stride = planar ? 1 : kChannels;
    float* out = planes.data() + p * area;
    for (int64_t i = 0; i < area; ++i) {
      out[i] = (static_cast<float>(in[i * stride]) - contract.mean[p]) / contract.std[p];
    }
  }
}

}  // namespace siskin::pipeline
