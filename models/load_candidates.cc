#include "models/load_candidates.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "models/family.h"

namespace siskin::models {
namespace {

constexpr int kImageNetClasses = 1000;
constexpr double kDefaultWidth = 1.0;

absl::Status UnknownArchitecture(const LoadRequest& request, const CheckpointMetadata& metadata) {
  const std::string how =
      absl::StrCat("Known networks: ", ArchitectureNames(),
                   ". State one in the model's model.textproto, as architecture: \"",
                   Catalog().back().architecture, "\"");
  const std::string& stated =
      request.architecture.empty() ? metadata.architecture : request.architecture;
  if (!stated.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown architecture \"", stated, "\". ", how));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "cannot tell which network this is: no architecture is stated, the checkpoint's metadata has "
      "no \"architecture\", and the name \"",
      request.name_hint, "\" is not a network's. ", how));
}

// Two styles may differ in conventions alone, so what is stated decides which one comes first: the
// named variant, or else the padding.
std::vector<const KeyStyle*> StylesByLikelihood(const LoadContext& context) {
  const auto& [request, metadata, identity] = context;
  std::vector<const KeyStyle*> styles;
  for (const KeyStyle& style : identity.spec->key_styles) styles.push_back(&style);
  const auto prefer = [&styles](auto fits) {
    std::stable_partition(styles.begin(), styles.end(), fits);
  };
  const auto padding = request.padding.has_value() ? request.padding : metadata.padding;
  if (padding.has_value()) {
    prefer([&padding](const KeyStyle* style) { return style->padding == *padding; });
  }
  if (const Variant* variant = identity.variant) {
    prefer([variant](const KeyStyle* style) { return style->name == variant->key_style; });
  }
  return styles;
}

absl::StatusOr<std::vector<const KeyStyle*>> PossibleStyles(const LoadContext& context) {
  const ModelSpec& spec = *context.identity.spec;
  const std::vector<const KeyStyle*> styles = StylesByLikelihood(context);
  const std::string& stated = context.request.key_style;
  if (stated.empty()) return styles;
  if (const KeyStyle* style = spec.FindKeyStyle(stated)) return {{style}};
  const auto append_name = [](std::string* out, const KeyStyle* style) { *out += style->name; };
  return absl::InvalidArgumentError(absl::StrCat(spec.architecture, " has no key style \"", stated,
                                                 "\"; it has ",
                                                 absl::StrJoin(styles, ", ", append_name)));
}

std::vector<double> PossibleWidths(const LoadContext& context) {
  if (context.request.width.has_value()) return {*context.request.width};
  if (context.identity.variant != nullptr) return {context.identity.variant->width};
  return context.identity.spec->PublishedWidths();
}

// The forms that a file in this style may have: those published.
std::vector<std::string> PossibleForms(const LoadContext& context, const KeyStyle& style) {
  if (context.request.form.has_value()) return {*context.request.form};
  if (context.identity.variant != nullptr) return {context.identity.variant->form};
  std::vector<std::string> forms;
  for (const Variant& variant : context.identity.spec->variants) {
    const bool known = std::find(forms.begin(), forms.end(), variant.form) != forms.end();
    if (variant.key_style == style.name && !known) forms.push_back(variant.form);
  }
  if (forms.empty()) forms.emplace_back();
  return forms;
}

// The number of classes of the file's head; ImageNet heads with a background row have 1000.
std::optional<int> ClassesInFile(const ops::Checkpoint& checkpoint, const ModelSpec& spec,
                                 const KeyStyle& style) {
  const auto weight =
      checkpoint.tensors().find(absl::StrCat(style.LayerName(spec.classifier_layer), ".weight"));
  if (weight == checkpoint.tensors().end() || weight->second.shape.empty()) return std::nullopt;
  const int64_t rows = weight->second.shape[0];
  if (rows < 1 || rows > kMaxClasses) return std::nullopt;
  if (style.background_class && rows == kImageNetClasses + 1) return kImageNetClasses;
  return static_cast<int>(rows);
}

// Everything about a candidate but its width and form.
BuildOptions OptionsFor(const LoadContext& context, const KeyStyle& style,
                        std::optional<int> classes_in_file) {
  const auto& [request, metadata, identity] = context;
  const int published =
      identity.variant == nullptr ? identity.spec->resolution : identity.variant->resolution;
  const int classes = classes_in_file.value_or(kImageNetClasses);
  BuildOptions options = OptionsOf(*context.identity.spec, style);
  options.resolution = request.resolution.value_or(metadata.resolution.value_or(published));
  options.classes = request.classes.value_or(metadata.classes.value_or(classes));
  options.padding = request.padding.value_or(metadata.padding.value_or(style.padding));
  options.batch_norm_epsilon = request.batch_norm_epsilon.value_or(style.batch_norm_epsilon);
  options.dilation_patterns = request.dilation_patterns;
  return options;
}

}  // namespace

std::string Candidate::Describe() const {
  return absl::StrCat("width ", WidthLabel(options.width), ", key style ", style->name,
                      options.form.empty() ? "" : absl::StrCat(", form ", options.form), ", ",
                      options.classes, " classes");
}

// A folder may have any name, so only a stated architecture must be a known one.
absl::StatusOr<CatalogMatch> Identify(const LoadRequest& request,
                                      const CheckpointMetadata& metadata) {
  CatalogMatch identity;
  for (std::string_view name :
       {std::string_view(request.architecture), std::string_view(metadata.architecture),
        std::string_view(request.name_hint)}) {
    if (name.empty()) continue;
    const CatalogMatch match = FindByName(name);
    if (identity.spec == nullptr) {
      if (match.spec == nullptr) return UnknownArchitecture(request, metadata);
      identity = match;
    } else if (identity.variant == nullptr && match.spec == identity.spec) {
      identity.variant = match.variant;
    }
  }
  if (identity.spec == nullptr) return UnknownArchitecture(request, metadata);
  if (!request.dilation_patterns.empty() && !identity.spec->has_dilation_patterns) {
    return absl::InvalidArgumentError(absl::StrCat(
        identity.spec->architecture, " has no dilation patterns, but the model states some"));
  }
  return identity;
}

absl::StatusOr<std::vector<Candidate>> LoadCandidates(const LoadContext& context,
                                                      const ops::Checkpoint& checkpoint) {
  SISKIN_ASSIGN_OR_RETURN(const std::vector<const KeyStyle*> styles, PossibleStyles(context));
  std::vector<Candidate> candidates;
  for (const KeyStyle* style : styles) {
    BuildOptions options =
        OptionsFor(context, *style, ClassesInFile(checkpoint, *context.identity.spec, *style));
    for (const std::string& form : PossibleForms(context, *style)) {
      options.form = form;
      for (double width : PossibleWidths(context)) {
        options.width = width;
        candidates.push_back({.style = style, .options = options});
      }
    }
  }
  return candidates;
}

absl::StatusOr<Candidate> DefaultCandidate(const LoadContext& context) {
  const auto& [request, metadata, identity] = context;
  SISKIN_ASSIGN_OR_RETURN(const std::vector<const KeyStyle*> styles, PossibleStyles(context));
  const KeyStyle* style = styles.front();
  const double width = identity.variant == nullptr ? kDefaultWidth : identity.variant->width;
  Candidate candidate = {.style = style, .options = OptionsFor(context, *style, std::nullopt)};
  candidate.options.width = request.width.value_or(width);
  candidate.options.form = PossibleForms(context, *style).front();
  return candidate;
}

}  // namespace siskin::models
