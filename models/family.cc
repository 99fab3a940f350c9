#include "models/family.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace siskin::models {
namespace {

constexpr int kMinChannels = 8;

}  // namespace

int MakeDivisible(double value, int divisor) {
  int rounded = static_cast<int>(value + divisor / 2.0) / divisor * divisor;
  rounded = std::max(rounded, divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}

int ScaleChannels(int channels, double width, ChannelRule rule) {
  const double exact = channels * width;
  switch (rule) {
    case ChannelRule::kMultipleOf8:
      return MakeDivisible(exact);
    case ChannelRule::kTruncated:
      return std::max(static_cast<int>(exact), kMinChannels);
    case ChannelRule::kRoundedMultipleOf8:
      return MakeDivisible(std::nearbyint(exact));  // half to even, as Python's round()
  }
  return 0;  // not reached; Net refuses it
}

int ScaleChannels(int channels, const BuildOptions& options) {
  return ScaleChannels(channels, options.width, options.channel_rule);
}

int ScaleHeadChannels(int channels, const BuildOptions& options) {
  return ScaleChannels(channels, std::max(options.width, 1.0), options.channel_rule);
}

std::string WidthLabel(double width) {
  std::string label = absl::StrCat(width);
  if (label.find('.') == std::string::npos) label += ".0";
  return label;
}

std::function<std::string(std::string_view)> MapLayers(LayerNames names) {
  return [names = std::move(names)](std::string_view layer) {
    const auto found = names.find(layer);
    return found == names.end() ? std::string(layer) : found->second;
  };
}

KeyStyle HfGoogle(LayerNames names, ChannelRule channel_rule) {
  return {.name = "hf-google",
          .layer_name = MapLayers(std::move(names)),
          .padding = ops::PaddingRule::kTfSame,
          .batch_norm_epsilon = 1e-3,
          .channel_rule = channel_rule,
          .background_class = true,
          .input_preset = "google"};
}

void AddBlockNames(const std::string& ours, const std::string& theirs,
                   absl::Span<const NamePair> layers, LayerNames& names) {
  for (const auto& [a, b] : layers) {
    names[absl::StrCat(ours, ".", a)] = absl::StrCat(theirs, ".", b);
  }
}

std::vector<Variant> Published(std::string_view key_style, std::string_view source,
                               std::vector<Variant> variants) {
  for (Variant& variant : variants) {
    variant.key_style = key_style;
    variant.source = source;
  }
  return variants;
}

std::vector<Variant> Join(const std::vector<std::vector<Variant>>& publications) {
  std::vector<Variant> all;
  for (const std::vector<Variant>& variants : publications) {
    all.insert(all.end(), variants.begin(), variants.end());
  }
  return all;
}

std::vector<Variant> SlimVariants(std::string_view architecture, absl::Span<const int> resolutions,
                                  absl::Span<const SlimRow> rows) {
  std::vector<Variant> variants;
  for (const SlimRow& row : rows) {
    for (size_t i = 0; i < resolutions.size(); ++i) {
      Variant variant;
      variant.name =
          absl::StrFormat("%s_%s_%d", architecture, WidthLabel(row.width), resolutions[i]);
      variant.width = row.width;
      variant.resolution = resolutions[i];
      if (row.top1.at(i) > 0) variant.published_top1 = row.top1.at(i);
      variants.push_back(std::move(variant));
    }
  }
  return variants;
}

}  // namespace siskin::models
