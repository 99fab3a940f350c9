#include "server/pull/pull.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "models/catalog.h"
#include "ops/checkpoint.h"
#include "server/pull/files.h"
#include "server/pull/http.h"
#include "server/pull/imagenet_labels.h"
#include "server/pull/source.h"
#include "server/pull/staging.h"
#include "server/pull/torch/torch_file.h"
#include "server/repository/model_config.h"
#include "server/repository/model_repository.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;

template <typename T>
void KeepDifference(const std::optional<T>& stated, const T& found, std::optional<T>& kept) {
  if (stated.has_value() && *stated != found) kept = stated;
}

bool IsPublished(const models::ModelSpec* spec, double width) {
  if (spec == nullptr) return false;
  const std::vector<double> published = spec->PublishedWidths();
  return std::count(published.begin(), published.end(), width) > 0;
}

class Preparation {
 public:
  Preparation(const PullRequest& request, Staging& staging)
      : request_(request), staging_(staging) {}

  // From what was obtained to a repository of one model in the staging folder.
  absl::StatusOr<PullResult> Run(const Obtained& obtained) {
    SISKIN_RETURN_IF_ERROR(StoreWeights(obtained.file));
    SISKIN_RETURN_IF_ERROR(StoreConfig(obtained.facts.load));
    PullResult result;
    result.sha256 = obtained.sha256;
    // The trial decides about the number of classes, thus about labels; the second one includes
    // them.
    SISKIN_RETURN_IF_ERROR(TryLoading(result));
    SISKIN_RETURN_IF_ERROR(StoreLabels(obtained.facts.labels, result));
    SISKIN_RETURN_IF_ERROR(TryLoading(result));
    std::error_code error;
    result.bytes = static_cast<int64_t>(fs::file_size(staging_.weights(), error));
    return result;
  }

