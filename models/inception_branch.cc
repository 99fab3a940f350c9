#include "models/inception_branch.h"

#include <string>
#include <vector>

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;

Tensor AppendConvolution(Net& net, const Tensor& x, const BranchLayer& layer) {
  Net::Scope scope(net, layer.key);
  return net.ConvBn(x, {.key = "conv",
                        .bn_key = "bn",
                        .out_channels = layer.channels,
                        .kernel = layer.kernel,
                        .stride = layer.stride,
                        .padding = layer.padding,
                        .activation = ops::ActivationKind::kRelu});
}

Tensor AppendFork(Net& net, const Tensor& x, const BranchLayer& layer) {
  const std::string key(layer.key);
  const Tensor rows = Branch(net, x, {{key + "a", layer.channels, {1, 3}}});
  const Tensor columns = Branch(net, x, {{key + "b", layer.channels, {3, 1}}});
  return net.Concat({rows, columns}, layer.label);
}

Tensor Append(Net& net, const Tensor& x, const BranchLayer& layer) {
  const ops::PoolSpec pool = {
      .kernel = 3, .stride = layer.stride, .padding = layer.stride == 1 ? 1 : 0};
  switch (layer.kind) {
    case BranchLayer::Kind::kConvolution:
      return AppendConvolution(net, x, layer);
    case BranchLayer::Kind::kFork:
      return AppendFork(net, x, layer);
    case BranchLayer::Kind::kMaxPool:
      return net.MaxPool(x, pool, layer.key);
    case BranchLayer::Kind::kAvgPool:
      return net.AvgPool(x, pool, layer.key);
    case BranchLayer::Kind::kAvgPoolExcludingPadding:
      return net.AvgPoolExcludingPadding(x, pool, layer.key);
  }
  return {};  // not reached; Net refuses it
}

}  // namespace

BranchLayer Fork(std::string_view label, std::string_view key, int channels) {
  return {.key = key, .channels = channels, .kind = BranchLayer::Kind::kFork, .label = label};
}

BranchLayer MaxPool(std::string_view label) {
  return {.key = label, .kind = BranchLayer::Kind::kMaxPool};
}

BranchLayer AvgPool() { return {.key = "pool", .kind = BranchLayer::Kind::kAvgPool}; }

BranchLayer AvgPoolExcludingPadding() {
  return {.key = "pool", .kind = BranchLayer::Kind::kAvgPoolExcludingPadding};
}

BranchLayer ReductionConv(std::string_view key, int channels) {
  return {key, channels, 3, 2, ops::kNoPadding};
}

BranchLayer ReductionPool(std::string_view label) {
  return {.key = label, .stride = 2, .kind = BranchLayer::Kind::kMaxPool};
}

Tensor Branch(Net& net, Tensor x, BranchLayers layers) {
  for (const BranchLayer& layer : layers) x = Append(net, x, layer);
  return x;
}

Tensor ConcatBranches(Net& net, const Tensor& x, Branches branches) {
  std::vector<Tensor> parts;
  for (const BranchLayers& layers : branches) parts.push_back(Branch(net, x, layers));
  return net.Concat(parts, "concat");
}

Tensor InceptionModule(Net& net, const Tensor& x, std::string_view name, Branches branches) {
  Net::Scope scope(net, name);
  return ConcatBranches(net, x, branches);
}

Tensor InceptionV3Stem(Net& net, const Tensor& x, const std::array<std::string_view, 5>& keys) {
  return Branch(net, x,
                {ReductionConv(keys[0], 32),
                 {keys[1], 32, 3, 1, ops::kNoPadding},
                 {keys[2], 64, 3},
                 ReductionPool("maxpool1"),
                 {keys[3], 80},
                 {keys[4], 192, 3, 1, ops::kNoPadding},
                 ReductionPool("maxpool2")});
}

}  // namespace siskin::models
