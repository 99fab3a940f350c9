#include "server/pull/hub.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "models/catalog.h"
#include "models/family.h"
#include "ops/net.h"

namespace siskin::pull {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxConfigBytes = int64_t{4} << 20;
constexpr float kFullScale = 255;
constexpr char kBackground[] = "background";

absl::StatusOr<Json> ParseObject(const char* file, std::string_view text) {
  Json json = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) return json;
  return absl::InvalidArgumentError(absl::StrCat(file, " is no JSON object"));
}

// A member of an object; null if it is not there.
const Json& Member(const Json& object, const char* name) {
  static const Json* const null = new Json();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? *null : *found;
}

absl::Status Unusable(const char* name, const Json& value, const char* expected) {
  const std::string found = value.is_structured()
                                ? absl::StrCat("an ", value.type_name())  // of any depth
                                : value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return absl::InvalidArgumentError(absl::StrCat(
      "the hub's config says \"", name, "\": ", found.substr(0, 100), "; expected ", expected));
}

// Each sets `field` to a member that is there.

absl::Status ReadNumber(const Json& object, const char* name, std::optional<double>& field) {
  const Json& value = Member(object, name);
  if (value.is_null()) return absl::OkStatus();
  if (!value.is_number()) return Unusable(name, value, "a number");
  field = value.get<double>();
  return absl::OkStatus();
}

absl::Status ReadSide(const Json& object, const char* name, std::optional<int>& field) {
  std::optional<double> number;
  SISKIN_RETURN_IF_ERROR(ReadNumber(object, name, number));
  if (!number.has_value()) return absl::OkStatus();
  if (!(*number >= 1 && *number <= models::kMaxResolution)) {
    return Unusable(name, Member(object, name), "a number of pixels");
  }
  field = static_cast<int>(*number);
  return absl::OkStatus();
}

// Three numbers for pixel values 0..1, as ours are for 0..255.
absl::Status ReadTriple(const Json& object, const char* name, double full_scale,
                        std::optional<std::array<float, 3>>& field) {
  const Json& value = Member(object, name);
  if (value.is_null()) return absl::OkStatus();
  if (!value.is_array() || value.size() != 3 || !value[0].is_number() || !value[1].is_number() ||
      !value[2].is_number()) {
    return Unusable(name, value, "three numbers");
  }
  field.emplace();
  for (size_t i = 0; i < 3; ++i) {
    (*field)[i] = static_cast<float>(value[i].get<double>() * full_scale);
  }
  return absl::OkStatus();
}

// timm: [3, side, side]
absl::Status ReadInputSize(const Json& config, std::optional<int>& resolution) {
  const Json& size = Member(config, "input_size");
  if (size.is_null()) return absl::OkStatus();
  const bool square = size.is_array() && size.size() == 3 && size[0] == 3 && size[1] == size[2] &&
                      size[1].is_number_integer() && size[1] >= 1 &&
                      size[1] <= models::kMaxResolution;
  if (!square) return Unusable("input_size", size, "[3, side, side]");
  resolution = size[1].get<int>();
  return absl::OkStatus();
}

absl::Status ReadTimmInterpolation(const Json& config,
                                   std::optional<models::Interpolation>& interpolation) {
  const Json& value = Member(config, "interpolation");
  if (value.is_null()) return absl::OkStatus();
  if (value == "bicubic") {
    interpolation = models::Interpolation::kBicubic;
  } else if (value == "bilinear") {
    interpolation = models::Interpolation::kBilinear;
  } else {
    return Unusable("interpolation", value, "\"bicubic\" or \"bilinear\"");
  }
  return absl::OkStatus();
}

