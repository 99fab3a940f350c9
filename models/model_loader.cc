#include "models/model_loader.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "models/checkpoint_metadata.h"
#include "models/family.h"
#include "models/load_candidates.h"
#include "ops/bind.h"

namespace siskin::models {
namespace {

ops::BindOptions BindOptionsOf(const KeyStyle& style) {
  ops::BindOptions options;
  options.layer_name = style.layer_name;
  options.ignorable_prefixes = style.ignorable_prefixes;
  return options;
}

struct Fit {
  Candidate candidate;
  ops::Graph graph;
  ops::Audit audit;
};

// The first candidate that fits, or else the one that fits best.
absl::StatusOr<Fit> BestFit(const ModelSpec& spec, const std::vector<Candidate>& candidates,
                            const ops::Checkpoint& checkpoint) {
  std::optional<Fit> best;
  for (const Candidate& candidate : candidates) {
    SISKIN_ASSIGN_OR_RETURN(ops::Graph graph, spec.Build(candidate.options));
    ops::Audit audit = ops::AuditCheckpoint(graph, checkpoint, BindOptionsOf(*candidate.style));
    if (!best.has_value() || audit.size() < best->audit.size()) {
      best = Fit{candidate, std::move(graph), std::move(audit)};
    }
    if (best->audit.clean()) break;
  }
  return *std::move(best);
}

absl::Status NoFit(const ops::Checkpoint& checkpoint, const ModelSpec& spec, const Fit& closest,
                   size_t tried) {
  const auto append_width = [](std::string* out, double width) { *out += WidthLabel(width); };
  return absl::InvalidArgumentError(absl::StrCat(
      checkpoint.name(), " does not fit ", spec.architecture, ": ", tried,
      " combinations of width and key style were tried; the closest is ",
      closest.candidate.Describe(), ", with ", closest.audit.Summary(), ". Published widths are ",
      absl::StrJoin(spec.PublishedWidths(), ", ", append_width),
      "; another width or architecture can be stated in the model's model.textproto"));
}

// The preset that goes with the weights: of the variant named, or of the first one published with
// these keys and this width.
std::string PublishedPreset(const LoadContext& context, const Candidate& candidate) {
  const auto fits = [&candidate](const Variant& variant) {
    return variant.key_style == candidate.style->name && variant.width == candidate.options.width &&
           variant.form == candidate.options.form;
  };
  const auto& variants = context.identity.spec->variants;
  const Variant* variant = context.identity.variant;
  if (variant == nullptr || !fits(*variant)) {
    const auto found = std::find_if(variants.begin(), variants.end(), fits);
    variant = found == variants.end() ? nullptr : &*found;
  }
  const bool own_preset = variant != nullptr && !variant->input_preset.empty();
  return own_preset ? variant->input_preset : candidate.style->input_preset;
}

template <typename T>
void Override(const std::optional<T>& value, T& field) {
  if (value.has_value()) field = *value;
}

// A preset that the user states replaces the metadata; single fields replace both.
absl::StatusOr<InputContract> InputOf(const LoadContext& context, const Candidate& candidate) {
  const auto& [request, metadata, identity] = context;
  const std::string preset = request.input_preset.value_or(PublishedPreset(context, candidate));
  absl::StatusOr<InputContract> base = InputPreset(preset, candidate.options.resolution);
  // The request is at fault, whatever the code.
  if (!base.ok()) return absl::InvalidArgumentError(base.status().message());
  InputContract input = *base;
  if (!request.input_preset.has_value()) {
    Override(metadata.mean, input.mean);
    Override(metadata.std, input.std);
    Override(metadata.color_order, input.color_order);
  }
  Override(request.input.rule, input.rule);
  Override(request.input.resize_to, input.resize_to);
  Override(request.input.crop_fraction, input.crop_fraction);
  Override(request.input.interpolation, input.interpolation);
  Override(request.input.color_order, input.color_order);
  Override(request.input.mean, input.mean);
  Override(request.input.std, input.std);
  SISKIN_RETURN_IF_ERROR(Validate(input));
  return input;
}

absl::StatusOr<BoundModel> Assemble(const LoadContext& context, const Candidate& candidate,
                                    ops::Graph bound) {
  SISKIN_ASSIGN_OR_RETURN(const InputContract input, InputOf(context, candidate));
  return BoundModel{.spec = context.identity.spec,
                    .key_style = candidate.style->name,
                    .options = candidate.options,
                    .input = input,
                    .graph = std::move(bound)};
}

}  // namespace

absl::StatusOr<BoundModel> LoadModel(const ops::Checkpoint& checkpoint,
                                     const LoadRequest& request) {
  SISKIN_ASSIGN_OR_RETURN(const CheckpointMetadata metadata, ReadMetadata(checkpoint));
  SISKIN_ASSIGN_OR_RETURN(const CatalogMatch identity, Identify(request, metadata));
  const LoadContext context = {request, metadata, identity};
  SISKIN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                          LoadCandidates(context, checkpoint));
  SISKIN_ASSIGN_OR_RETURN(const Fit fit, BestFit(*identity.spec, candidates, checkpoint));
  if (!fit.audit.clean()) return NoFit(checkpoint, *identity.spec, fit, candidates.size());
  SISKIN_ASSIGN_OR_RETURN(ops::Graph bound,
                          ops::Bind(fit.graph, checkpoint, BindOptionsOf(*fit.candidate.style)));
  return Assemble(context, fit.candidate, std::move(bound));
}

absl::StatusOr<BoundModel> RandomModel(const LoadRequest& request, uint64_t seed) {
  const CheckpointMetadata metadata;
  SISKIN_ASSIGN_OR_RETURN(const CatalogMatch identity, Identify(request, metadata));
  const LoadContext context = {request, metadata, identity};
  SISKIN_ASSIGN_OR_RETURN(const Candidate candidate, DefaultCandidate(context));
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph graph, identity.spec->Build(candidate.options));
  SISKIN_ASSIGN_OR_RETURN(BoundModel model,
                          Assemble(context, candidate, ops::BindRandom(graph, seed)));
  model.random_weights = true;
  return model;
}

absl::Status CheckLabels(const BoundModel& model, const std::vector<std::string>& labels) {
  if (labels.empty()) return absl::OkStatus();
  if (model.spec->output != OutputKind::kClassification) {
    return absl::InvalidArgumentError(absl::StrCat(
        labels.size(), " labels for a ", ToString(model.spec->output), ", which has no classes"));
  }
  const int classes = model.graph.output_shape().channels;
  if (labels.size() == static_cast<size_t>(classes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(labels.size(), " labels for ", classes,
                                                 " classes; expected one per class, or none"));
}

}  // namespace siskin::models
