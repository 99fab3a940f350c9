#include "server/repository/builtin_model.h"

#include <utility>

#include "base/status_macros.h"
#include "models/builtin/embedded_files.h"
#include "server/repository/model_config.h"
#include "server/repository/text_file.h"

namespace siskin::repository {

absl::StatusOr<ModelSource> BuiltinModel() {
  const models::EmbeddedFiles files = models::EmbeddedClothing();
  SISKIN_ASSIGN_OR_RETURN(ParsedConfig config,
                          ParseModelConfig("builtin:model.textproto", files.config));
  SISKIN_ASSIGN_OR_RETURN(std::vector<std::string> labels,
                          ParseLabels("builtin:labels.txt", files.labels));
  return ModelSource{.name = kBuiltinModel,
                     .version = "1",
                     .weights_path = "builtin:model.safetensors",
                     .weights = files.weights,
                     .labels = std::move(labels),
                     .load = std::move(config.load),
                     .queue = config.queue};
}

absl::StatusOr<std::vector<ModelSource>> FindSources(const std::string& path) {
  if (!path.empty()) return ScanRepository(path);
  SISKIN_ASSIGN_OR_RETURN(ModelSource source, BuiltinModel());
  return std::vector<ModelSource>{std::move(source)};
}

}  // namespace siskin::repository
