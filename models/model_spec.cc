#include "models/model_spec.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace siskin::models {
namespace {

absl::Status OutOfRange(const char* field, double value, const std::string& range) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ", must be ", range));
}

}  // namespace

// Conditions are written so that NaN fails them.
absl::Status Validate(const BuildOptions& options, int min_resolution) {
  if (!(options.width > 0 && options.width <= kMaxWidth)) {
    return OutOfRange("width", options.width, absl::StrCat("above 0 and at most ", kMaxWidth));
  }
  if (options.resolution < min_resolution || options.resolution > kMaxResolution) {
    return OutOfRange("resolution", options.resolution,
                      absl::StrCat(min_resolution, " to ", kMaxResolution));
  }
  if (options.classes < 1 || options.classes > kMaxClasses) {
    return OutOfRange("classes", options.classes, absl::StrCat("1 to ", kMaxClasses));
  }
  if (!(options.batch_norm_epsilon > 0 && options.batch_norm_epsilon < 1)) {
    return OutOfRange("batch_norm_epsilon", options.batch_norm_epsilon, "between 0 and 1");
  }
  return absl::OkStatus();
}

absl::Status ValidateWidth(const BuildOptions& options, absl::Span<const double> widths) {
  if (std::find(widths.begin(), widths.end(), options.width) != widths.end()) {
    return absl::OkStatus();
  }
  return OutOfRange("width", options.width, absl::StrJoin(widths, " or "));
}

absl::Status UnknownForm(const BuildOptions& options, std::string_view known) {
  return absl::InvalidArgumentError(
      absl::StrCat("form is \"", options.form, "\", must be ", std::string(known)));
}

BuildOptions OptionsOf(const ModelSpec& spec, const KeyStyle& style) {
  return {.resolution = spec.resolution,
          .key_style = style.name,
          .padding = style.padding,
          .batch_norm_epsilon = style.batch_norm_epsilon,
          .channel_rule = style.channel_rule};
}

BuildOptions OptionsOf(const ModelSpec& spec, const KeyStyle& style, const Variant& variant) {
  BuildOptions options = OptionsOf(spec, style);
  options.width = variant.width;
  options.resolution = variant.resolution;
  options.form = variant.form;
  return options;
}

const char* ToString(Task task) {
  switch (task) {
    case Task::kClassification:
      return "classifier";
    case Task::kFaceDetection:
      return "face detector";
  }
  return "unknown";
}

std::string KeyStyle::LayerName(std::string_view canonical) const {
  return layer_name ? layer_name(canonical) : std::string(canonical);
}

const KeyStyle* ModelSpec::FindKeyStyle(std::string_view name) const {
  for (const KeyStyle& style : key_styles) {
    if (style.name == name) return &style;
  }
  return nullptr;
}

std::vector<double> ModelSpec::PublishedWidths() const {
  std::set<double> widths;
  for (const Variant& variant : variants) widths.insert(variant.width);
  return {widths.begin(), widths.end()};
}

std::vector<const Variant*> ModelSpec::MainVariants() const {
  std::set<std::string> forms;
  std::vector<const Variant*> main;
  for (const Variant& variant : variants) {
    const bool usual = variant.width == 1.0 && variant.resolution == resolution;
    if (usual && forms.insert(variant.form).second) main.push_back(&variant);
  }
  return main;
}

}  // namespace siskin::models
