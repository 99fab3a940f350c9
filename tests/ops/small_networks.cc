#include "tests/ops/small_networks.h"

#include <string>

namespace siskin::testing {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Tensor;

Tensor InvertedResidual(Net& net, Tensor x, const std::string& name, int out_channels, int stride) {
  Net::Scope scope(net, name);
  Tensor y = net.ConvBn(x, {.key = "expand",
                            .bn_key = "expand_bn",
                            .out_channels = 2 * x.shape.channels,
                            .activation = ActivationKind::kRelu6});
  y = net.DepthwiseConvBn(y, {.key = "dw",
                              .bn_key = "dw_bn",
                              .kernel = 3,
                              .stride = stride,
                              .activation = ActivationKind::kRelu6});
  y = net.ConvBn(y, {.key = "project", .bn_key = "project_bn", .out_channels = out_channels});
  return y.shape == x.shape ? net.Add(x, y, "add") : y;
}

}  // namespace

absl::StatusOr<ops::Graph> SmallResidualNetwork(const SmallNetworkOptions& options) {
  Net net("small", {.padding = options.padding, .batch_norm_epsilon = 1e-3});
  Tensor x = net.Input({3, options.height, options.width});
  x = net.ConvBn(x, {.key = "stem",
                     .bn_key = "stem_bn",
                     .out_channels = options.channels,
                     .kernel = 3,
                     .stride = 2,
                     .activation = ActivationKind::kRelu});
  x = InvertedResidual(net, x, "block0", options.channels, 1);
  x = InvertedResidual(net, x, "block1", options.channels, 1);
  x = InvertedResidual(net, x, "block2", options.channels + 4, 2);
  x = net.Linear(net.GlobalAvgPool(x), {.key = "classifier", .out_features = options.classes});
  return net.Finish(x);
}

}  // namespace siskin::testing
