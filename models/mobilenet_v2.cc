// MobileNetV2: a stem, seventeen inverted residual blocks, a 1x1 head, a classifier.
//
// ReLU6 everywhere but after a block's projection and after its sum, which are linear.
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "models/family.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Table 2 of the paper: expansion t, channels c, repeats n, stride s of the first repeat.
struct Row {
  int t, c, n, s;
};
constexpr int kStemChannels = 32;
constexpr Row kRows[] = {
    {.t = 1, .c = 16, .n = 1, .s = 1},   //
    {.t = 6, .c = 24, .n = 2, .s = 2},   //
    {.t = 6, .c = 32, .n = 3, .s = 2},   //
    {.t = 6, .c = 64, .n = 4, .s = 2},   //
    {.t = 6, .c = 96, .n = 3, .s = 1},   //
    {.t = 6, .c = 160, .n = 3, .s = 2},  //
    {.t = 6, .c = 320, .n = 1, .s = 1},  //
};
constexpr int kHeadChannels = 1280;  // not narrowed at widths below 1

// One repeat of a row. `index` counts blocks through the network from 1.
struct Block {
  int expansion, channels, stride;
  int row, repeat, index;
};

std::vector<Block> Blocks() {
  std::vector<Block> blocks;
  for (int row = 0; row < static_cast<int>(std::size(kRows)); ++row) {
    const auto& [t, c, n, s] = kRows[row];
    for (int repeat = 0; repeat < n; ++repeat) {
      blocks.push_back({.expansion = t,
                        .channels = c,
                        .stride = repeat == 0 ? s : 1,
                        .row = row,
                        .repeat = repeat,
                        .index = static_cast<int>(blocks.size()) + 1});
    }
  }
  return blocks;
}

Tensor InvertedResidual(Net& net, const Tensor& x, const Block& block, int out_channels) {
  const bool expands = block.expansion != 1;
  Tensor y = x;
  if (expands) {
    y = net.ConvBn(y, {.key = "conv.0.0",
                       .bn_key = "conv.0.1",
                       .out_channels = x.shape.channels * block.expansion,
                       .activation = kRelu6});
  }
  y = net.DepthwiseConvBn(y, {.key = expands ? "conv.1.0" : "conv.0.0",
                              .bn_key = expands ? "conv.1.1" : "conv.0.1",
                              .kernel = 3,
                              .stride = block.stride,
                              .activation = kRelu6});
  y = net.ConvBn(y, {.key = expands ? "conv.2" : "conv.1",
                     .bn_key = expands ? "conv.3" : "conv.2",
                     .out_channels = out_channels});
  const bool residual = block.stride == 1 && x.shape.channels == out_channels;
  return residual ? net.Add(x, y, "add") : y;
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = net.ConvBn(x, {.key = "features.0.0",
                     .bn_key = "features.0.1",
                     .out_channels = ScaleChannels(kStemChannels, options),
                     .kernel = 3,
                     .stride = 2,
                     .activation = kRelu6});
  for (const Block& block : Blocks()) {
    Net::Scope scope(net, absl::StrCat("features.", block.index));
    x = InvertedResidual(net, x, block, ScaleChannels(block.channels, options));
  }
  x = net.ConvBn(x, {.key = "features.18.0",
                     .bn_key = "features.18.1",
                     .out_channels = ScaleHeadChannels(kHeadChannels, options),
                     .activation = kRelu6});
  return net.Linear(
      net.GlobalAvgPool(x),
      {.key = "classifier.1", .out_features = options.classes, .may_have_background_row = true});
}

// torchvision's and another's names of the layers of a block. The first block of the network does
// not expand.
constexpr NamePair kTimmBlock[] = {{"conv.0.0", "conv_pw"}, {"conv.0.1", "bn1"},
                                   {"conv.1.0", "conv_dw"}, {"conv.1.1", "bn2"},
                                   {"conv.2", "conv_pwl"},  {"conv.3", "bn3"}};
constexpr NamePair kTimmFirstBlock[] = {
    {"conv.0.0", "conv_dw"}, {"conv.0.1", "bn1"}, {"conv.1", "conv_pw"}, {"conv.2", "bn2"}};
