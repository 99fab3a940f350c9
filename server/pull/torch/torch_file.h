// Weights as torch.save writes them (.pth, .pt, .bin), read without Python and without executing
// anything. Both containers: the zip archive (torch 1.6 and later) and the legacy stream of
// pickles. Thread-safe.
#ifndef SISKIN_SERVER_PULL_TORCH_TORCH_FILE_H_
#define SISKIN_SERVER_PULL_TORCH_TORCH_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace siskin::pull {

// Over all tensors: 1 GiB as float32.
inline constexpr int64_t kMaxTorchElements = int64_t{1} << 28;

// A tensor as float32, contiguous.
struct StateTensor {
  std::string key;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// Whether the file begins as one of the containers does.
bool IsTorchFile(absl::Span<const uint8_t> bytes);

// The state dict of the file: the dict itself, or its "state_dict" or "model". The prefix "module."
// is taken off if every key has it; counters of batches (num_batches_tracked) are left out.
// float64, float16 and bfloat16 become float32. INVALID_ARGUMENT: not such a file, truncated, with
// tensors of another type or outside of their storage, or with anything else than weights; says
// what. RESOURCE_EXHAUSTED: more than kMaxTorchElements.
absl::StatusOr<std::vector<StateTensor>> ReadTorchFile(absl::Span<const uint8_t> bytes);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_TORCH_FILE_H_
