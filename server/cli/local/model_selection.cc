#include "server/cli/local/model_selection.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/repository/builtin_model.h"

namespace siskin::cli {
namespace {

using Sources = std::vector<repository::ModelSource>;

std::string Names(const Sources& sources) {
  std::set<std::string> names;
  for (const repository::ModelSource& source : sources) names.insert(source.name);
  return absl::StrJoin(names, ", ");
}

bool HasSeveralModels(const Sources& sources) {
  return std::any_of(sources.begin(), sources.end(), [&](const repository::ModelSource& source) {
    return source.name != sources.front().name;
  });
}

}  // namespace

absl::StatusOr<repository::ModelSource> FindSource(const Sources& sources, const std::string& model,
                                                   const std::string& version) {
  if (sources.empty()) return absl::NotFoundError("the repository holds no model");
  if (model.empty() && HasSeveralModels(sources)) {
    return absl::NotFoundError(absl::StrCat("which model? the repository holds ", Names(sources),
                                            "; choose with --model"));
  }
  const std::string& name = model.empty() ? sources.front().name : model;
  const repository::ModelSource* found = nullptr;
  std::vector<std::string> versions;
  for (const repository::ModelSource& source : sources) {
    if (source.name != name) continue;
    versions.push_back(source.version);
    // Sources are ordered by version, so the last match is the highest.
    if (version.empty() || source.version == version) found = &source;
  }
  if (found != nullptr) return *found;
  if (versions.empty()) {
    return absl::NotFoundError(absl::StrCat("no model '", name, "', only ", Names(sources)));
  }
  return absl::NotFoundError(absl::StrCat("model '", name, "' has no version ", version, ", only ",
                                          absl::StrJoin(versions, ", ")));
}

absl::StatusOr<SelectedModel> SelectModel(const std::string& path, const std::string& model,
                                          const std::string& version) {
  SISKIN_ASSIGN_OR_RETURN(const Sources sources, repository::FindSources(path));
  SISKIN_ASSIGN_OR_RETURN(const repository::ModelSource source,
                          FindSource(sources, model, version));
  absl::StatusOr<models::BoundModel> bound = repository::LoadSource(source);
  if (!bound.ok()) {
    return absl::Status(bound.status().code(),
                        absl::StrCat("model ", source.name, " version ", source.version, ": ",
                                     bound.status().message()));
  }
  return SelectedModel{source.name, source.version, *std::move(bound),
                       batching::Resolve(source.queue, {})};
}

absl::StatusOr<SelectedModel> SelectRandom(const std::string& name) {
  models::LoadRequest request;
  request.architecture = name;
  SISKIN_ASSIGN_OR_RETURN(models::BoundModel bound, models::RandomModel(request));
  return SelectedModel{name, "1", std::move(bound), {}};
}

}  // namespace siskin::cli
