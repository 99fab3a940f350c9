// The model that is part of the binary: a clothing classifier. Its card is
// models/builtin/README.md.
#ifndef SISKIN_SERVER_REPOSITORY_BUILTIN_MODEL_H_
#define SISKIN_SERVER_REPOSITORY_BUILTIN_MODEL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/repository/model_repository.h"

namespace siskin::repository {

inline constexpr char kBuiltinModel[] = "clothing";

// Its config and labels are read by the parsers of a model folder; an error is one of the build.
absl::StatusOr<ModelSource> BuiltinModel();

// The models of the repository at `path` (see ScanRepository), or the built-in one alone if `path`
// is empty.
absl::StatusOr<std::vector<ModelSource>> FindSources(const std::string& path);

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_BUILTIN_MODEL_H_
