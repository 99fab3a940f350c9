// What the families share: rounding of channels, layer-name maps, and TF-slim's tables of variants.
#ifndef SISKIN_MODELS_FAMILY_H_
#define SISKIN_MODELS_FAMILY_H_

#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "models/model_spec.h"

namespace siskin::models {

// TensorFlow's make_divisible, which every port copies: to the nearest multiple of `divisor`, but
// not more than a tenth down, and never below `divisor`.
int MakeDivisible(double value, int divisor = 8);

// `channels` of the paper's table at a width multiplier; never below 8.
int ScaleChannels(int channels, double width, ChannelRule rule);

// A width as the publishers print it: "1.0", "0.35".
std::string WidthLabel(double width);

// A KeyStyle::layer_name out of a table. A layer that is not in the table keeps its name.
using LayerNames = std::map<std::string, std::string, std::less<>>;
std::function<std::string(std::string_view)> MapLayers(LayerNames names);

// A row of TF-slim's accuracy tables: top-1 in percent per resolution, 0 where none is printed.
struct SlimRow {
  double width = 1.0;
  std::array<double, 5> top1 = {};
};

// The variants "<architecture>_<width>_<resolution>" of such a table. Google publishes them as
// TF-slim checkpoints, and some of them in the "hf-google" key style.
std::vector<Variant> SlimVariants(std::string_view architecture, absl::Span<const int> resolutions,
                                  absl::Span<const SlimRow> rows, std::string_view source);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_FAMILY_H_