constexpr NamePair kHfBlock[] = {
    {"conv.0.0", "expand_1x1.convolution"}, {"conv.0.1", "expand_1x1.normalization"},
    {"conv.1.0", "conv_3x3.convolution"},   {"conv.1.1", "conv_3x3.normalization"},
    {"conv.2", "reduce_1x1.convolution"},   {"conv.3", "reduce_1x1.normalization"}};
constexpr NamePair kHfFirstBlock[] = {{"conv.0.0", "conv_3x3.convolution"},
                                      {"conv.0.1", "conv_3x3.normalization"},
                                      {"conv.1", "reduce_1x1.convolution"},
                                      {"conv.2", "reduce_1x1.normalization"}};

LayerNames TimmNames() {
  LayerNames names = {{"features.0.0", "conv_stem"},
                      {"features.0.1", "bn1"},
                      {"features.18.0", "conv_head"},
                      {"features.18.1", "bn2"},
                      {"classifier.1", "classifier"}};
  for (const Block& block : Blocks()) {
    AddBlockNames(absl::StrCat("features.", block.index),
                  absl::StrCat("blocks.", block.row, ".", block.repeat),
                  block.index == 1 ? absl::MakeConstSpan(kTimmFirstBlock) : kTimmBlock, names);
  }
  return names;
}

// HF's stem holds the first block too, so its layers are the blocks from the second.
LayerNames HfNames() {
  LayerNames names = {{"features.0.0", "mobilenet_v2.conv_stem.first_conv.convolution"},
                      {"features.0.1", "mobilenet_v2.conv_stem.first_conv.normalization"},
                      {"features.18.0", "mobilenet_v2.conv_1x1.convolution"},
                      {"features.18.1", "mobilenet_v2.conv_1x1.normalization"},
                      {"classifier.1", "classifier"}};
  AddBlockNames("features.1", "mobilenet_v2.conv_stem", kHfFirstBlock, names);
  for (int index = 2; index <= 17; ++index) {
    AddBlockNames(absl::StrCat("features.", index), absl::StrCat("mobilenet_v2.layer.", index - 2),
                  kHfBlock, names);
  }
  return names;
}

constexpr int kSlimResolutions[] = {224, 192, 160, 128, 96};
constexpr SlimRow kSlimTop1[] = {
    {.width = 1.4, .top1 = {75.0}},  //
    {.width = 1.3, .top1 = {74.4}},  //
    {.width = 1.0, .top1 = {71.8, 70.7, 68.8, 65.3, 60.3}},
    {.width = 0.75, .top1 = {69.8, 68.7, 66.4, 63.2, 58.8}},
    {.width = 0.5, .top1 = {65.4, 63.9, 61.0, 57.7, 51.2}},
    {.width = 0.35, .top1 = {60.3, 58.2, 55.7, 50.8, 45.5}},
};

// torchvision has two weight files of one network; they are named here as the files are.
std::vector<Variant> Variants() {
  return Join(
      {Published(
           "torchvision", "torchvision MobileNet_V2_Weights",
           {{.name = "mobilenet_v2-b0353104", .published_top1 = 71.878},
            {.name = "mobilenet_v2-7ebf99e0", .input_preset = "tv232", .published_top1 = 72.154}}),
       Published("timm", "timm results-imagenet.csv",
                 {{.name = "mobilenetv2_050", .width = 0.5, .published_top1 = 65.93},
                  {.name = "mobilenetv2_100", .published_top1 = 72.91},
                  {.name = "mobilenetv2_140", .width = 1.4, .published_top1 = 76.53}}),
       Published("hf-google", "tensorflow/models research/slim mobilenet_v2",
                 SlimVariants("mobilenet_v2", kSlimResolutions, kSlimTop1))});
}

}  // namespace

std::vector<ModelSpec> MobileNetV2() {
  const KeyStyle torchvision = {.name = "torchvision", .input_preset = "tv256"};
  const KeyStyle timm = {
      .name = "timm", .layer_name = MapLayers(TimmNames()), .input_preset = "timm"};
  return {{.architecture = "mobilenet_v2",
           .title = "MobileNetV2",
           .paper = "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, "
                    "arXiv:1801.04381",
           .classifier_layer = "classifier.1",
           .any_width = true,
           .key_styles = {torchvision, timm, HfGoogle(HfNames(), ChannelRule::kRoundedMultipleOf8)},
           .variants = Variants(),
           .layers = Layers}};
}

}  // namespace siskin::models
