// MBConv, the block of MobileNetV3 and EfficientNet: an inverted residual (expand, depthwise,
// project) with squeeze-and-excite behind the depthwise convolution.
#ifndef SISKIN_MODELS_MBCONV_H_
#define SISKIN_MODELS_MBCONV_H_

#include <string>

#include "models/family.h"
#include "ops/graph.h"
#include "ops/net.h"

namespace siskin::models {

// Scales each channel by a gate that two 1x1 convolutions compute from the mean of all channels.
struct SqueezeExcite {
  int channels = 0;                                             // between the two
  ops::ActivationKind activation = ops::ActivationKind::kNone;  // between the two
  ops::ActivationKind gate = ops::ActivationKind::kNone;        // of the result
};

struct MbConv {
  int expanded = 0;  // channels of the depthwise convolution; no expansion if x has as many
  int channels = 0;  // of the result
  int kernel = 3;
  int stride = 1;
  ops::ActivationKind activation = ops::ActivationKind::kNone;  // none behind project and sum
  SqueezeExcite squeeze_excite = {};                            // channels 0: none
};

// Appends the block, which adds x to its result if the shapes are equal. Keys are torchvision's: it
// numbers the convolutions and the squeeze-and-excite that are there, "0.0" and "0.1" being the
// first convolution and its batch norm.
ops::Tensor AppendMbConv(ops::Net& net, const ops::Tensor& x, const MbConv& block);

// Adds timm's names for the layers of a block, which is `ours` ("features.4.block") in torchvision
// and `theirs` ("blocks.2.0") in timm.
void AddTimmNames(const std::string& ours, const std::string& theirs, bool expands,
                  LayerNames& names);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_MBCONV_H_
