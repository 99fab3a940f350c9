// MobileNetV1: a stem, thirteen depthwise separable blocks, a classifier.
//
// The published weights (TF-slim, its ports, timm) use ReLU6 where the paper says ReLU.
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
  const Tensor y = net.DepthwiseConvBn(x, {.key = "conv_dw",
                                           .bn_key = "bn1",
                                           .kernel = 3,
                                           .stride = stride,
                                           .activation = ActivationKind::kRelu6});
  return net.ConvBn(y, {.key = "conv_pw",
                        .bn_key = "bn2",
                        .out_channels = out_channels,
                        .activation = ActivationKind::kRelu6});
}

absl::StatusOr<ops::Graph> Build(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options));
  if (!options.form.empty() && options.form != "h") {
    return UnknownForm(options, "empty or \"h\" (with a head convolution)");
  }
  const auto scaled = [&options](int channels, double width) {
    return ScaleChannels(channels, width, options.channel_rule);
  };
  Net net("mobilenet_v1",
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = net.Input({3, options.resolution, options.resolution});
  x = net.ConvBn(x, {.key = "conv_stem",
                     .bn_key = "bn1",
                     .out_channels = scaled(kStemChannels, options.width),
                     .kernel = 3,
                     .stride = 2,
                     .activation = ActivationKind::kRelu6});
  for (size_t s = 0; s < std::size(kStages); ++s) {
    for (int b = 0; b < kStages[s].blocks; ++b) {
      Net::Scope scope(net, absl::StrCat("blocks.", s, ".", b));
      x = SeparableBlock(net, x, scaled(kStages[s].channels, options.width),
                         b == 0 ? kStages[s].stride : 1);
    }
  }
  if (options.form == "h") {
    x = net.ConvBn(x, {.key = "conv_head",
                       .bn_key = "bn2",
                       .out_channels = scaled(kHeadChannels, std::max(options.width, 1.0)),
                       .activation = ActivationKind::kRelu6});
  }
  x = net.Linear(
      net.GlobalAvgPool(x),
      {.key = "classifier", .out_features = options.classes, .may_have_background_row = true});
  return net.Finish(x);
}

// HF numbers the convolutions after the stem, depthwise and pointwise alike.
LayerNames HfNames() {
  LayerNames names = {{"conv_stem", "mobilenet_v1.conv_stem.convolution"},
                      {"bn1", "mobilenet_v1.conv_stem.normalization"}};
  constexpr std::pair<const char*, const char*> kConvolutions[] = {{"conv_dw", "bn1"},
                                                                   {"conv_pw", "bn2"}};
  int layer = 0;
  for (size_t s = 0; s < std::size(kStages); ++s) {
    for (int b = 0; b < kStages[s].blocks; ++b) {
      for (const auto& [conv, norm] : kConvolutions) {
        const std::string block = absl::StrCat("blocks.", s, ".", b, ".");
        const std::string theirs = absl::StrCat("mobilenet_v1.layer.", layer++);
        names[block + conv] = theirs + ".convolution";
        names[block + norm] = theirs + ".normalization";
      }
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

std::vector<Variant> Variants() {
  const std::string timm = "timm results-imagenet.csv (ra4_e3600_r224_in1k)";
  std::vector<Variant> variants = {
      {.name = "mobilenetv1_100", .key_style = "timm", .published_top1 = 75.39, .source = timm},
      {.name = "mobilenetv1_100h",
       .key_style = "timm",
       .form = "h",
       .published_top1 = 75.66,
       .source = timm},
      {.name = "mobilenetv1_125",
       .key_style = "timm",
       .width = 1.25,
       .input_preset = "timm_half_90",
       .published_top1 = 76.92,
       .source = timm},
  };
  for (Variant& variant : SlimVariants("mobilenet_v1", kSlimResolutions, kSlimTop1,
                                       "tensorflow/models research/slim mobilenet_v1.md")) {
    variants.push_back(std::move(variant));
  }
  return variants;
}

}  // namespace

std::vector<ModelSpec> MobileNetV1() {
  const KeyStyle timm = {.name = "timm", .input_preset = "timm_half"};
  const KeyStyle hf = {.name = "hf-google",
                       .layer_name = MapLayers(HfNames()),
                       .padding = ops::PaddingRule::kTfSame,
                       .batch_norm_epsilon = 1e-3,
                       .channel_rule = ChannelRule::kTruncated,
                       .background_class = true,
                       .input_preset = "google"};
  return {{.architecture = "mobilenet_v1",
           .title = "MobileNetV1",
           .paper = "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile "
                    "Vision Applications, 2017, arXiv:1704.04861",
           .classifier_layer = "classifier",
           .any_width = true,
           .key_styles = {timm, hf},
           .variants = Variants(),
           .build = Build}};
}

}  // namespace siskin::models
