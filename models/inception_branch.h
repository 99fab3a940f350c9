// What GoogLeNet and its descendants are made of: branches of convolutions.
#ifndef SISKIN_MODELS_INCEPTION_BRANCH_H_
#define SISKIN_MODELS_INCEPTION_BRANCH_H_

#include <initializer_list>
#include <optional>
#include <string_view>

#include "ops/net.h"

namespace siskin::models {

// A convolution without bias, its batch norm and a ReLU: layers "<key>.conv" and "<key>.bn".
struct BasicConv {
  std::string_view key = {};
  int channels = 0;
  ops::Size2d kernel = 1;
  int stride = 1;
  std::optional<ops::Padding> padding = std::nullopt;  // unset: by the network's rule
};

// Convolutions one behind the other.
ops::Tensor Branch(ops::Net& net, ops::Tensor x, std::initializer_list<BasicConv> convolutions);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_INCEPTION_BRANCH_H_
