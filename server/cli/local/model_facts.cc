#include "server/cli/local/model_facts.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "ops/rewrite.h"

namespace siskin::cli {
namespace {

// Names an op and lists the parameters it reads.
struct OpFacts {
  std::string name;
  std::vector<ops::ParameterId> parameters;
};

OpFacts Describe(const ops::Convolution& op, int channels) {
  std::string name = op.groups == 1          ? "conv "
                     : op.groups == channels ? "depthwise conv "
                                             : absl::StrCat("conv, ", op.groups, " groups, ");
  absl::StrAppend(&name, op.kernel.ToString());
  if (op.stride != 1) absl::StrAppend(&name, " s", op.stride);
  if (!(op.dilation == 1)) absl::StrAppend(&name, " d", op.dilation.ToString());
  return {std::move(name), {op.weight, op.bias}};
}

OpFacts Describe(const ops::Node& node) {
  const auto describe = [&node](const auto& op) -> OpFacts {
    using Op = std::decay_t<decltype(op)>;
    if constexpr (std::is_same_v<Op, ops::Convolution>) {
      return Describe(op, node.shape.channels);
    } else if constexpr (std::is_same_v<Op, ops::BatchNorm>) {
      return {"batch norm", {op.gamma, op.beta}};  // statistics are not trained
    } else if constexpr (std::is_same_v<Op, ops::Activation>) {
      return {ops::ToString(op.kind), {}};
    } else if constexpr (std::is_same_v<Op, ops::Linear>) {
      return {"linear", {op.weight, op.bias}};
    } else if constexpr (std::is_same_v<Op, ops::Add>) {
      return {"add", {}};
    } else if constexpr (std::is_same_v<Op, ops::Multiply>) {
      return {"multiply", {}};
    } else if constexpr (std::is_same_v<Op, ops::Scale>) {
      return {absl::StrCat("scale by ", op.factor), {}};
    } else if constexpr (std::is_same_v<Op, ops::Pool>) {
      return {absl::StrCat(ops::ToString(op.kind), " pool ", op.kernel.ToString(), " s", op.stride),
              {}};
    } else if constexpr (std::is_same_v<Op, ops::Concat>) {
      return {"concat", {}};
    } else if constexpr (std::is_same_v<Op, ops::SliceChannels>) {
      return {"slice channels", {}};
    } else if constexpr (std::is_same_v<Op, ops::ChannelShuffle>) {
      return {absl::StrCat("channel shuffle, ", op.groups, " groups"), {}};
    } else if constexpr (std::is_same_v<Op, ops::PadChannels>) {
      return {"pad channels", {}};
    } else if constexpr (std::is_same_v<Op, ops::Flatten>) {
      return {"flatten", {}};
    } else if constexpr (std::is_same_v<Op, ops::GlobalAvgPool>) {
      return {"global avg pool", {}};
    } else if constexpr (std::is_same_v<Op, ops::Input>) {
      return {"input", {}};
    } else {
      static_assert(std::is_same_v<Op, ops::Output>);
      return {"output", {}};
    }
  };
  return std::visit(describe, node.op);
}

bool Matches(const models::Variant& variant, const models::BoundModel& model) {
  return variant.width == model.options.width && variant.resolution == model.options.resolution &&
         variant.form == model.options.form;
}

// The name of the published variant that `model` is; "width 0.3, 96 px" if it is none.
std::string DescribeVariant(const models::BoundModel& model) {
  const models::Variant* found = nullptr;
  for (const models::Variant& variant : model.spec->variants) {
    if (!Matches(variant, model)) continue;
    if (variant.key_style == model.key_style) return variant.name;
    if (found == nullptr) found = &variant;
  }
  if (found != nullptr) return found->name;
  return absl::StrCat("width ", model.options.width, ", ", model.options.resolution, " px");
}

// As float32.
int64_t WeightBytes(const ops::Graph& graph) {
  int64_t elements = 0;
  for (const ops::Parameter& parameter : graph.parameters) elements += parameter.elements();
  return elements * static_cast<int64_t>(sizeof(float));
}

NetworkFacts FactsOfGraph(const models::ModelSpec& spec, const std::string& variant,
                          const std::string& key_style, const ops::Graph& graph) {
  return {.architecture = spec.architecture,
          .variant = variant,
          .key_style = key_style,
          .input = graph.input_shape().ToString(),
          .parameters = graph.ParameterCount(),
          .multiply_adds = graph.MultiplyAdds(),
          .weight_bytes = WeightBytes(graph)};
}

const char* ToString(models::ResizeRule rule) {
  switch (rule) {
    case models::ResizeRule::kShortSideThenCrop:
      return "short side, then crop";
    case models::ResizeRule::kCropFraction:
      return "central crop, then resize";
    case models::ResizeRule::kStretch:
      return "whole image, stretched";
    case models::ResizeRule::kLetterbox:
      return "whole image, letterboxed";
  }
  return "unknown";
}

}  // namespace

NetworkFacts FactsOf(const models::BoundModel& model) {
  return FactsOfGraph(*model.spec, DescribeVariant(model), model.key_style, model.graph);
}

absl::StatusOr<NetworkFacts> FactsOf(const models::ModelSpec& spec,
                                     const models::Variant& variant) {
  const models::KeyStyle& style = *spec.FindKeyStyle(variant.key_style);
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph graph, spec.Build(OptionsOf(spec, style, variant)));
  return FactsOfGraph(spec, variant.name, variant.key_style, graph);
}

