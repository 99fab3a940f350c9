// What GoogLeNet and its descendants are made of: branches of layers beside each other.
#ifndef SISKIN_MODELS_INCEPTION_BRANCH_H_
#define SISKIN_MODELS_INCEPTION_BRANCH_H_

#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "ops/net.h"

namespace siskin::models {

// By default a convolution without bias, its batch norm and a ReLU: layers "<key>.conv" and
// "<key>.bn". The functions below make the others.
struct BranchLayer {
  enum class Kind { kConvolution, kFork, kMaxPool, kAvgPool, kAvgPoolExcludingPadding };

  std::string_view key = {};  // of pools the label
  int channels = 0;
  ops::Size2d kernel = 1;
  int stride = 1;
  std::optional<ops::Padding> padding = std::nullopt;  // unset: by the network's rule
  Kind kind = Kind::kConvolution;
  std::string_view label = {};  // of a fork's concatenation
};

// "<key>a", a 1x3, and "<key>b", a 3x1 convolution of x beside each other.
BranchLayer Fork(std::string_view label, std::string_view key, int channels);
// 3x3 pools that keep the size.
BranchLayer MaxPool(std::string_view label = "pool");
BranchLayer AvgPool();                  // counts its padding
BranchLayer AvgPoolExcludingPadding();  // does not
// What reductions are made of. As in TensorFlow, 3x3 windows with stride 2 read no padding.
BranchLayer ReductionConv(std::string_view key, int channels);
BranchLayer ReductionPool(std::string_view label = "pool");

// Layers one behind the other.
using BranchLayers = std::initializer_list<BranchLayer>;
ops::Tensor Branch(ops::Net& net, ops::Tensor x, BranchLayers layers);

// Branches of x, concatenated as "concat".
using Branches = std::initializer_list<BranchLayers>;
ops::Tensor ConcatBranches(ops::Net& net, const ops::Tensor& x, Branches branches);

// The same with "<name>." before all keys and labels.
ops::Tensor InceptionModule(ops::Net& net, const ops::Tensor& x, std::string_view name,
                            Branches branches);

// The stem of Inception-v3 and of Inception-ResNet-v2; `keys` of its convolutions.
ops::Tensor InceptionV3Stem(ops::Net& net, const ops::Tensor& x,
                            const std::array<std::string_view, 5>& keys);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_INCEPTION_BRANCH_H_
