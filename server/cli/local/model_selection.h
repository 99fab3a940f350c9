// Which model a command works on: one of a repository, the built-in one, or a network of the
// catalogue with random weights.
#ifndef SISKIN_SERVER_CLI_LOCAL_MODEL_SELECTION_H_
#define SISKIN_SERVER_CLI_LOCAL_MODEL_SELECTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "server/repository/model_repository.h"

namespace siskin::cli {

struct SelectedModel {
  std::string name;
  std::string version;
  models::BoundModel model;
  batching::QueueOptions queue;  // of its configuration
};

// The source of `model` among `sources`. `model` empty: the only one there is; `version` empty: the
// highest. NOT_FOUND lists what exists.
absl::StatusOr<repository::ModelSource> FindSource(
    const std::vector<repository::ModelSource>& sources, const std::string& model,
    const std::string& version);

// Finds it in the repository at `path`, or among what is built in if `path` is empty, and binds its
// weights.
absl::StatusOr<SelectedModel> SelectModel(const std::string& path, const std::string& model,
                                          const std::string& version);

// `name`: an architecture or a variant of the catalogue.
absl::StatusOr<SelectedModel> SelectRandom(const std::string& name);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_MODEL_SELECTION_H_