// timm: the short side to floor(side / crop_pct), then the central square.
absl::Status ReadTimmCrop(const Json& config, models::LoadRequest& load) {
  const Json& mode = Member(config, "crop_mode");
  if (!mode.is_null() && mode != "center") return Unusable("crop_mode", mode, "\"center\"");
  std::optional<double> fraction;
  SISKIN_RETURN_IF_ERROR(ReadNumber(config, "crop_pct", fraction));
  if (!fraction.has_value() || !load.resolution.has_value()) return absl::OkStatus();
  if (!(*fraction > 0.1 && *fraction <= 1)) {
    return Unusable("crop_pct", Member(config, "crop_pct"), "a fraction");
  }
  load.input.rule = models::ResizeRule::kShortSideThenCrop;
  load.input.resize_to = static_cast<int>(std::floor(*load.resolution / *fraction));
  return absl::OkStatus();
}

absl::StatusOr<HubModel> ReadTimm(const Json& config) {
  // Files from before 2023 have no object of their own for it.
  const Json& nested = Member(config, "pretrained_cfg");
  const Json& input = nested.is_object() ? nested : config;
  HubModel model;
  model.load.architecture = config["architecture"].get<std::string>();
  if (const Json& tag = Member(input, "tag"); tag.is_string()) {
    const std::string& name = tag.get_ref<const std::string&>();
    if (!name.empty()) absl::StrAppend(&model.load.architecture, ".", name);
  }
  SISKIN_RETURN_IF_ERROR(ReadInputSize(input, model.load.resolution));
  SISKIN_RETURN_IF_ERROR(ReadTriple(input, "mean", kFullScale, model.load.input.mean));
  SISKIN_RETURN_IF_ERROR(ReadTriple(input, "std", kFullScale, model.load.input.std));
  SISKIN_RETURN_IF_ERROR(ReadTimmInterpolation(input, model.load.input.interpolation));
  SISKIN_RETURN_IF_ERROR(ReadTimmCrop(input, model.load));
  for (const Json& label : Member(config, "label_names")) {
    if (!label.is_string()) return Unusable("label_names", label, "a text");
    model.labels.push_back(label.get<std::string>());
  }
  return model;
}

// transformers: {"0": "background", "1": "tench", ...}
absl::Status ReadLabels(const Json& config, std::vector<std::string>& labels) {
  const Json& names = Member(config, "id2label");
  for (size_t id = 0; id < names.size(); ++id) {
    const Json& label = Member(names, absl::StrCat(id).c_str());
    if (!label.is_string()) return Unusable("id2label", names, "a text for each class");
    labels.push_back(label.get<std::string>());
  }
  if (!labels.empty() && labels.front() == kBackground) labels.erase(labels.begin());
  return absl::OkStatus();
}

// 256, or {"shortest_edge": 256}, or {"height": 224, "width": 224}
absl::Status ReadHfSide(const Json& config, const char* name, const char* member,
                        std::optional<int>& side) {
  const Json& value = Member(config, name);
  if (!value.is_object()) return ReadSide(config, name, side);
  if (!value.contains(member)) return Unusable(name, value, member);
  return ReadSide(value, member, side);
}

absl::Status ReadHfInput(const Json& config, models::LoadRequest& load) {
  constexpr int kPilBilinear = 2;
  constexpr int kPilBicubic = 3;
  std::optional<double> scale;
  SISKIN_RETURN_IF_ERROR(ReadNumber(config, "rescale_factor", scale));
  const double full_scale = scale.has_value() && *scale > 0 ? 1 / *scale : kFullScale;
  SISKIN_RETURN_IF_ERROR(ReadTriple(config, "image_mean", full_scale, load.input.mean));
  SISKIN_RETURN_IF_ERROR(ReadTriple(config, "image_std", full_scale, load.input.std));
  SISKIN_RETURN_IF_ERROR(ReadHfSide(config, "size", "shortest_edge", load.input.resize_to));
  if (load.input.resize_to.has_value()) load.input.rule = models::ResizeRule::kShortSideThenCrop;
  SISKIN_RETURN_IF_ERROR(ReadHfSide(config, "crop_size", "height", load.resolution));
  const Json& filter = Member(config, "resample");
  if (filter == kPilBilinear) {
    load.input.interpolation = models::Interpolation::kBilinear;
  } else if (filter == kPilBicubic) {
    load.input.interpolation = models::Interpolation::kBicubic;
  } else if (!filter.is_null()) {
    return Unusable("resample", filter, "2 (bilinear) or 3 (bicubic)");
  }
  return absl::OkStatus();
}

