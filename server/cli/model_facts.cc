#include "server/cli/model_facts.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
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

}  // namespace

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

int64_t WeightBytes(const ops::Graph& graph) {
  int64_t elements = 0;
  for (const ops::Parameter& parameter : graph.parameters) elements += parameter.elements();
  return elements * static_cast<int64_t>(sizeof(float));
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
