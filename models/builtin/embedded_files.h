// The files of models/builtin/clothing, as the assembler put them into the binary.
#ifndef SISKIN_MODELS_BUILTIN_EMBEDDED_FILES_H_
#define SISKIN_MODELS_BUILTIN_EMBEDDED_FILES_H_

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace siskin::models {

// What a model folder of a repository holds. All of it lives as long as the process.
struct EmbeddedFiles {
  absl::Span<const uint8_t> weights;  // model.safetensors
  std::string_view labels;            // labels.txt
  std::string_view config;            // model.textproto
};

EmbeddedFiles EmbeddedClothing();

}  // namespace siskin::models

#endif  // SISKIN_MODELS_BUILTIN_EMBEDDED_FILES_H_
