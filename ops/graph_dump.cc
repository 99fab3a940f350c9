// Graph::Dump.
#include <string>

#include "absl/strings/str_cat.h"
#include "ops/graph.h"

namespace siskin::ops {
namespace {

// Formats one op in the dump.
struct Describe {
  const Graph& graph;

  std::string Key(ParameterId id) const { return graph.parameters[id].key; }
  std::string Bias(ParameterId id) const {
    return id == kNoParameter ? "" : absl::StrCat(" bias=", Key(id));
  }

  static std::string Pad(const Padding& pad) {
    return absl::StrCat(" pad ", pad.top, ",", pad.bottom, "/", pad.left, ",", pad.right);
  }
  static std::string Dilation(const Size2d& size) {
    return size.height == size.width ? absl::StrCat(size.height) : size.ToString();
  }
  static std::string Fused(ActivationKind kind) {
    return kind == ActivationKind::kNone ? "" : absl::StrCat(" act=", ToString(kind));
  }

  std::string operator()(const Input&) const { return "input"; }
  std::string operator()(const Convolution& conv) const {
    return absl::StrCat("conv k", conv.kernel.ToString(), " s", conv.stride, " d",
                        Dilation(conv.dilation), " g", conv.groups, Pad(conv.padding),
                        " weight=", Key(conv.weight), Bias(conv.bias),
                        conv.residual ? " +residual" : "", Fused(conv.activation));
  }
  std::string operator()(const BatchNorm& norm) const {
    return absl::StrCat("batch_norm eps=", norm.epsilon, " gamma=", Key(norm.gamma));
  }
  std::string operator()(const Activation& activation) const {
    return absl::StrCat("act ", ToString(activation.kind));
  }
  std::string operator()(const Add&) const { return "add"; }
  std::string operator()(const Multiply&) const { return "multiply"; }
  std::string operator()(const Scale& scale) const { return absl::StrCat("scale ", scale.factor); }
  std::string operator()(const Pool& pool) const {
    return absl::StrCat("pool ", ToString(pool.kind), " k", pool.kernel.ToString(), " s",
                        pool.stride, Pad(pool.padding));
  }
  std::string operator()(const GlobalAvgPool&) const { return "global_avg_pool"; }
  std::string operator()(const Concat&) const { return "concat"; }
  std::string operator()(const SliceChannels& slice) const {
    return absl::StrCat("slice_channels from ", slice.first);
  }
  std::string operator()(const ChannelShuffle& shuffle) const {
    return absl::StrCat("channel_shuffle g", shuffle.groups);
  }
  std::string operator()(const PadChannels&) const { return "pad_channels"; }
  std::string operator()(const Flatten&) const { return "flatten"; }
  std::string operator()(const Linear& linear) const {
    return absl::StrCat("linear weight=", Key(linear.weight), Bias(linear.bias),
                        Fused(linear.activation));
  }
  std::string operator()(const Output&) const { return "output"; }
};

}  // namespace

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

}  // namespace siskin::ops
