#include "models/mbconv.h"

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;

Tensor AppendSqueezeExcite(Net& net, const Tensor& x, const SqueezeExcite& spec) {
  Tensor gate = net.GlobalAvgPool(x, "avgpool");
  gate = net.ConvBn(
      gate,
      {.key = "fc1", .out_channels = spec.channels, .bias = true, .activation = spec.activation});
  gate = net.ConvBn(
      gate,
      {.key = "fc2", .out_channels = x.shape.channels, .bias = true, .activation = spec.gate});
  return net.Multiply(x, gate, "scale");
}

// torchvision's and timm's name of each layer. The last two lines are for blocks without
// squeeze-and-excite; no block has both.
constexpr NamePair kExpandedBlock[] = {
    {"0.0", "conv_pw"},          {"0.1", "bn1"},               //
    {"1.0", "conv_dw"},          {"1.1", "bn2"},               //
    {"2.fc1", "se.conv_reduce"}, {"2.fc2", "se.conv_expand"},  //
    {"3.0", "conv_pwl"},         {"3.1", "bn3"},               //
    {"2.0", "conv_pwl"},         {"2.1", "bn3"},
};
constexpr NamePair kUnexpandedBlock[] = {
    {"0.0", "conv_dw"},          {"0.1", "bn1"},               //
    {"1.fc1", "se.conv_reduce"}, {"1.fc2", "se.conv_expand"},  //
    {"2.0", "conv_pw"},          {"2.1", "bn2"},               //
    {"1.0", "conv_pw"},          {"1.1", "bn2"},
};

}  // namespace

Tensor AppendMbConv(Net& net, const Tensor& x, const MbConv& block) {
  int layer = 0;
  Tensor y = x;
  if (block.expanded != x.shape.channels) {
    Net::Scope scope(net, absl::StrCat(layer++));
    y = net.ConvBn(y, {.key = "0",
                       .bn_key = "1",
                       .out_channels = block.expanded,
                       .activation = block.activation});
  }
  {
    Net::Scope scope(net, absl::StrCat(layer++));
    y = net.DepthwiseConvBn(y, {.key = "0",
                                .bn_key = "1",
                                .kernel = block.kernel,
                                .stride = block.stride,
                                .activation = block.activation});
  }
  if (block.squeeze_excite.channels > 0) {
    Net::Scope scope(net, absl::StrCat(layer++));
    y = AppendSqueezeExcite(net, y, block.squeeze_excite);
  }
  {
    Net::Scope scope(net, absl::StrCat(layer));
    y = net.ConvBn(y, {.key = "0", .bn_key = "1", .out_channels = block.channels});
  }
  return block.stride == 1 && y.shape == x.shape ? net.Add(x, y, "add") : y;
}

void AddTimmNames(const std::string& ours, const std::string& theirs, bool expands,
                  LayerNames& names) {
  AddBlockNames(
      ours, theirs,
      expands ? absl::MakeConstSpan(kExpandedBlock) : absl::MakeConstSpan(kUnexpandedBlock), names);
}

}  // namespace siskin::models
