// Graph::Validate.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ops/graph.h"
#include "ops/windows.h"

namespace siskin::ops {
namespace {

// Checks one node against its operands. Returns an empty string or what is wrong.
class NodeCheck {
 public:
  NodeCheck(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  std::string Run() const { return std::visit(*this, node_.op); }

  std::string operator()(const Input&) const { return Arity(0); }
  std::string operator()(const Convolution& conv) const {
    if (auto wrong = Arity(conv.residual ? 2 : 1); !wrong.empty()) return wrong;
    const Shape in = Operand(0);
    if (conv.stride < 1 || conv.groups < 1 || !Positive(conv.kernel) || !Positive(conv.dilation)) {
      return "kernel, stride, dilation and groups must be positive";
    }
    if (in.channels % conv.groups != 0 || node_.shape.channels % conv.groups != 0) {
      return absl::StrCat("channels ", in.channels, " -> ", node_.shape.channels,
                          " are not divisible by groups ", conv.groups);
    }
    const WindowSpec window = {conv.kernel, conv.stride, conv.dilation};
    const Shape expected = WindowedShape(node_.shape.channels, in, window, conv.padding);
    if (auto wrong = HasShape(expected); !wrong.empty()) return wrong;
    if (conv.residual && !(Operand(1) == node_.shape)) return "residual has another shape";
    return Parameters(
        {{conv.weight,
          {node_.shape.channels, in.channels / conv.groups, conv.kernel.height, conv.kernel.width}},
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
  std::string operator()(const Activation& activation) const {
    return activation.kind == ActivationKind::kNone ? "needs a kind" : SameShape(1);
  }
  std::string operator()(const Add&) const { return SameShape(2); }
  std::string operator()(const Multiply&) const {
    if (auto wrong = Arity(2); !wrong.empty()) return wrong;
    const Shape gate = {Operand(0).channels, 1, 1};
    if (!(Operand(1) == Operand(0)) && !(Operand(1) == gate)) {
      return absl::StrCat("factor must be ", Operand(0).ToString(), " or ", gate.ToString(),
                          ", is ", Operand(1).ToString());
    }
    return HasShape(Operand(0));
  }
  std::string operator()(const Scale&) const { return SameShape(1); }
  std::string operator()(const Pool& pool) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    if (pool.stride < 1 || !Positive(pool.kernel)) return "kernel and stride must be positive";
    const Padding& pad = pool.padding;
    if (std::max(pad.top, pad.bottom) >= pool.kernel.height ||
        std::max(pad.left, pad.right) >= pool.kernel.width) {
      return "a window would lie in the padding alone";
    }
    return HasShape(
        WindowedShape(Operand(0).channels, Operand(0), {pool.kernel, pool.stride}, pad));
  }
  std::string operator()(const GlobalAvgPool&) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    return HasShape({Operand(0).channels, 1, 1});
  }
  std::string operator()(const Concat&) const {
    if (node_.inputs.empty()) return "needs operands";
    Shape sum = {0, Operand(0).height, Operand(0).width};
    for (size_t i = 0; i < node_.inputs.size(); ++i) {
      const Shape operand = Operand(i);
      if (operand.height != sum.height || operand.width != sum.width) {
        return absl::StrCat("operand ", i, " is ", operand.ToString(), ", operand 0 is ",
                            Operand(0).ToString());
      }
      sum.channels += operand.channels;
    }
    return HasShape(sum);
  }
  std::string operator()(const SliceChannels& slice) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    if (slice.first < 0 || slice.first + node_.shape.channels > Operand(0).channels) {
      return absl::StrCat("channels ", slice.first, " to ", slice.first + node_.shape.channels,
                          " are not in ", Operand(0).ToString());
    }
    return HasShape({node_.shape.channels, Operand(0).height, Operand(0).width});
  }
  std::string operator()(const ChannelShuffle& shuffle) const {
    if (auto wrong = SameShape(1); !wrong.empty()) return wrong;
    const bool divides = shuffle.groups >= 1 && node_.shape.channels % shuffle.groups == 0;
    return divides ? "" : absl::StrCat("channels do not divide into ", shuffle.groups, " groups");
  }
  std::string operator()(const PadChannels&) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    if (node_.shape.channels < Operand(0).channels) return "must not remove channels";
    return HasShape({node_.shape.channels, Operand(0).height, Operand(0).width});
  }
  std::string operator()(const Flatten&) const {
    if (auto wrong = Arity(1); !wrong.empty()) return wrong;
    return HasShape({static_cast<int>(Operand(0).elements()), 1, 1});
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

  Shape Operand(size_t i) const { return graph_.nodes[node_.inputs[i]].shape; }

  static bool Positive(const Size2d& size) { return size.height >= 1 && size.width >= 1; }

  std::string Arity(size_t count) const {
    return node_.inputs.size() == count
               ? ""
               : absl::StrCat("needs ", count, " operands, has ", node_.inputs.size());
  }
  std::string HasShape(const Shape& expected) const {
    if (node_.shape == expected) return "";
    return absl::StrCat("shape must be ", expected.ToString(), ", is ", node_.shape.ToString());
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
