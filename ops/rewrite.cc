#include "ops/rewrite.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "ops/compact.h"

namespace siskin::ops {
namespace {

// The convolution that produces `value`, if `value` has no reader but one and nothing was merged
// behind the convolution yet.
Convolution* SoleProducer(Graph& graph, ValueId value) {
  auto* conv = std::get_if<Convolution>(&graph.nodes[value].op);
  if (conv == nullptr || conv->activation != ActivationKind::kNone) return nullptr;
  return graph.Consumers(value).size() == 1 ? conv : nullptr;
}

// Where an activation of `value` can be merged: nullptr if its producer takes none, has one
// already, or has another reader.
ActivationKind* FusibleActivation(Graph& graph, ValueId value) {
  if (Convolution* conv = SoleProducer(graph, value)) return &conv->activation;
  auto* linear = std::get_if<Linear>(&graph.nodes[value].op);
  if (linear == nullptr || linear->activation != ActivationKind::kNone) return nullptr;
  return graph.Consumers(value).size() == 1 ? &linear->activation : nullptr;
}

void MultiplyBy(double factor, Parameter& parameter) {
  const auto old = parameter.data.values();
  std::vector<float> values(old.size());
  std::transform(old.begin(), old.end(), values.begin(),
                 [factor](float value) { return static_cast<float>(value * factor); });
  parameter.data = TensorData(std::move(values));
}

// weight *= s, bias = (bias - mean) * s + beta with s = gamma / sqrt(variance + epsilon), an output
// channel at a time.
void FoldInto(Graph& graph, Convolution& conv, const std::string& layer, const BatchNorm& norm) {
  const auto values = [&graph](ParameterId id) { return graph.parameters[id].data.values(); };
  const auto gamma = values(norm.gamma), beta = values(norm.beta);
  const auto mean = values(norm.mean), variance = values(norm.variance);
  const auto old_weight = values(conv.weight);
  const size_t channels = gamma.size();
  const size_t per_channel = old_weight.size() / channels;

  std::vector<float> weight(old_weight.size());
  std::vector<float> bias(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double scale = gamma[c] / std::sqrt(double{variance[c]} + norm.epsilon);
    for (size_t i = c * per_channel; i < (c + 1) * per_channel; ++i) {
      weight[i] = static_cast<float>(old_weight[i] * scale);
    }
    const double old_bias = conv.bias == kNoParameter ? 0.0 : values(conv.bias)[c];
    bias[c] = static_cast<float>((old_bias - mean[c]) * scale + beta[c]);
  }
  graph.parameters[conv.weight].data = TensorData(std::move(weight));
  if (conv.bias == kNoParameter) {
    conv.bias = static_cast<ParameterId>(graph.parameters.size());
    graph.parameters.push_back(
        {.key = layer + ".bias", .shape = {static_cast<int64_t>(channels)}, .data = {}});
  }
  graph.parameters[conv.bias].data = TensorData(std::move(bias));
}

// True if nothing but the Add at `add` reads `value` once the convolution at `conv` runs, so that
// the convolution may overwrite it. A view of the value may be read later, and the pooled features
// are an answer of their own.
bool DiesInAdd(const Graph& graph, ValueId value, ValueId conv, int add) {
  const std::vector<int> readers = graph.Consumers(value);
  return value != graph.Features() && !IsView(graph.nodes[value].op) &&
         std::all_of(readers.begin(), readers.end(), [&](int reader) {
           return reader == add || (reader < conv && !IsView(graph.nodes[reader].op));
         });
}

// Which operand of the Add at `add` can become a residual of the convolution behind the other.
std::optional<int> ResidualOperand(Graph& graph, int add) {
  const std::vector<ValueId>& operands = graph.nodes[add].inputs;
  for (int residual : {0, 1}) {
    const ValueId kept = operands[residual], candidate = operands[1 - residual];
    const Convolution* conv = SoleProducer(graph, candidate);
    if (conv == nullptr || conv->residual || kept >= candidate) continue;
    if (DiesInAdd(graph, kept, candidate, add)) return residual;
  }
  return std::nullopt;
}

absl::Status HasWeights(const Graph& graph) {
  if (graph.IsBound()) return absl::OkStatus();
  return absl::FailedPreconditionError("graph " + graph.name +
                                       " has no weights yet: bind it before rewriting it");
}

}  // namespace

absl::StatusOr<Graph> FoldBatchNorm(const Graph& graph) {
  SISKIN_RETURN_IF_ERROR(HasWeights(graph));
  Graph work = graph;
  std::vector<ValueId> replacement = IdentityReplacement(graph);
  for (size_t i = 0; i < work.nodes.size(); ++i) {
    const auto* norm = std::get_if<BatchNorm>(&work.nodes[i].op);
    if (norm == nullptr) continue;
    const ValueId producer = work.nodes[i].inputs[0];
    Convolution* conv = SoleProducer(work, producer);
    if (conv == nullptr || conv->residual) continue;
    FoldInto(work, *conv, work.nodes[producer].name, *norm);
    replacement[i] = producer;
  }
  return Compact(work, replacement);
}

Graph FoldScale(const Graph& graph) {
  Graph work = graph;
  std::vector<ValueId> replacement = IdentityReplacement(graph);
  for (size_t i = 0; i < work.nodes.size(); ++i) {
    const auto* scale = std::get_if<Scale>(&work.nodes[i].op);
    if (scale == nullptr) continue;
    const ValueId producer = work.nodes[i].inputs[0];
    const Convolution* conv = SoleProducer(work, producer);
    if (conv == nullptr || conv->residual) continue;
    for (ParameterId id : {conv->weight, conv->bias}) {
      if (id != kNoParameter) MultiplyBy(scale->factor, work.parameters[id]);
    }
    replacement[i] = producer;
  }
  return Compact(work, replacement);
}

Graph FuseActivation(const Graph& graph) {
  Graph work = graph;
  std::vector<ValueId> replacement = IdentityReplacement(graph);
  for (size_t i = 0; i < work.nodes.size(); ++i) {
    const auto* activation = std::get_if<Activation>(&work.nodes[i].op);
    if (activation == nullptr) continue;
    const ValueId producer = work.nodes[i].inputs[0];
    ActivationKind* fused = FusibleActivation(work, producer);
    if (fused == nullptr) continue;
    *fused = activation->kind;
    replacement[i] = producer;
  }
  return Compact(work, replacement);
}

Graph FuseResidualAdd(const Graph& graph) {
  Graph work = graph;
  std::vector<ValueId> replacement = IdentityReplacement(graph);
  for (size_t i = 0; i < work.nodes.size(); ++i) {
    if (!std::holds_alternative<Add>(work.nodes[i].op)) continue;
    const std::optional<int> residual = ResidualOperand(work, static_cast<int>(i));
    if (!residual.has_value()) continue;
    const ValueId conv = work.nodes[i].inputs[1 - *residual];
    std::get<Convolution>(work.nodes[conv].op).residual = true;
    work.nodes[conv].inputs.push_back(work.nodes[i].inputs[*residual]);
    replacement[i] = conv;
  }
  return Compact(work, replacement);
}

absl::StatusOr<Graph> Optimize(const Graph& graph) {
  SISKIN_RETURN_IF_ERROR(HasWeights(graph));
  SISKIN_ASSIGN_OR_RETURN(const Graph folded, FoldBatchNorm(PushThroughConcat(graph)));
  // The sum comes before the activation in every network that has both.
  return FuseActivation(FuseResidualAdd(FoldScale(folded)));
}

}  // namespace siskin::ops
