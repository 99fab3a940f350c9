#include "server/repository/model_repository.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/dilation_pattern.h"
#include "ops/checkpoint.h"
#include "server/repository/model_config.h"
#include "server/repository/text_file.h"

namespace siskin::repository {
namespace {

namespace fs = std::filesystem;

absl::Status Invalid(const fs::path& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path.string(), ": ", what));
}

// The folders of a folder, in the order of their names. Hidden ones are left out, and lost+found,
// which is at the root of every ext4 volume.
absl::StatusOr<std::vector<fs::path>> Subfolders(const fs::path& folder) {
  std::vector<fs::path> subfolders;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.front() == '.' || name == "lost+found") continue;
    const fs::file_status status = entry->status(error);
    if (status.type() == fs::file_type::not_found) {
      return Invalid(entry->path(), "is a symbolic link to nothing");
    }
    if (error) break;
    if (fs::is_directory(status)) subfolders.push_back(entry->path());
  }
  if (error) return absl::ErrnoToStatus(error.value(), folder.string());
  std::sort(subfolders.begin(), subfolders.end());
  return subfolders;
}

bool HasWeights(const fs::path& folder) {
  std::error_code unused;  // what cannot be seen is not there
  return fs::is_regular_file(folder / kWeightsFile, unused);
}

std::optional<int64_t> ParseVersion(const std::string& name) {
  int64_t version = 0;
  const bool digits = name.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || name.front() == '0' || !absl::SimpleAtoi(name, &version)) return std::nullopt;
  return version;
}

// Version folders by number.
absl::StatusOr<std::map<int64_t, fs::path>> FindVersions(const fs::path& model) {
  SISKIN_ASSIGN_OR_RETURN(const std::vector<fs::path> folders, Subfolders(model));
  if (folders.size() > kMaxVersionsOfAModel) {
    return absl::ResourceExhaustedError(absl::StrCat(model.string(), ": has ", folders.size(),
                                                     " folders; at most ", kMaxVersionsOfAModel));
  }
  std::map<int64_t, fs::path> versions;
  for (const fs::path& folder : folders) {
    const std::optional<int64_t> version = ParseVersion(folder.filename().string());
    if (!version.has_value()) {
      return Invalid(folder, "is no version; expected a positive integer without leading zeros");
    }
    if (!HasWeights(folder)) return Invalid(folder, absl::StrCat("has no ", kWeightsFile));
    versions[*version] = folder;
  }
  if (!HasWeights(model)) return versions;
  if (!versions.empty()) {
    return Invalid(model / kWeightsFile,
                   "stands beside version folders; move it into a version folder of its own");
  }
  versions[1] = model;
  return versions;
}

// The contents of an optional file; nullopt if there is none.
absl::StatusOr<std::optional<std::string>> ReadOptional(const fs::path& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path.string());
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  return *std::move(text);
}

// The model's own dilation patterns, if its config names a file of them.
absl::StatusOr<std::vector<models::DilationPattern>> ReadDilationPatterns(
    const fs::path& model, const ParsedConfig& config) {
  if (config.dilation_pattern_file.empty()) return std::vector<models::DilationPattern>();
  const std::string path = (model / config.dilation_pattern_file).string();
  SISKIN_ASSIGN_OR_RETURN(const auto text, ReadOptional(path));
  if (!text.has_value()) return Invalid(path, "no such file; model.textproto asks for it");
  return models::ParseDilationPatterns(path, *text);
}

absl::Status ScanModel(const fs::path& model, std::vector<ModelSource>& sources) {
  ModelSource source;
  source.name = model.filename().string();
  if (!IsModelName(source.name)) {
    return Invalid(model, "is no model name; expected 1 to 64 of A-Z, a-z, 0-9, '_', '.', '-'");
  }
  SISKIN_ASSIGN_OR_RETURN(const auto versions, FindVersions(model));
  if (versions.empty()) {
    return Invalid(model,
                   absl::StrCat("has no model; expected ", kWeightsFile, " or 1/", kWeightsFile));
  }
  SISKIN_ASSIGN_OR_RETURN(const auto config, ReadOptional(model / kConfigFile));
  if (config.has_value()) {
    SISKIN_ASSIGN_OR_RETURN(ParsedConfig parsed,
                            ParseModelConfig((model / kConfigFile).string(), *config));
    SISKIN_ASSIGN_OR_RETURN(parsed.load.dilation_patterns, ReadDilationPatterns(model, parsed));
    source.load = std::move(parsed.load);
    source.queue = parsed.queue;
  }
  source.load.name_hint = source.name;
  SISKIN_ASSIGN_OR_RETURN(const auto labels, ReadOptional(model / kLabelsFile));
  if (labels.has_value()) {
    SISKIN_ASSIGN_OR_RETURN(source.labels, ParseLabels((model / kLabelsFile).string(), *labels));
  }
  for (const auto& [number, folder] : versions) {
    source.version = std::to_string(number);
    source.weights_path = (folder / kWeightsFile).string();
    sources.push_back(source);
  }
  return absl::OkStatus();
}

absl::StatusOr<ops::Checkpoint> OpenWeights(const ModelSource& source) {
  if (source.weights.empty()) return ops::Checkpoint::Open(source.weights_path);
  return ops::Checkpoint::Parse(source.weights, /*owner=*/nullptr, source.weights_path);
}

}  // namespace

bool IsModelName(std::string_view name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

absl::StatusOr<std::vector<ModelSource>> ScanRepository(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat("Model repository '", path, "' does not exist"));
  }
  if (error) return absl::ErrnoToStatus(error.value(), path);
  if (!fs::is_directory(status)) return Invalid(path, "is no folder; expected a model repository");
  SISKIN_ASSIGN_OR_RETURN(const std::vector<fs::path> models, Subfolders(path));
  if (models.size() > kMaxModels) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": has ", models.size(), " models; at most ", kMaxModels));
  }
  std::vector<ModelSource> sources;
  for (const fs::path& model : models) SISKIN_RETURN_IF_ERROR(ScanModel(model, sources));
  return sources;
}

absl::StatusOr<models::BoundModel> LoadSource(const ModelSource& source) {
  SISKIN_ASSIGN_OR_RETURN(const auto checkpoint, OpenWeights(source));
  SISKIN_ASSIGN_OR_RETURN(auto model, models::LoadModel(checkpoint, source.load));
  if (const auto valid = models::CheckLabels(model, source.labels); !valid.ok()) {
    return Invalid(kLabelsFile, std::string(valid.message()));
  }
  return model;
}

}  // namespace siskin::repository
