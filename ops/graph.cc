#include "ops/graph.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ops/status_macros.h"

namespace siskin::ops {
namespace {

int64_t Product(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
}

// Formats one op for Graph::Dump.
struct Describe {
  const Graph& graph;

  std::string Key(ParameterId id) const { return graph.parameters[id].key; }
  std::string Bias(ParameterId id) const {
    return id == kNoParameter ? "" : absl::StrCat(" bias=", Key(id));
  }

  std::string operator()(const Input&) const { return "input"; }
  std::string operator()(const Convolution& conv) const {
    const Padding& pad = conv.padding;
    std::string text =
        absl::StrCat("conv k", conv.kernel_height, "x", conv.kernel_width, " s", conv.stride, " d",
                     conv.dilation, " g", conv.groups, " pad ", pad.top, ",", pad.bottom, "/",
                     pad.left, ",", pad.right, " weight=", Key(conv.weight), Bias(conv.bias));
    if (conv.residual) absl::StrAppend(&text, " +residual");
    if (conv.activation != ActivationKind::kNone) {
      absl::StrAppend(&text, " act=", ToString(conv.activation));
    }
    return text;
  }
  std::string operator()(const BatchNorm& norm) const {
    return absl::StrCat("batch_norm eps=", norm.epsilon, " gamma=", Key(norm.gamma));
  }
  std::string operator()(const Activation& activation) const {
    return absl::StrCat("act ", ToString(activation.kind));
  }
  std::string operator()(const Add&) const { return "add"; }
  std::string operator()(const GlobalAvgPool&) const { return "global_avg_pool"; }
  std::string operator()(const Linear& linear) const {
    return absl::StrCat("linear weight=", Key(linear.weight), Bias(linear.bias));
  }
  std::string operator()(const Output&) const { return "output"; }
};

// Checks one node against its operands. Returns an empty string or what is wrong.
class NodeCheck {
 public:
  NodeCheck(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  std::string Run() const { return std::visit(*this, node_.op); }

  std::string operator()(const Input&) const { return Arity(0); }
  std::string operator()(const Convolution& conv) const {
    if (auto wrong = Arity(conv.residual ? 2 : 1); !wrong.empty()) return wrong;
    const Shape in = Operand(0);
    if (conv.stride < 1 || conv.dilation < 1 || conv.groups < 1) {
      return "stride, dilation and groups must be positive";
    }
    if (in.channels % conv.groups != 0 || node_.shape.channels % conv.groups != 0) {
      return absl::StrCat("channels ", in.channels, " -> ", node_.shape.channels,
                          " are not divisible by groups ", conv.groups);
    }
    const Shape expected = {
        node_.shape.channels,
        Extent(in.height, conv.kernel_height, conv.padding.top + conv.padding.bottom, conv),
        Extent(in.width, conv.kernel_width, conv.padding.left + conv.padding.right, conv)};
    if (!(node_.shape == expected)) {
      return absl::StrCat("shape must be ", expected.ToString(), ", is ", node_.shape.ToString());
    }
    if (conv.residual && !(Operand(1) == node_.shape)) return "residual has another shape";
    return Parameters(
        {{conv.weight,
          {node_.shape.channels, in.channels / conv.groups, conv.kernel_height, conv.kernel_width}},
         {conv.bias, {node_.shape.channels}}});
  }
  std::string operator()(const BatchNorm& norm) const {
    if (auto wrong = SameShape(1); !wrong.empty()) return wrong;
    const std::vector<int64_t> per_channel = {node_.shape.channels};
    return Parameters({{norm.gamma, per_channel},
                       {norm.beta, per_channel},
                       {norm.mean, per_channel},
                       {norm.variance, per_channel}});
  }
  std::string operator()(const Activation&) const { return SameShape(1); }
  std::string operator()(const Add&) const { return SameShape(2); }
  std::string operator()(const GlobalAvgPool&) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    const bool pooled = node_.shape == Shape{Operand(0).channels, 1, 1};
    return pooled ? "" : absl::StrCat("shape must be Cx1x1, is ", node_.shape.ToString());
  }
  std::string operator()(const Linear& linear) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    if (Operand(0).height != 1 || Operand(0).width != 1) return "operand must be Cx1x1";
    return Parameters({{linear.weight, {node_.shape.channels, Operand(0).channels}},
                       {linear.bias, {node_.shape.channels}}});
  }
  std::string operator()(const Output&) const { return SameShape(1); }

