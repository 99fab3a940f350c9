// MobileNetV1: a stem, thirteen depthwise separable blocks, a classifier.
//
// The published weights (TF-slim, its ports, timm) use ReLU6 where the paper says ReLU.
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Table 1 of the paper. The first block of a stage has the stride; a stage is a `blocks.S` of timm.
struct Stage {
  int blocks;
  int channels;
  int stride;
};
constexpr int kStemChannels = 32;
constexpr Stage kStages[] = {
    {.blocks = 1, .channels = 64, .stride = 1},    //
    {.blocks = 2, .channels = 128, .stride = 2},   //
    {.blocks = 2, .channels = 256, .stride = 2},   //
    {.blocks = 6, .channels = 512, .stride = 2},   //
    {.blocks = 2, .channels = 1024, .stride = 2},  //
};
constexpr int kHeadChannels = 1024;  // timm's "h" variants; not narrowed at widths below 1

Tensor SeparableBlock(Net& net, const Tensor& x, int out_channels, int stride) {
  const Tensor y = net.DepthwiseConvBn(
      x, {.key = "conv_dw", .bn_key = "bn1", .kernel = 3, .stride = stride, .activation = kRelu6});
  return net.ConvBn(
      y, {.key = "conv_pw", .bn_key = "bn2", .out_channels = out_channels, .activation = kRelu6});
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = net.ConvBn(x, {.key = "conv_stem",
                     .bn_key = "bn1",
                     .out_channels = ScaleChannels(kStemChannels, options),
                     .kernel = 3,
                     .stride = 2,
                     .activation = kRelu6});
  for (size_t s = 0; s < std::size(kStages); ++s) {
    for (int b = 0; b < kStages[s].blocks; ++b) {
      Net::Scope scope(net, absl::StrCat("blocks.", s, ".", b));
      x = SeparableBlock(net, x, ScaleChannels(kStages[s].channels, options),
                         b == 0 ? kStages[s].stride : 1);
    }
  }
  if (options.form == "h") {
    x = net.ConvBn(x, {.key = "conv_head",
                       .bn_key = "bn2",
                       .out_channels = ScaleHeadChannels(kHeadChannels, options),
                       .activation = kRelu6});
  }
  return net.Linear(
      net.GlobalAvgPool(x),
      {.key = "classifier", .out_features = options.classes, .may_have_background_row = true});
}

// HF numbers the convolutions after the stem, depthwise and pointwise alike.
LayerNames HfNames() {
  LayerNames names = {{"conv_stem", "mobilenet_v1.conv_stem.convolution"},
                      {"bn1", "mobilenet_v1.conv_stem.normalization"}};
  int layer = 0;
  const auto next = [&layer] { return absl::StrCat("mobilenet_v1.layer.", layer++); };
  for (size_t s = 0; s < std::size(kStages); ++s) {
    for (int b = 0; b < kStages[s].blocks; ++b) {
      const std::string block = absl::StrCat("blocks.", s, ".", b);
      AddBlockNames(block, next(), {{"conv_dw", "convolution"}, {"bn1", "normalization"}}, names);
      AddBlockNames(block, next(), {{"conv_pw", "convolution"}, {"bn2", "normalization"}}, names);
    }
  }
  return names;
}

constexpr int kSlimResolutions[] = {224, 192, 160, 128};
constexpr SlimRow kSlimTop1[] = {
    {.width = 1.0, .top1 = {70.9, 70.0, 68.0, 65.2}},
    {.width = 0.75, .top1 = {68.4, 67.2, 65.3, 62.1}},
    {.width = 0.5, .top1 = {63.3, 61.7, 59.1, 56.3}},
    {.width = 0.25, .top1 = {49.8, 47.7, 45.5, 41.5}},
};

}  // namespace

std::vector<ModelSpec> MobileNetV1() {
  return {{.architecture = "mobilenet_v1",
           .title = "MobileNetV1",
           .paper = "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile "
                    "Vision Applications, 2017, arXiv:1704.04861",
           .classifier_layer = "classifier",
           .any_width = true,
           .key_styles = {{.name = "timm", .input_preset = "timm_half"},
                          HfGoogle(HfNames(), ChannelRule::kTruncated)},
           .variants =
               Join({Published("timm", "timm results-imagenet.csv (ra4_e3600_r224_in1k)",
                               {{.name = "mobilenetv1_100", .published_top1 = 75.39},
                                {.name = "mobilenetv1_100h", .form = "h", .published_top1 = 75.66},
                                {.name = "mobilenetv1_125",
                                 .width = 1.25,
                                 .input_preset = "timm_half_90",
                                 .published_top1 = 76.92}}),
                     Published("hf-google", "tensorflow/models research/slim mobilenet_v1.md",
                               SlimVariants("mobilenet_v1", kSlimResolutions, kSlimTop1))}),
           .layers = Layers}};
}

}  // namespace siskin::models
