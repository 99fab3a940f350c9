// Xception: a stem, twelve residual blocks of separable convolutions, two more of those, a
// classifier.
//
// A separable convolution is a depthwise and a pointwise one, with a batch norm behind the two. In
// a block the activation comes before it, and none behind the sum.
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/model_spec.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Tensor;

// Figure 5 of the paper: how many separable convolutions, channels of the last and of those before
// it, stride.
struct Block {
  int convs;
  int channels;
  int inner_channels;
  int stride;
};
constexpr Block kEntry1 = {.convs = 2, .channels = 128, .inner_channels = 128, .stride = 2};
constexpr Block kEntry2 = {.convs = 2, .channels = 256, .inner_channels = 256, .stride = 2};
constexpr Block kEntry3 = {.convs = 2, .channels = 728, .inner_channels = 728, .stride = 2};
constexpr Block kMiddle = {.convs = 3, .channels = 728, .inner_channels = 728, .stride = 1};
constexpr Block kExit = {.convs = 2, .channels = 1024, .inner_channels = 728, .stride = 2};
constexpr Block kBlocks[] = {kEntry1, kEntry2, kEntry3, kMiddle, kMiddle, kMiddle,
                             kMiddle, kMiddle, kMiddle, kMiddle, kMiddle, kExit};

Tensor Conv(Net& net, const Tensor& x, const std::string& number, int channels, int stride) {
  return net.ConvBn(x, {.key = "conv" + number,
                        .bn_key = "bn" + number,
                        .out_channels = channels,
                        .kernel = 3,
                        .stride = stride,
                        .padding = ops::kNoPadding,
                        .activation = ActivationKind::kRelu});
}

Tensor SeparableConv(Net& net, const Tensor& x, const std::string& key, const std::string& bn_key,
                     int channels, ActivationKind activation = ActivationKind::kNone) {
  const Tensor y = net.DepthwiseConvBn(x, {.key = key + ".conv1", .kernel = 3});
  return net.ConvBn(y, {.key = key + ".pointwise",
                        .bn_key = bn_key,
                        .out_channels = channels,
                        .activation = activation});
}

// `rep` counts its activations, convolutions and batch norms through. The first block has no
// activation before the first convolution, since its input has one behind it.
Tensor ResidualBlock(Net& net, const Tensor& x, const Block& block, bool first_of_all) {
  const bool projects = block.stride > 1;
  const Tensor shortcut = projects ? net.ConvBn(x, {.key = "skip",
                                                    .bn_key = "skipbn",
                                                    .out_channels = block.channels,
                                                    .stride = block.stride})
                                   : x;
  const auto rep = [](int index) { return absl::StrCat("rep.", index); };
  Tensor y = x;
  int index = first_of_all ? -1 : 0;
  for (int i = 0; i < block.convs; ++i, index += 3) {
    if (index >= 0) y = net.Act(y, ActivationKind::kRelu, rep(index));
    const int channels = i + 1 == block.convs ? block.channels : block.inner_channels;
    y = SeparableConv(net, y, rep(index + 1), rep(index + 2), channels);
  }
  if (projects) {
    y = net.MaxPool(y, {.kernel = 3, .stride = block.stride, .padding = 1}, rep(index));
  }
  return net.Add(shortcut, y, "add");
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = Conv(net, x, "1", 32, 2);
  x = Conv(net, x, "2", 64, 1);
  for (size_t i = 0; i < std::size(kBlocks); ++i) {
    Net::Scope scope(net, absl::StrCat("block", i + 1));
    x = ResidualBlock(net, x, kBlocks[i], i == 0);
  }
  x = SeparableConv(net, x, "conv3", "bn3", 1536, ActivationKind::kRelu);
  x = SeparableConv(net, x, "conv4", "bn4", 2048, ActivationKind::kRelu);
  return net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = options.classes});
}

}  // namespace

std::vector<ModelSpec> Xception() {
  return {{.architecture = "xception",
           .title = "Xception",
           .paper = "Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2016, "
                    "arXiv:1610.02357",
           .classifier_layer = "fc",
           .resolution = 299,
           .key_styles = {{.name = "timm", .input_preset = "timm_half_8975"}},
           .variants = {{.name = "legacy_xception",
                         .published_top1 = 79.058,
                         .source = "timm results-imagenet.csv"}},
           .layers = Layers}};
}

}  // namespace siskin::models