// The variant that the config describes, if it is a published one: its name says all of it.
std::string VariantName(const models::LoadRequest& load) {
  if (!load.width.has_value() || !load.resolution.has_value()) return load.architecture;
  const std::string name =
      absl::StrCat(load.architecture, "_", models::WidthLabel(*load.width), "_", *load.resolution);
  return models::FindByName(name).variant != nullptr ? name : load.architecture;
}

absl::StatusOr<HubModel> ReadTransformers(const Json& config, std::string_view preprocessor) {
  HubModel model;
  models::LoadRequest& load = model.load;
  load.architecture = config["model_type"].get<std::string>();
  SISKIN_RETURN_IF_ERROR(ReadNumber(config, "depth_multiplier", load.width));
  SISKIN_RETURN_IF_ERROR(ReadSide(config, "image_size", load.resolution));
  SISKIN_RETURN_IF_ERROR(ReadNumber(config, "layer_norm_eps", load.batch_norm_epsilon));
  if (const Json& tf_padding = Member(config, "tf_padding"); tf_padding.is_boolean()) {
    load.padding =
        tf_padding.get<bool>() ? ops::PaddingRule::kTfSame : ops::PaddingRule::kSymmetric;
  }
  SISKIN_RETURN_IF_ERROR(ReadLabels(config, model.labels));
  if (!preprocessor.empty()) {
    SISKIN_ASSIGN_OR_RETURN(const Json input,
                            ParseObject("preprocessor_config.json", preprocessor));
    SISKIN_RETURN_IF_ERROR(ReadHfInput(input, load));
  }
  load.architecture = VariantName(load);
  return model;
}

}  // namespace

absl::StatusOr<HubModel> ReadHubConfig(std::string_view config, std::string_view preprocessor) {
  SISKIN_ASSIGN_OR_RETURN(const Json json, ParseObject("config.json", config));
  if (Member(json, "architecture").is_string()) return ReadTimm(json);
  const Json& type = Member(json, "model_type");
  if (type == "mobilenet_v1" || type == "mobilenet_v2") return ReadTransformers(json, preprocessor);
  return Unusable("model_type", type,
                  "\"architecture\" (timm) or \"mobilenet_v1\" or \"mobilenet_v2\" (transformers)");
}

HubRepository::HubRepository(std::string endpoint, std::string repository, std::string revision,
                             Downloader& downloader)
    : endpoint_(absl::StripSuffix(endpoint, "/")),
      repository_(std::move(repository)),
      revision_(std::move(revision)),
      downloader_(downloader) {}

absl::StatusOr<HubModel> HubRepository::FetchModel() {
  DownloadText config;
  SISKIN_ASSIGN_OR_RETURN(const Fetched fetched,
                          downloader_.Fetch(Url("config.json"), config, kMaxConfigBytes));
  if (!fetched.commit.empty()) revision_ = fetched.commit;
  SISKIN_ASSIGN_OR_RETURN(const std::string preprocessor,
                          FetchOptional("preprocessor_config.json"));
  return ReadHubConfig(config.text(), preprocessor);
}

std::vector<std::string> HubRepository::WeightUrls() const {
  return {Url("model.safetensors"), Url("pytorch_model.bin")};
}

std::string HubRepository::Url(const char* file) const {
  // Of "refs/pr/1", the slashes are no separators.
  const std::string revision = absl::StrReplaceAll(revision_, {{"/", "%2F"}});
  return absl::StrCat(endpoint_, "/", repository_, "/resolve/", revision, "/", file);
}

absl::StatusOr<std::string> HubRepository::FetchOptional(const char* file) {
  DownloadText text;
  const absl::Status status = downloader_.Fetch(Url(file), text, kMaxConfigBytes).status();
  if (absl::IsNotFound(status)) return "";
  if (!status.ok()) return status;
  return text.text();
}

}  // namespace siskin::pull
