// EfficientNet-B0: a stem, sixteen inverted residuals with squeeze-and-excite, a 1x1 head, a
// classifier.
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"
#include "models/mbconv.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Table 1 of the paper, MBConv1 and MBConv6: expansion t, kernel k, channels c, repeats n, stride s
// of the first repeat. A row is a stage of timm, and of torchvision, which counts the stem too.
struct Row {
  int t, k, c, n, s;
};
constexpr int kStemChannels = 32;
constexpr Row kRows[] = {
    {.t = 1, .k = 3, .c = 16, .n = 1, .s = 1},   //
    {.t = 6, .k = 3, .c = 24, .n = 2, .s = 2},   //
    {.t = 6, .k = 5, .c = 40, .n = 2, .s = 2},   //
    {.t = 6, .k = 3, .c = 80, .n = 3, .s = 2},   //
    {.t = 6, .k = 5, .c = 112, .n = 3, .s = 1},  //
    {.t = 6, .k = 5, .c = 192, .n = 4, .s = 2},  //
    {.t = 6, .k = 3, .c = 320, .n = 1, .s = 1},  //
};
constexpr int kHeadChannels = 1280;

MbConv Block(const Row& row, int repeat, int in) {
  return {.expanded = in * row.t,
          .channels = row.c,
          .kernel = row.k,
          .stride = repeat == 0 ? row.s : 1,
          .activation = kSwish,
          .squeeze_excite = {.channels = in / 4, .activation = kSwish, .gate = kSigmoid}};
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = net.ConvBn(x, {.key = "features.0.0",
                     .bn_key = "features.0.1",
                     .out_channels = kStemChannels,
                     .kernel = 3,
                     .stride = 2,
                     .activation = kSwish});
  int stage = 0;
  for (const Row& row : kRows) {
    ++stage;
    for (int repeat = 0; repeat < row.n; ++repeat) {
      Net::Scope scope(net, absl::StrCat("features.", stage, ".", repeat, ".block"));
      x = AppendMbConv(net, x, Block(row, repeat, x.shape.channels));
    }
  }
  x = net.ConvBn(x, {.key = "features.8.0",
                     .bn_key = "features.8.1",
                     .out_channels = kHeadChannels,
                     .activation = kSwish});
  return net.Linear(net.GlobalAvgPool(x), {.key = "classifier.1", .out_features = options.classes});
}

LayerNames TimmNames() {
  LayerNames names = {{"features.0.0", "conv_stem"},
                      {"features.0.1", "bn1"},
                      {"features.8.0", "conv_head"},
                      {"features.8.1", "bn2"},
                      {"classifier.1", "classifier"}};
  for (int stage = 0; stage < static_cast<int>(std::size(kRows)); ++stage) {
    for (int repeat = 0; repeat < kRows[stage].n; ++repeat) {
      AddTimmNames(absl::StrCat("features.", stage + 1, ".", repeat, ".block"),
                   absl::StrCat("blocks.", stage, ".", repeat), kRows[stage].t != 1, names);
    }
  }
  return names;
}

// timm's tags name weights of other preprocessing.
std::vector<Variant> Variants() {
  const std::string timm = "timm default_cfgs of efficientnet.py";
  return Join(
      {Published("torchvision", "torchvision EfficientNet_B0_Weights",
                 {{.name = "efficientnet_b0_rwightman-3dd342df", .published_top1 = 77.692}}),
       Published("timm", timm,
                 {{.name = "efficientnet_b0.ra_in1k"},
                  {.name = "efficientnet_b0.ra4_e3600_r224_in1k", .input_preset = "timm_half_90"}}),
       Published("timm-tf", timm,
                 {{.name = "tf_efficientnet_b0"},
                  {.name = "tf_efficientnet_b0.ap_in1k", .input_preset = "timm_half"}})});
}

}  // namespace

std::vector<ModelSpec> EfficientNet() {
  const KeyStyle torchvision = {.name = "torchvision", .input_preset = "tv256_bicubic"};
  const KeyStyle timm = {
      .name = "timm", .layer_name = MapLayers(TimmNames()), .input_preset = "timm"};
  const KeyStyle timm_tf = {.name = "timm-tf",
                            .layer_name = timm.layer_name,
                            .padding = ops::PaddingRule::kTfSame,
                            .batch_norm_epsilon = 1e-3,
                            .input_preset = "timm"};
  return {{.architecture = "efficientnet_b0",
           .title = "EfficientNet-B0",
           .paper = "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural "
                    "Networks, 2019, arXiv:1905.11946",
           .classifier_layer = "classifier.1",
           .key_styles = {torchvision, timm, timm_tf},
           .variants = Variants(),
           .layers = Layers}};
}

}  // namespace siskin::models
