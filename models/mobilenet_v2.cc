// MobileNetV2: a stem, seventeen inverted residual blocks, a 1x1 head, a classifier.
//
// ReLU6 everywhere but after a block's projection and after its sum, which are linear.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Tensor;

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

// How a code base names its layers: a convolution with its batch norm, a block's three of them,
// and the network. The block without expansion (t = 1) has names of its own.
struct ConvNames {
  const char *conv, *norm;
};
struct BlockNames {
  ConvNames expand, depthwise, project;
};
struct Naming {
  ConvNames stem;
  std::string (*prefix)(const Block&);
  BlockNames block, unexpanded_block;
  ConvNames head;
  const char* classifier;
};

constexpr Naming kTorchvision = {
    .stem = {"features.0.0", "features.0.1"},
    .prefix = [](const Block& block) { return absl::StrCat("features.", block.index); },
    .block = {{"conv.0.0", "conv.0.1"}, {"conv.1.0", "conv.1.1"}, {"conv.2", "conv.3"}},
    .unexpanded_block = {{}, {"conv.0.0", "conv.0.1"}, {"conv.1", "conv.2"}},
    .head = {"features.18.0", "features.18.1"},
    .classifier = "classifier.1"};

constexpr Naming kTimm = {
    .stem = {"conv_stem", "bn1"},
    .prefix = [](const Block& b) { return absl::StrCat("blocks.", b.row, ".", b.repeat); },
    .block = {{"conv_pw", "bn1"}, {"conv_dw", "bn2"}, {"conv_pwl", "bn3"}},
    .unexpanded_block = {{}, {"conv_dw", "bn1"}, {"conv_pw", "bn2"}},
    .head = {"conv_head", "bn2"},
    .classifier = "classifier"};

// HF's stem holds the first block too, so its layers are the blocks from the second.
std::string HfPrefix(const Block& block) {
  if (block.index == 1) return "mobilenet_v2.conv_stem";
  return absl::StrCat("mobilenet_v2.layer.", block.index - 2);
}
constexpr BlockNames kHfBlock = {{"expand_1x1.convolution", "expand_1x1.normalization"},
                                 {"conv_3x3.convolution", "conv_3x3.normalization"},
                                 {"reduce_1x1.convolution", "reduce_1x1.normalization"}};
constexpr Naming kHf = {
    .stem = {"mobilenet_v2.conv_stem.first_conv.convolution",
             "mobilenet_v2.conv_stem.first_conv.normalization"},
    .prefix = HfPrefix,
    .block = kHfBlock,
    .unexpanded_block = kHfBlock,
    .head = {"mobilenet_v2.conv_1x1.convolution", "mobilenet_v2.conv_1x1.normalization"},
    .classifier = "classifier"};

const BlockNames& NamesOf(const Block& block, const Naming& naming) {
  return block.expansion == 1 ? naming.unexpanded_block : naming.block;
}

// Every layer of the network, in an order that is the same for every naming.
std::vector<std::string> Layers(const Naming& naming) {
  std::vector<std::string> layers = {naming.stem.conv, naming.stem.norm};
  for (const Block& block : Blocks()) {
    const BlockNames& names = NamesOf(block, naming);
    std::vector<ConvNames> convolutions = {names.depthwise, names.project};
    if (block.expansion != 1) convolutions.push_back(names.expand);
    for (const ConvNames& conv_names : convolutions) {
      layers.push_back(absl::StrCat(naming.prefix(block), ".", conv_names.conv));
      layers.push_back(absl::StrCat(naming.prefix(block), ".", conv_names.norm));
    }
  }
  for (const char* layer : {naming.head.conv, naming.head.norm, naming.classifier}) {
    layers.push_back(layer);
  }
  return layers;
}

LayerNames CanonicalTo(const Naming& naming) {
  const std::vector<std::string> ours = Layers(kTorchvision);
  const std::vector<std::string> theirs = Layers(naming);
  LayerNames names;
  for (size_t i = 0; i < ours.size(); ++i) names[ours[i]] = theirs[i];
  return names;
}

