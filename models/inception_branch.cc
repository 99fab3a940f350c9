#include "models/inception_branch.h"

namespace siskin::models {

ops::Tensor Branch(ops::Net& net, ops::Tensor x, std::initializer_list<BasicConv> convolutions) {
  for (const auto& [key, channels, kernel, stride, padding] : convolutions) {
    ops::Net::Scope scope(net, key);
    x = net.ConvBn(x, {.key = "conv",
                       .bn_key = "bn",
                       .out_channels = channels,
                       .kernel = kernel,
                       .stride = stride,
                       .padding = padding,
                       .activation = ops::ActivationKind::kRelu});
  }
  return x;
}

}  // namespace siskin::models
