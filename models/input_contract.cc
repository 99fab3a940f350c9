#include "models/input_contract.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace siskin::models {
namespace {

constexpr int kMaxSide = 4096;
constexpr std::array<float, 3> kImageNetMean = {123.675f, 116.28f, 103.53f};
constexpr std::array<float, 3> kImageNetStd = {58.395f, 57.12f, 57.375f};
constexpr std::array<float, 3> kHalf = {127.5f, 127.5f, 127.5f};  // to -1..1, as mean and as std
constexpr std::array<float, 3> kZero = {0, 0, 0};
constexpr std::array<float, 3> kOne = {1, 1, 1};
constexpr std::array<float, 3> kFull = {255, 255, 255};  // to 0..1, as std

// resize_to = floor(size * numerator / denominator) + margin.
struct ResizeTo {
  int numerator = 1;
  int denominator = 1;
  int margin = 0;
};

struct Preset {
  std::string_view name;
  ResizeRule rule = ResizeRule::kShortSideThenCrop;
  ResizeTo resize_to = {};
  Interpolation interpolation = Interpolation::kBilinear;
  std::array<float, 3> mean = kImageNetMean;
  std::array<float, 3> std = kImageNetStd;
  ColorOrder color_order = ColorOrder::kRgb;
};

// The evaluation preprocessing of each publisher, with the numbers for pixels 0..255.
constexpr Preset kPresets[] = {
    // torchvision's ImageClassification presets: 256 and, for newer weights, 232 at 224.
    {.name = "tv256", .resize_to = {.numerator = 256, .denominator = 224}},
    {.name = "tv232", .resize_to = {.numerator = 232, .denominator = 224}},
    {.name = "tv256_bicubic",
     .resize_to = {.numerator = 256, .denominator = 224},
     .interpolation = Interpolation::kBicubic},
    // Its ports of TF-slim's Inceptions: `transform_input` undoes the ImageNet mean, so that the
    // network sees -1..1.
    {.name = "tv256_half",
     .resize_to = {.numerator = 256, .denominator = 224},
     .mean = kHalf,
     .std = kHalf},
    {.name = "tv342_half",
     .resize_to = {.numerator = 342, .denominator = 299},
     .mean = kHalf,
     .std = kHalf},
    // timm: floor(size / crop_pct) with crop_pct 0.875, unless the name says another.
    {.name = "timm",
     .resize_to = {.numerator = 8, .denominator = 7},
     .interpolation = Interpolation::kBicubic},
    {.name = "timm_half",
     .resize_to = {.numerator = 8, .denominator = 7},
     .interpolation = Interpolation::kBicubic,
     .mean = kHalf,
     .std = kHalf},
    {.name = "timm_half_90",
     .resize_to = {.numerator = 10, .denominator = 9},
     .interpolation = Interpolation::kBicubic,
     .mean = kHalf,
     .std = kHalf},
    {.name = "timm_half_95",
     .resize_to = {.numerator = 20, .denominator = 19},
     .interpolation = Interpolation::kBicubic,
     .mean = kHalf,
     .std = kHalf},
    {.name = "timm_half_8975",
     .resize_to = {.numerator = 400, .denominator = 359},
     .interpolation = Interpolation::kBicubic,
     .mean = kHalf,
     .std = kHalf},
    {.name = "timm_half_bilinear",
     .resize_to = {.numerator = 8, .denominator = 7},
     .mean = kHalf,
     .std = kHalf},
    {.name = "timm_unit_bilinear",
     .resize_to = {.numerator = 8, .denominator = 7},
     .mean = kZero,
     .std = kFull},
    // Caffe's BN-Inception, means in the order of the channels.
    {.name = "caffe_bgr",
     .resize_to = {.numerator = 256, .denominator = 224},
     .mean = {104, 117, 128},
     .std = kOne,
     .color_order = ColorOrder::kBgr},
    // megvii's ShuffleNets: raw pixels. (Theirs are resized without antialiasing.)
    {.name = "megvii",
     .resize_to = {.numerator = 256, .denominator = 224},
     .mean = kZero,
     .std = kOne,
     .color_order = ColorOrder::kBgr},
    // The image processors of google/mobilenet_v1_* and v2_*.
    {.name = "google", .resize_to = {.margin = 32}, .mean = kHalf, .std = kHalf},
    // TF-slim's inception_preprocessing.preprocess_for_eval.
    {.name = "tf_slim", .rule = ResizeRule::kCropFraction, .mean = kHalf, .std = kHalf},
    // MediaPipe's face detection, which keeps the aspect ratio.
    {.name = "blaze", .rule = ResizeRule::kLetterbox, .mean = kHalf, .std = kHalf},
};

InputContract Apply(const Preset& preset, int size) {
  InputContract contract;
  contract.height = size;
  contract.width = size;
  contract.rule = preset.rule;
  const auto& [numerator, denominator, margin] = preset.resize_to;
  contract.resize_to = size * numerator / denominator + margin;
  contract.interpolation = preset.interpolation;
  contract.mean = preset.mean;
  contract.std = preset.std;
  contract.color_order = preset.color_order;
  return contract;
}

absl::Status Invalid(const char* field, double value, const std::string& range) {
  return absl::InvalidArgumentError(
      absl::StrCat("input ", field, " is ", value, ", must be ", range));
}

}  // namespace

// Conditions are written so that NaN fails them.
absl::Status Validate(const InputContract& contract) {
  const std::string sides = absl::StrCat("1 to ", kMaxSide);
  if (contract.height < 1 || contract.height > kMaxSide) {
    return Invalid("height", contract.height, sides);
  }
  if (contract.width < 1 || contract.width > kMaxSide) {
    return Invalid("width", contract.width, sides);
  }
  if (contract.rule == ResizeRule::kShortSideThenCrop) {
    const int smallest = std::max(contract.height, contract.width);
    if (contract.resize_to < smallest || contract.resize_to > 2 * kMaxSide) {
      return Invalid("resize_to", contract.resize_to,
                     absl::StrCat(smallest, " (the crop's size) to ", 2 * kMaxSide));
    }
  }
  if (contract.rule == ResizeRule::kCropFraction &&
      !(contract.crop_fraction > 0 && contract.crop_fraction <= 1)) {
    return Invalid("crop_fraction", contract.crop_fraction, "above 0 and at most 1");
  }
  if (contract.rule == ResizeRule::kLetterbox && contract.width != contract.height) {
    return Invalid("width", contract.width,
                   absl::StrCat(contract.height, ", the height: a letterbox is a square"));
  }
  for (float mean : contract.mean) {
    if (!std::isfinite(mean)) return Invalid("mean", mean, "finite");
  }
  for (float std : contract.std) {
    if (!(std::isfinite(std) && std > 0)) return Invalid("std", std, "finite and above 0");
  }
  return absl::OkStatus();
}

absl::StatusOr<InputContract> InputPreset(std::string_view name, int size) {
  if (size < 1 || size > kMaxSide) return Invalid("size", size, absl::StrCat("1 to ", kMaxSide));
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return Apply(preset, size);
  }
  return absl::NotFoundError(absl::StrCat("no input preset \"", std::string(name), "\"; there are ",
                                          absl::StrJoin(InputPresetNames(), ", ")));
}

std::vector<std::string> InputPresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

}  // namespace siskin::models
