// What a network expects its input to be: size, colour order, scale, and how a photo becomes it.
//
// The contract belongs to the model, since weights are only right with the preprocessing they were
// trained with. Presets are those of the publishing code bases (see kPresets in input_contract.cc).
#ifndef SISKIN_MODELS_INPUT_CONTRACT_H_
#define SISKIN_MODELS_INPUT_CONTRACT_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace siskin::models {

enum class ResizeRule {
  kShortSideThenCrop,  // short side to `resize_to`, then the central size x size (torchvision,
                       // timm)
  kCropFraction,       // central `crop_fraction` of each side, then stretch to size (TF-slim)
  kStretch,            // whole photo to size, aspect ratio not kept
  kLetterbox,          // whole photo, with black around it to a centred square, to size (MediaPipe)
};
enum class Interpolation { kBilinear, kBicubic };  // both antialiased, as PIL does
enum class ColorOrder { kRgb, kBgr };

struct InputContract {
  int height = 224;
  int width = 224;
  ResizeRule rule = ResizeRule::kShortSideThenCrop;
  int resize_to = 256;           // kShortSideThenCrop: pixels, >= max(height, width)
  double crop_fraction = 0.875;  // kCropFraction: (0, 1]
  Interpolation interpolation = Interpolation::kBilinear;
  ColorOrder color_order = ColorOrder::kRgb;
  // x = (p - mean) / std for pixel values 0..255, in the order of `color_order`.
  std::array<float, 3> mean = {123.675f, 116.28f, 103.53f};
  std::array<float, 3> std = {58.395f, 57.12f, 57.375f};

  friend bool operator==(const InputContract&, const InputContract&) = default;
};

// INVALID_ARGUMENT, naming the field, unless every number is in range.
absl::Status Validate(const InputContract& contract);

// A published preset by name ("tv256", "timm", "google", ...; InputPresetNames), for inputs of
// `size` pixels a side. NOT_FOUND lists the names.
absl::StatusOr<InputContract> InputPreset(std::string_view name, int size);
std::vector<std::string> InputPresetNames();

}  // namespace siskin::models

#endif  // SISKIN_MODELS_INPUT_CONTRACT_H_