 private:
  // A torch file is converted, anything else copied; the loader will say what is wrong with it.
  absl::Status StoreWeights(const fs::path& file) {
    const std::string to = staging_.weights().string();
    SISKIN_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, ReadFile(file));
    if (!IsTorchFile(bytes)) {
      return WriteFile(to, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    const absl::StatusOr<std::vector<StateTensor>> state = ReadTorchFile(bytes);
    if (!state.ok()) {
      return absl::Status(state.status().code(),
                          absl::StrCat(request_.source, ": ", state.status().message()));
    }
    std::vector<ops::NamedTensor> tensors;
    for (const StateTensor& tensor : *state) {
      tensors.push_back({tensor.key, tensor.shape, tensor.values});
    }
    SISKIN_RETURN_IF_ERROR(ops::WriteCheckpoint(to, tensors, {}));
    return Sync(to);
  }

  absl::Status StoreConfig(models::LoadRequest stated) {
    stated.name_hint = request_.name;
    SISKIN_ASSIGN_OR_RETURN(const auto checkpoint,
                            ops::Checkpoint::Open(staging_.weights().string()));
    const absl::StatusOr<models::LoadRequest> load = StatedDifferences(checkpoint, stated);
    if (!load.ok()) return WithHint(load.status());
    return WriteFile(staging_.config(), repository::FormatModelConfig(*load));
  }

  // The loader's own advice is about the files of a repository.
  absl::Status WithHint(const absl::Status& status) const {
    if (!request_.architecture.empty()) return status;
    return absl::Status(status.code(), absl::StrCat(status.message(),
                                                    ". To pull it as another network, add "
                                                    "--architecture NAME ('siskin inspect' lists "
                                                    "the names)"));
  }

  absl::Status StoreLabels(const std::vector<std::string>& stated, PullResult& result) {
    const int classes = result.model.options.classes;
    const bool classifier = result.model.spec->output == models::OutputKind::kClassification;
    if (!classifier) return absl::OkStatus();
    if (!stated.empty()) {
      result.labels = stated.size();
      return WriteFile(staging_.labels(), absl::StrCat(absl::StrJoin(stated, "\n"), "\n"));
    }
    if (classes != kImageNetClasses) return absl::OkStatus();
    result.labels = kImageNetClasses;
    result.assumed_labels = true;
    return WriteFile(staging_.labels(), kImageNetLabels);
  }

  // As the server would.
  absl::Status TryLoading(PullResult& result) {
    SISKIN_ASSIGN_OR_RETURN(const auto sources,
                            repository::ScanRepository(staging_.repository().string()));
    SISKIN_ASSIGN_OR_RETURN(result.model, repository::LoadSource(sources.front()));
    return absl::OkStatus();
  }

  const PullRequest& request_;
  Staging& staging_;
};

absl::Status CheckRequest(const PullRequest& request) {
  const bool hex = request.sha256.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!request.sha256.empty() && (request.sha256.size() != kSha256Digits || !hex)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--sha256 takes ", kSha256Digits, " hexadecimal digits"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<models::LoadRequest> StatedDifferences(const ops::Checkpoint& checkpoint,
                                                      const models::LoadRequest& stated) {
  models::LoadRequest short_request;
  short_request.architecture = stated.architecture;
  short_request.name_hint = stated.name_hint;
  const models::CatalogMatch identity = models::FindByName(stated.architecture);
  // Published widths are found by the shapes of the weights.
  if (stated.width.has_value() && !IsPublished(identity.spec, *stated.width)) {
    short_request.width = stated.width;
  }
  // Without a variant's name the folder's name would count, which may change.
  if (identity.variant == nullptr) short_request.resolution = stated.resolution;
  SISKIN_ASSIGN_OR_RETURN(models::BoundModel model, models::LoadModel(checkpoint, short_request));
  if (stated.architecture.empty()) short_request.architecture = model.spec->architecture;
  KeepDifference(stated.padding, model.options.padding, short_request.padding);
  KeepDifference(stated.batch_norm_epsilon, model.options.batch_norm_epsilon,
                 short_request.batch_norm_epsilon);
  KeepDifference(stated.resolution, model.options.resolution, short_request.resolution);
  // The publisher's rule for resizing depends on the resolution.
  SISKIN_ASSIGN_OR_RETURN(model, models::LoadModel(checkpoint, short_request));
  const models::LoadRequest::InputOverrides& input = stated.input;
  KeepDifference(input.rule, model.input.rule, short_request.input.rule);
  KeepDifference(input.resize_to, model.input.resize_to, short_request.input.resize_to);
  KeepDifference(input.crop_fraction, model.input.crop_fraction, short_request.input.crop_fraction);
  KeepDifference(input.interpolation, model.input.interpolation, short_request.input.interpolation);
  KeepDifference(input.color_order, model.input.color_order, short_request.input.color_order);
  KeepDifference(input.mean, model.input.mean, short_request.input.mean);
  KeepDifference(input.std, model.input.std, short_request.input.std);
  return short_request;
}

absl::StatusOr<PullResult> Pull(const PullRequest& given, const PullOptions& given_options) {
  SISKIN_RETURN_IF_ERROR(CheckRequest(given));
  SISKIN_ASSIGN_OR_RETURN(const Source source, ParseSource(given.source));
  SISKIN_ASSIGN_OR_RETURN(const Url endpoint, ParseUrl(given_options.endpoint));
  PullOptions options = given_options;
  options.download.token_origin = endpoint.origin;
  PullRequest request = given;
  if (request.name.empty()) request.name = source.name;
  if (request.name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.source, ": what shall the model be called? Add --as NAME"));
  }
  SISKIN_RETURN_IF_ERROR(
      CheckPlace(request.repository, request.name, request.version, request.replace));
  SISKIN_ASSIGN_OR_RETURN(const auto staging,
                          Staging::Open(request.repository, request.name, request.version));
  SISKIN_ASSIGN_OR_RETURN(const Obtained obtained,
                          Obtain(request, options, source, staging->download()));
  SISKIN_ASSIGN_OR_RETURN(PullResult result, Preparation(request, *staging).Run(obtained));
  SISKIN_RETURN_IF_ERROR(staging->Publish(request.replace));
  result.name = request.name;
  result.weights =
      request.repository / request.name / absl::StrCat(request.version) / repository::kWeightsFile;
  return result;
}

}  // namespace siskin::pull