nlohmann::ordered_json ToJson(const NetworkFacts& facts) {
  return {{"architecture", facts.architecture}, {"variant", facts.variant},
          {"key_style", facts.key_style},       {"input", facts.input},
          {"parameters", facts.parameters},     {"multiply_adds", facts.multiply_adds},
          {"weight_bytes", facts.weight_bytes}};
}

std::string DescribePreprocessing(const models::InputContract& input) {
  std::string text = ToString(input.rule);
  if (input.rule == models::ResizeRule::kShortSideThenCrop) {
    absl::StrAppend(&text, " (", input.resize_to, " px)");
  } else if (input.rule == models::ResizeRule::kCropFraction) {
    absl::StrAppend(&text, " (", input.crop_fraction, ")");
  }
  absl::StrAppend(&text, ", ",
                  input.interpolation == models::Interpolation::kBicubic ? "bicubic" : "bilinear",
                  ", ", input.color_order == models::ColorOrder::kBgr ? "BGR" : "RGB");
  return text;
}

std::vector<LayerFacts> DescribeLayers(const ops::Graph& graph) {
  std::vector<LayerFacts> layers;
  for (const ops::Node& node : graph.nodes) {
    if (std::holds_alternative<ops::Input>(node.op)) continue;
    if (std::holds_alternative<ops::Output>(node.op)) continue;
    const OpFacts op = Describe(node);
    LayerFacts layer{.name = node.name,
                     .op = op.name,
                     .output = node.shape.ToString(),
                     .multiply_adds = graph.MultiplyAdds(node)};
    for (const ops::ParameterId id : op.parameters) {
      if (id != ops::kNoParameter) layer.parameters += graph.parameters[id].elements();
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

absl::StatusOr<PlanFacts> DescribePlan(const ops::Graph& graph, int batch_size) {
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph optimised, ops::Optimize(graph));
  const auto weights = ops::MakePackedWeights();
  SISKIN_ASSIGN_OR_RETURN(const auto plan,
                          ops::Plan::Compile(optimised, {.batch_size = batch_size}, weights));
  return PlanFacts{.batch_size = batch_size,
                   .packed_bytes = ops::PackedBytes(*weights),
                   .arena_bytes = static_cast<int64_t>(plan->arena_bytes()),
                   .steps = plan->steps()};
}

}  // namespace siskin::cli
