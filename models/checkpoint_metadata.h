// The facts about a network that a checkpoint may state in its safetensors metadata.
#ifndef SISKIN_MODELS_CHECKPOINT_METADATA_H_
#define SISKIN_MODELS_CHECKPOINT_METADATA_H_

#include <array>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "models/input_contract.h"
#include "ops/checkpoint.h"
#include "ops/net.h"

namespace siskin::models {

struct CheckpointMetadata {
  std::string architecture;                  // "architecture"; empty if absent
  std::optional<ops::PaddingRule> padding;   // "padding": "symmetric" or "tf_same"
  std::optional<int> resolution;             // "input_size": "224x224", square
  std::optional<int> classes;                // "classes": "1000"
  std::optional<std::array<float, 3>> mean;  // "input_mean": "128,128,128", for pixels 0..255
  std::optional<std::array<float, 3>> std;   // "input_std"
  std::optional<ColorOrder> color_order;     // "color_order": "RGB" or "BGR"
};

// INVALID_ARGUMENT, naming the file, the key and what it should look like, for a value that does
// not parse. Keys that are not listed above are ignored.
absl::StatusOr<CheckpointMetadata> ReadMetadata(const ops::Checkpoint& checkpoint);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_CHECKPOINT_METADATA_H_