Tensor InvertedResidual(Net& net, const Tensor& x, const Block& block, int out_channels) {
  const BlockNames& names = NamesOf(block, kTorchvision);
  Tensor y = x;
  if (block.expansion != 1) {
    y = net.ConvBn(y, {.key = names.expand.conv,
                       .bn_key = names.expand.norm,
                       .out_channels = x.shape.channels * block.expansion,
                       .activation = ActivationKind::kRelu6});
  }
  y = net.DepthwiseConvBn(y, {.key = names.depthwise.conv,
                              .bn_key = names.depthwise.norm,
                              .kernel = 3,
                              .stride = block.stride,
                              .activation = ActivationKind::kRelu6});
  y = net.ConvBn(
      y, {.key = names.project.conv, .bn_key = names.project.norm, .out_channels = out_channels});
  const bool residual = block.stride == 1 && x.shape.channels == out_channels;
  return residual ? net.Add(x, y, "add") : y;
}

absl::StatusOr<ops::Graph> Build(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options));
  if (!options.form.empty()) return UnknownForm(options, "empty");
  const auto scaled = [&options](int channels, double width) {
    return ScaleChannels(channels, width, options.channel_rule);
  };
  Net net("mobilenet_v2",
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = net.Input({3, options.resolution, options.resolution});
  x = net.ConvBn(x, {.key = kTorchvision.stem.conv,
                     .bn_key = kTorchvision.stem.norm,
                     .out_channels = scaled(kStemChannels, options.width),
                     .kernel = 3,
                     .stride = 2,
                     .activation = ActivationKind::kRelu6});
  for (const Block& block : Blocks()) {
    Net::Scope scope(net, kTorchvision.prefix(block));
    x = InvertedResidual(net, x, block, scaled(block.channels, options.width));
  }
  x = net.ConvBn(x, {.key = kTorchvision.head.conv,
                     .bn_key = kTorchvision.head.norm,
                     .out_channels = scaled(kHeadChannels, std::max(options.width, 1.0)),
                     .activation = ActivationKind::kRelu6});
  x = net.Linear(net.GlobalAvgPool(x), {.key = kTorchvision.classifier,
                                        .out_features = options.classes,
                                        .may_have_background_row = true});
  return net.Finish(x);
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
  const std::string torchvision = "torchvision MobileNet_V2_Weights";
  const std::string timm = "timm results-imagenet.csv";
  std::vector<Variant> variants = {
      {.name = "mobilenet_v2-b0353104",
       .key_style = "torchvision",
       .input_preset = "tv256",
       .published_top1 = 71.878,
       .source = torchvision},
      {.name = "mobilenet_v2-7ebf99e0",
       .key_style = "torchvision",
       .input_preset = "tv232",
       .published_top1 = 72.154,
       .source = torchvision},
      {.name = "mobilenetv2_050",
       .key_style = "timm",
       .width = 0.5,
       .published_top1 = 65.93,
       .source = timm},
      {.name = "mobilenetv2_100", .key_style = "timm", .published_top1 = 72.91, .source = timm},
      {.name = "mobilenetv2_140",
       .key_style = "timm",
       .width = 1.4,
       .published_top1 = 76.53,
       .source = timm},
  };
  for (Variant& variant : SlimVariants("mobilenet_v2", kSlimResolutions, kSlimTop1,
                                       "tensorflow/models research/slim mobilenet_v2")) {
    variants.push_back(std::move(variant));
  }
  return variants;
}

}  // namespace

std::vector<ModelSpec> MobileNetV2() {
  const KeyStyle torchvision = {.name = "torchvision", .input_preset = "tv256"};
  const KeyStyle timm = {
      .name = "timm", .layer_name = MapLayers(CanonicalTo(kTimm)), .input_preset = "timm"};
  const KeyStyle hf = {.name = "hf-google",
                       .layer_name = MapLayers(CanonicalTo(kHf)),
                       .padding = ops::PaddingRule::kTfSame,
                       .batch_norm_epsilon = 1e-3,
                       .channel_rule = ChannelRule::kRoundedMultipleOf8,
                       .background_class = true,
                       .input_preset = "google"};
  return {{.architecture = "mobilenet_v2",
           .title = "MobileNetV2",
           .paper = "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, "
                    "arXiv:1801.04381",
           .classifier_layer = kTorchvision.classifier,
           .any_width = true,
           .key_styles = {torchvision, timm, hf},
           .variants = Variants(),
           .build = Build}};
}

}  // namespace siskin::models
