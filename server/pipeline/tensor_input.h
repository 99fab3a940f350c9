// A tensor sent by a client instead of a photo.
#ifndef SISKIN_SERVER_PIPELINE_TENSOR_INPUT_H_
#define SISKIN_SERVER_PIPELINE_TENSOR_INPUT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "models/input_contract.h"

namespace siskin::pipeline {

enum class TensorType {
  // Already normalised: goes to the network as it is. [N,] 3, height, width.
  kFloat32,
  // RGB pixel values 0..255, normalised here. [N,] 3, height, width or [N,] height, width, 3.
  kUint8,
};
const char* ToString(TensorType type);  // "FP32", "UINT8"

// Borrowed bytes, little endian, row major, no padding.
struct TensorView {
  TensorType type = TensorType::kFloat32;
  std::vector<int64_t> shape;
  absl::Span<const uint8_t> bytes;
};

// Checks type, shape (with or without a leading batch dimension) and byte count against the
// contract and returns the number of images, 1..max_images. INVALID_ARGUMENT says what was expected
// and what came. Never reads the bytes.
absl::StatusOr<int> CheckTensor(const TensorView& tensor, const models::InputContract& contract,
                                int max_images);

// Writes image `index` of a checked tensor into `planes` [3, height, width].
void CopyTensorImage(const TensorView& tensor, const models::InputContract& contract, int index,
                     absl::Span<float> planes);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_TENSOR_INPUT_H_
