// What the families share: rounding of channels, layer-name maps, and tables of variants.
#ifndef SISKIN_MODELS_FAMILY_H_
#define SISKIN_MODELS_FAMILY_H_

#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "models/model_spec.h"

namespace siskin::models {

// TensorFlow's make_divisible, which every port copies: to the nearest multiple of `divisor`, but
// not more than a tenth down, and never below `divisor`.
int MakeDivisible(double value, int divisor = 8);

// `channels` of the paper's table at a width multiplier; never below 8.
int ScaleChannels(int channels, double width, ChannelRule rule);

// The same at the options' width and by their rule.
int ScaleChannels(int channels, const BuildOptions& options);
// The same for the last layers of some networks, which widths below 1 do not narrow.
int ScaleHeadChannels(int channels, const BuildOptions& options);

// A width as the publishers print it: "1.0", "0.35".
std::string WidthLabel(double width);

// A KeyStyle::layer_name out of a table. A layer that is not in the table keeps its name.
using LayerNames = std::map<std::string, std::string, std::less<>>;
std::function<std::string(std::string_view)> MapLayers(LayerNames names);

// HF's ports of Google's MobileNets, with TensorFlow's conventions.
KeyStyle HfGoogle(LayerNames names, ChannelRule channel_rule);

// Adds that "<ours>.<a>" is "<theirs>.<b>", for each pair of a and b: the layers of a block.
using NamePair = std::pair<const char*, const char*>;
void AddBlockNames(const std::string& ours, const std::string& theirs,
                   absl::Span<const NamePair> layers, LayerNames& names);

// Variants that have their key style and their source in common.
std::vector<Variant> Published(std::string_view key_style, std::string_view source,
                               std::vector<Variant> variants);
std::vector<Variant> Join(const std::vector<std::vector<Variant>>& publications);

// A row of TF-slim's accuracy tables: top-1 in percent per resolution, 0 where none is printed.
struct SlimRow {
  double width = 1.0;
  std::array<double, 5> top1 = {};
};

// The variants "<architecture>_<width>_<resolution>" of such a table.
std::vector<Variant> SlimVariants(std::string_view architecture, absl::Span<const int> resolutions,
                                  absl::Span<const SlimRow> rows);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_FAMILY_H_
