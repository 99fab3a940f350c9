#include "ops/graph.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"

namespace siskin::ops {
namespace {

int64_t Product(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
}

}  // namespace

std::string Size2d::ToString() const { return absl::StrCat(height, "x", width); }

std::string Shape::ToString() const { return absl::StrCat(channels, "x", height, "x", width); }

int64_t Parameter::elements() const { return Product(shape); }

const char* ToString(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kNone:
      return "linear";
    case ActivationKind::kRelu:
      return "relu";
    case ActivationKind::kRelu6:
      return "relu6";
    case ActivationKind::kHardSwish:
      return "hardswish";
    case ActivationKind::kHardSigmoid:
      return "hardsigmoid";
    case ActivationKind::kSwish:
      return "swish";
    case ActivationKind::kSigmoid:
      return "sigmoid";
  }
  return "unknown";
}

const char* ToString(PoolKind kind) {
  switch (kind) {
    case PoolKind::kMax:
      return "max";
    case PoolKind::kAverage:
      return "avg";
    case PoolKind::kAverageExcludingPadding:
      return "avg_exclude_padding";
  }
  return "unknown";
}

int64_t Graph::MultiplyAdds(const Node& node) const {
  if (const auto* conv = std::get_if<Convolution>(&node.op)) {
    const int64_t per_output = Product(parameters[conv->weight].shape) / node.shape.channels;
    return node.shape.elements() * per_output;
  }
  if (const auto* linear = std::get_if<Linear>(&node.op)) {
    return Product(parameters[linear->weight].shape);
  }
  return 0;
}

int64_t Graph::MultiplyAdds() const {
  int64_t total = 0;
  for (const Node& node : nodes) total += MultiplyAdds(node);
  return total;
}

int64_t Graph::ParameterCount() const {
  std::set<ParameterId> statistics;
  for (const Node& node : nodes) {
    if (const auto* norm = std::get_if<BatchNorm>(&node.op)) {
      statistics.insert({norm->mean, norm->variance});
    }
  }
  int64_t total = 0;
  for (size_t id = 0; id < parameters.size(); ++id) {
    if (!statistics.contains(static_cast<ParameterId>(id))) total += parameters[id].elements();
  }
  return total;
}

bool Graph::IsBound() const {
  for (const Parameter& parameter : parameters) {
    if (parameter.data.empty()) return false;
  }
  return true;
}

ValueId Graph::Features() const {
  for (ValueId id = static_cast<ValueId>(nodes.size()) - 1; id >= 0; --id) {
    if (std::holds_alternative<GlobalAvgPool>(nodes[id].op)) return id;
  }
  return -1;
}

std::vector<int> Graph::Consumers(ValueId value) const {
  std::vector<int> consumers;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (ValueId input : nodes[i].inputs) {
      if (input == value) consumers.push_back(static_cast<int>(i));
    }
  }
  return consumers;
}

}  // namespace siskin::ops
