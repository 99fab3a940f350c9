// <repo>/<model>/model.textproto: siskin.v1.ModelConfig as text. Generated types stay in the .cc.
#ifndef SISKIN_SERVER_REPOSITORY_MODEL_CONFIG_H_
#define SISKIN_SERVER_REPOSITORY_MODEL_CONFIG_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "server/batching/queue_settings.h"

namespace siskin::repository {

struct ParsedConfig {
  models::LoadRequest load;  // without name_hint and dilation_patterns
  batching::QueueSettings queue;
  std::string dilation_pattern_file;  // relative to the model's folder; empty: none
};

// INVALID_ARGUMENT, as "path:line:column: message": a syntax error, an unknown or repeated field, a
// value out of range. Columns and lines count from one.
absl::StatusOr<ParsedConfig> ParseModelConfig(const std::string& path, std::string_view text);

// The text that ParseModelConfig reads as `load`, which states no dilation patterns and no number
// of classes: the file has no place for them.
std::string FormatModelConfig(const models::LoadRequest& load);

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_MODEL_CONFIG_H_
