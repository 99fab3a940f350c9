// ShuffleNetV1: a stem and a max pool, three stages of shuffle units, a classifier.
//
// The code bases shuffle at different places and in different directions, and concatenate in
// different orders: no two of them can use each other's weights.
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Table 1 of the paper: channels of the first stage, which every later stage doubles.
struct Form {
  std::string_view name;
  int groups, channels;
};
constexpr Form kForms[] = {
    {.name = "g3", .groups = 3, .channels = 240},  // the usual one
    {.name = "g1", .groups = 1, .channels = 144},  //
    {.name = "g2", .groups = 2, .channels = 200},  //
    {.name = "g4", .groups = 4, .channels = 272},  //
    {.name = "g8", .groups = 8, .channels = 384},  //
};
constexpr int kRepeats[] = {4, 8, 4};  // units of each stage

// The paper multiplies every channel count by the width. The stems are those of megvii's code,
// which keeps the stem of width 1.0 at 1.5 and rounds up to a multiple of the groups. Weights are
// published for groups 3 and 8 from width 0.5 up; the same rule is used for all others.
struct Width {
  double width;
  int stem_channels;
};
constexpr Width kWidths[] = {{0.25, 6}, {0.5, 12}, {1.0, 24}, {1.5, 24}, {2.0, 48}};

struct ConvNames {
  const char *conv, *norm;
};

// What a code base calls its layers, and where its network differs from the others'.
struct CodeBase {
  const char* name;
  ConvNames stem;
  std::string (*unit)(int stage, int repeat);
  ConvNames compress, depthwise, expand;
  const char* classifier;
  bool classifier_bias = true;
  bool shuffles_first = false;  // before the depthwise convolution, as in the paper; else after it
  bool shuffles_back = false;   // by the inverse of the paper's permutation
  bool main_branch_first = false;  // of a concatenation
};

std::string MegviiUnit(int stage, int repeat) {
  constexpr int kFirst[] = {0, 4, 12};
  return absl::StrCat("features.", kFirst[stage] + repeat);
}
std::string MmclsUnit(int stage, int repeat) {
  return absl::StrCat("backbone.layers.", stage, ".", repeat);
}
std::string ImgclsmobUnit(int stage, int repeat) {
  return absl::StrCat("features.stage", stage + 1, ".unit", repeat + 1);
}

constexpr CodeBase kMegvii = {.name = "megvii",
                              .stem = {"first_conv.0", "first_conv.1"},
                              .unit = MegviiUnit,
                              .compress = {"branch_main_1.0", "branch_main_1.1"},
                              .depthwise = {"branch_main_1.3", "branch_main_1.4"},
                              .expand = {"branch_main_2.0", "branch_main_2.1"},
                              .classifier = "classifier.0",
                              .classifier_bias = false,
                              .shuffles_back = true};
constexpr CodeBase kMmcls = {.name = "mmcls",
                             .stem = {"backbone.conv1.conv", "backbone.conv1.bn"},
                             .unit = MmclsUnit,
                             .compress = {"g_conv_1x1_compress.conv", "g_conv_1x1_compress.bn"},
                             .depthwise = {"depthwise_conv3x3_bn.conv", "depthwise_conv3x3_bn.bn"},
                             .expand = {"g_conv_1x1_expand.conv", "g_conv_1x1_expand.bn"},
                             .classifier = "head.fc"};
constexpr CodeBase kImgclsmob = {.name = "imgclsmob",
                                 .stem = {"features.init_block.conv", "features.init_block.bn"},
                                 .unit = ImgclsmobUnit,
                                 .compress = {"compress_conv1", "compress_bn1"},
                                 .depthwise = {"dw_conv2", "dw_bn2"},
                                 .expand = {"expand_conv3", "expand_bn3"},
                                 .classifier = "output",
                                 .shuffles_first = true,
                                 .main_branch_first = true};