 private:
  struct Expected {
    ParameterId id;
    std::vector<int64_t> shape;
  };

  Shape Operand(int i) const { return graph_.nodes[node_.inputs[i]].shape; }

  static int Extent(int in, int kernel, int padding, const Convolution& conv) {
    const int reach = conv.dilation * (kernel - 1) + 1;
    return in + padding < reach ? 0 : (in + padding - reach) / conv.stride + 1;
  }

  std::string Arity(size_t count) const {
    return node_.inputs.size() == count
               ? ""
               : absl::StrCat("needs ", count, " operands, has ", node_.inputs.size());
  }
  std::string SameShape(size_t count) const {
    if (auto wrong = Arity(count); !wrong.empty()) return wrong;
    for (size_t i = 0; i < count; ++i) {
      if (!(Operand(i) == node_.shape)) {
        return absl::StrCat("operand ", i, " is ", Operand(i).ToString(), ", result is ",
                            node_.shape.ToString());
      }
    }
    return "";
  }
  std::string Parameters(const std::vector<Expected>& expected) const {
    for (const auto& [id, shape] : expected) {
      if (id == kNoParameter) continue;
      const Parameter& parameter = graph_.parameters[id];
      if (parameter.shape != shape) {
        return absl::StrCat("parameter ", parameter.key, " must be [", absl::StrJoin(shape, ", "),
                            "], is [", absl::StrJoin(parameter.shape, ", "), "]");
      }
    }
    return "";
  }

  const Graph& graph_;
  const Node& node_;
};

}  // namespace

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

std::vector<int> Graph::Consumers(ValueId value) const {
  std::vector<int> consumers;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (ValueId input : nodes[i].inputs) {
      if (input == value) consumers.push_back(static_cast<int>(i));
    }
  }
  return consumers;
}

std::string Graph::Dump() const {
  std::string text = absl::StrCat("graph ", name, "\n");
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    std::string operands;
    for (ValueId input : node.inputs) absl::StrAppend(&operands, " %", input);
    absl::StrAppend(&text, "%", i, " ", node.name, ":", operands, " ",
                    std::visit(Describe{*this}, node.op), " -> ", node.shape.ToString(), "\n");
  }
  return text;
}

absl::Status Graph::Validate() const {
  const auto invalid = [this](const std::string& where, const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat("graph ", name, ": ", where, ": ", what));
  };
  if (nodes.size() < 2 || !std::holds_alternative<Input>(nodes.front().op) ||
      !std::holds_alternative<Output>(nodes.back().op)) {
    return invalid("nodes", "must begin with one input and end with one output");
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    for (ValueId input : node.inputs) {
      if (input < 0 || static_cast<size_t>(input) >= i) {
        return invalid(node.name, "reads a value that is not computed yet");
      }
    }
    if (node.shape.channels < 1 || node.shape.height < 1 || node.shape.width < 1) {
      return invalid(node.name, absl::StrCat("empty shape ", node.shape.ToString()));
    }
    if (std::string wrong = NodeCheck(*this, node).Run(); !wrong.empty()) {
      return invalid(node.name, wrong);
    }
  }
  for (const Parameter& parameter : parameters) {
    const auto size = static_cast<int64_t>(parameter.data.values().size());
    if (!parameter.data.empty() && size != parameter.elements()) {
      return invalid(parameter.key,
                     absl::StrCat("has ", size, " values, needs ", parameter.elements()));
    }
  }
  return absl::OkStatus();
}

}  // namespace siskin::ops
