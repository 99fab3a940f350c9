// Model folders on disk.
//
//   <repo>/<model>/<version>/model.safetensors   version: a positive integer
//   <repo>/<model>/model.safetensors             the same as version 1, when there is no other
//   <repo>/<model>/labels.txt                    optional, a class a line
//   <repo>/<model>/model.textproto               optional, siskin.v1.ModelConfig
//
// The config is strict: an unknown field is INVALID_ARGUMENT with line and column. It may name a
// file of dilation patterns (models/dilation_pattern.h). Without a config the architecture comes
// from the checkpoint's metadata or the folder's name.
//
// Hidden entries, lost+found and plain files at the top are ignored; a folder without a model is an
// error. Symbolic links are followed. Model names are of the set [A-Za-z0-9_.-]{1,64}.
#ifndef SISKIN_SERVER_REPOSITORY_MODEL_REPOSITORY_H_
#define SISKIN_SERVER_REPOSITORY_MODEL_REPOSITORY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "models/model_loader.h"
#include "server/batching/queue_settings.h"

namespace siskin::repository {

inline constexpr char kWeightsFile[] = "model.safetensors";
inline constexpr char kLabelsFile[] = "labels.txt";
inline constexpr char kConfigFile[] = "model.textproto";

inline constexpr int kMaxModels = 1000;
inline constexpr int kMaxVersionsOfAModel = 100;

// 1 to 64 of A-Z, a-z, 0-9, '_', '.', '-'.
bool IsModelName(std::string_view name);

// One version, with its config parsed. Nothing large is read yet.
struct ModelSource {
  std::string name;
  std::string version;  // "1"
  std::string weights_path;
  // Not empty: they are in memory, and weights_path is only their name.
  absl::Span<const uint8_t> weights;
  std::vector<std::string> labels;
  models::LoadRequest load;
  batching::QueueSettings queue;  // that the config states
};

// Every model of the repository, ordered by name, then version (numerically). All versions are
// listed; a repository without models is an empty list.
// NOT_FOUND: no such folder. INVALID_ARGUMENT: names the file and the fault. RESOURCE_EXHAUSTED:
// more than kMaxModels or kMaxVersionsOfAModel. Other codes: a folder or file cannot be read.
absl::StatusOr<std::vector<ModelSource>> ScanRepository(const std::string& path);

// Maps, audits and binds the weights. INVALID_ARGUMENT also if there are labels, but not one per
// class. Errors do not name the model: the caller knows it.
absl::StatusOr<models::BoundModel> LoadSource(const ModelSource& source);

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_MODEL_REPOSITORY_H_
