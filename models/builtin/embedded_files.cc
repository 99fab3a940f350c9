#include "models/builtin/embedded_files.h"

extern "C" {
extern const uint8_t siskin_clothing_weights[], siskin_clothing_weights_end[];
extern const char siskin_clothing_labels[], siskin_clothing_labels_end[];
extern const char siskin_clothing_config[], siskin_clothing_config_end[];
}

namespace siskin::models {

EmbeddedFiles EmbeddedClothing() {
  return {.weights = absl::MakeConstSpan(siskin_clothing_weights, siskin_clothing_weights_end),
          .labels = {siskin_clothing_labels, siskin_clothing_labels_end},
          .config = {siskin_clothing_config, siskin_clothing_config_end}};
}

}  // namespace siskin::models