const CodeBase& CodeBaseOf(const BuildOptions& options) {
  for (const CodeBase* base : {&kMmcls, &kImgclsmob}) {
    if (options.key_style == base->name) return *base;
  }
  return kMegvii;
}

LayerNames CanonicalTo(const CodeBase& base) {
  LayerNames names = {{kMegvii.stem.conv, base.stem.conv},
                      {kMegvii.stem.norm, base.stem.norm},
                      {kMegvii.classifier, base.classifier}};
  for (int stage = 0; stage < static_cast<int>(std::size(kRepeats)); ++stage) {
    for (int repeat = 0; repeat < kRepeats[stage]; ++repeat) {
      const std::string ours = kMegvii.unit(stage, repeat) + ".";
      const std::string theirs = base.unit(stage, repeat) + ".";
      for (auto layer : {&CodeBase::compress, &CodeBase::depthwise, &CodeBase::expand}) {
        names[ours + (kMegvii.*layer).conv] = theirs + (base.*layer).conv;
        names[ours + (kMegvii.*layer).norm] = theirs + (base.*layer).norm;
      }
    }
  }
  return names;
}

Tensor Shuffle(Net& net, const Tensor& x, int groups, const CodeBase& base) {
  if (groups == 1) return x;
  return net.ChannelShuffle(x, base.shuffles_back ? x.shape.channels / groups : groups, "shuffle");
}

// `first_groups`: of the first convolution, which is dense where there are few channels to read.
// The paper's bottleneck is a quarter of the channels; here rounded down to a multiple of the
// groups, for the widths of groups 2 and 4 that have no published weights.
Tensor Unit(Net& net, const Tensor& x, int channels, int stride, int groups, int first_groups,
            const CodeBase& base) {
  Tensor y = net.ConvBn(x, {.key = kMegvii.compress.conv,
                            .bn_key = kMegvii.compress.norm,
                            .out_channels = channels / 4 / groups * groups,
                            .groups = first_groups,
                            .activation = kRelu});
  if (base.shuffles_first) y = Shuffle(net, y, groups, base);
  y = net.DepthwiseConvBn(y, {.key = kMegvii.depthwise.conv,
                              .bn_key = kMegvii.depthwise.norm,
                              .kernel = 3,
                              .stride = stride});
  if (!base.shuffles_first) y = Shuffle(net, y, groups, base);
  const bool adds = stride == 1;
  y = net.ConvBn(y, {.key = kMegvii.expand.conv,
                     .bn_key = kMegvii.expand.norm,
                     .out_channels = adds ? channels : channels - x.shape.channels,
                     .groups = groups,
                     .activation = adds ? kNone : kRelu});
  if (adds) return net.Act(net.Add(x, y, "add"), kRelu, "add.act");
  // imgclsmob's ReLU comes behind the concatenation. The pool's part of it has nothing below zero.
  const Tensor pooled = net.AvgPool(x, {.kernel = 3, .stride = 2, .padding = 1}, "avgpool");
  return base.main_branch_first ? net.Concat({y, pooled}, "concat")
                                : net.Concat({pooled, y}, "concat");
}

const Form& FormOf(const BuildOptions& options) {
  const auto found =
      std::find_if(std::begin(kForms), std::end(kForms),
                   [&options](const Form& form) { return form.name == options.form; });
  return found == std::end(kForms) ? kForms[0] : *found;
}

