#include "models/model_spec.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace siskin::models {
namespace {

absl::Status OutOfRange(const char* field, double value, const std::string& range) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ", must be ", range));
}

// Conditions are written so that NaN fails them.
absl::Status CheckRanges(const BuildOptions& options, int min_resolution) {
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

template <typename T>
bool Contains(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

absl::Status CheckIsPublished(const BuildOptions& options, const ModelSpec& spec) {
  const std::vector<double> widths = spec.PublishedWidths();
  if (!spec.any_width && !Contains(widths, options.width)) {
    return OutOfRange("width", options.width, absl::StrJoin(widths, " or "));
  }
  const std::vector<std::string> forms = spec.PublishedForms();
  if (options.form.empty() || Contains(forms, options.form)) return absl::OkStatus();
  std::string known = "empty";
  for (const std::string& form : forms) absl::StrAppend(&known, " or \"", form, "\"");
  return absl::InvalidArgumentError(
      absl::StrCat("form is \"", options.form, "\", must be ", known));
}

}  // namespace

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

const char* ToString(OutputKind kind) {
  switch (kind) {
    case OutputKind::kClassification:
      return "classifier";
    case OutputKind::kFaceDetection:
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

absl::StatusOr<ops::Graph> ModelSpec::Build(const BuildOptions& options) const {
  SISKIN_RETURN_IF_ERROR(CheckRanges(options, min_resolution));
  SISKIN_RETURN_IF_ERROR(CheckIsPublished(options, *this));
  ops::Net net(architecture,
               {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  const ops::Tensor image = net.Input({3, options.resolution, options.resolution});
  SISKIN_ASSIGN_OR_RETURN(const ops::Tensor output, layers(net, image, options));
  return net.Finish(output);
}

std::vector<double> ModelSpec::PublishedWidths() const {
  std::set<double> widths;
  for (const Variant& variant : variants) widths.insert(variant.width);
  return {widths.begin(), widths.end()};
}

std::vector<std::string> ModelSpec::PublishedForms() const {
  std::set<std::string> forms;
  for (const Variant& variant : variants) {
    if (!variant.form.empty()) forms.insert(variant.form);
  }
  return {forms.begin(), forms.end()};
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
