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

std::vector<Variant> SlimVariants(std::string_view architecture, absl::Span<const int> resolutions,
                                  absl::Span<const SlimRow> rows, std::string_view source) {
  std::vector<Variant> variants;
  for (const SlimRow& row : rows) {
    for (size_t i = 0; i < resolutions.size(); ++i) {
      Variant variant;
      variant.name =
          absl::StrFormat("%s_%s_%d", architecture, WidthLabel(row.width), resolutions[i]);
      variant.key_style = "hf-google";
      variant.width = row.width;
      variant.resolution = resolutions[i];
      if (row.top1.at(i) > 0) variant.published_top1 = row.top1.at(i);
      variant.source = source;
      variants.push_back(std::move(variant));
    }
  }
  return variants;
}

}  // namespace siskin::models