int StemChannels(const BuildOptions& options, int groups) {
  const auto size = std::find_if(std::begin(kWidths), std::end(kWidths),
                                 [&options](const Width& w) { return w.width == options.width; });
  return (size->stem_channels + groups - 1) / groups * groups;
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  const auto& [name, groups, first_channels] = FormOf(options);
  const CodeBase& base = CodeBaseOf(options);
  x = net.ConvBn(x, {.key = kMegvii.stem.conv,
                     .bn_key = kMegvii.stem.norm,
                     .out_channels = StemChannels(options, groups),
                     .kernel = 3,
                     .stride = 2,
                     .activation = kRelu});
  x = net.MaxPool(x, {.kernel = 3, .stride = 2, .padding = 1}, "maxpool");
  int channels = static_cast<int>(first_channels * options.width);
  int first_groups = 1;  // of the very first unit
  for (int stage = 0; stage < static_cast<int>(std::size(kRepeats)); ++stage, channels *= 2) {
    for (int repeat = 0; repeat < kRepeats[stage]; ++repeat) {
      Net::Scope scope(net, kMegvii.unit(stage, repeat));
      x = Unit(net, x, channels, repeat == 0 ? 2 : 1, groups, first_groups, base);
      first_groups = groups;
    }
  }
  return net.Linear(
      net.GlobalAvgPool(x),
      {.key = kMegvii.classifier, .out_features = options.classes, .bias = base.classifier_bias});
}

struct Accuracy {
  const char* form;
  double width;
  double top1;
};
constexpr Accuracy kMegviiTop1[] = {
    {"g3", 0.5, 57.3}, {"g3", 1.0, 67.8}, {"g3", 1.5, 71.6}, {"g3", 2.0, 74.1},
    {"g8", 0.5, 58.8}, {"g8", 1.0, 68.0}, {"g8", 1.5, 71.0}, {"g8", 2.0, 72.9},
};
constexpr Accuracy kPaperTop1[] = {
    {"g1", 1.0, 66.4},  {"g2", 1.0, 67.3},  {"g4", 1.0, 67.2},  {"g1", 0.5, 54.9},
    {"g2", 0.5, 55.6},  {"g4", 0.5, 58.4},  {"g1", 0.25, 42.9}, {"g2", 0.25, 43.2},
    {"g3", 0.25, 45.0}, {"g4", 0.25, 45.8}, {"g8", 0.25, 47.3},
};

void Append(absl::Span<const Accuracy> rows, const std::string& source,
            std::vector<Variant>& variants) {
  for (const auto& [form, width, top1] : rows) {
    variants.push_back({.name = absl::StrCat("shufflenetv1_", form, "_", WidthLabel(width), "x"),
                        .key_style = kMegvii.name,
                        .width = width,
                        .form = form,
                        .published_top1 = top1,
                        .source = source});
  }
}

// Weights are named as their files are, except for megvii's.
std::vector<Variant> Variants() {
  std::vector<Variant> variants;
  Append(kMegviiTop1, "megvii-model/ShuffleNet-Series", variants);
  Append(kPaperTop1, "Table 2 of the paper; no weights are published", variants);
  variants.push_back({.name = "shufflenet_v1_batch1024_imagenet_20200804-5d6cec73",
                      .key_style = kMmcls.name,
                      .form = "g3",
                      .published_top1 = 68.13,
                      .source = "open-mmlab/mmpretrain"});
  variants.push_back({.name = "shufflenet_g8_w1",
                      .key_style = kImgclsmob.name,
                      .form = "g8",
                      .published_top1 = 66.3,
                      .source = "osmr/imgclsmob"});
  return variants;
}

}  // namespace

std::vector<ModelSpec> ShuffleNetV1() {
  const KeyStyle megvii = {.name = kMegvii.name, .input_preset = "megvii"};
  const KeyStyle mmcls = {
      .name = kMmcls.name, .layer_name = MapLayers(CanonicalTo(kMmcls)), .input_preset = "tv256"};
  const KeyStyle imgclsmob = {.name = kImgclsmob.name,
                              .layer_name = MapLayers(CanonicalTo(kImgclsmob)),
                              .input_preset = "tv256"};
  return {{.architecture = "shufflenet_v1",
           .title = "ShuffleNetV1",
           .paper = "Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network "
                    "for Mobile Devices, 2017, arXiv:1707.01083",
           .classifier_layer = kMegvii.classifier,
           .key_styles = {megvii, mmcls, imgclsmob},
           .variants = Variants(),
           .layers = Layers}};
}

}  // namespace siskin::models
