// MobileNeXt: a stem, twenty sandglass blocks, a classifier.
//
// A sandglass is an inverted residual turned inside out: its sum joins the wide ends, and its
// depthwise convolutions are there. The paper has nineteen blocks; the published weights have one
// more of 960 channels.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Table 2 of the paper: reduction t, channels c, repeats n, stride s of the first repeat.
struct Row {
  int t, c, n, s;
};
constexpr int kStemChannels = 32;
constexpr Row kRows[] = {
    {.t = 2, .c = 96, .n = 1, .s = 2},    //
    {.t = 6, .c = 144, .n = 1, .s = 1},   //
    {.t = 6, .c = 192, .n = 3, .s = 2},   //
    {.t = 6, .c = 288, .n = 3, .s = 2},   //
    {.t = 6, .c = 384, .n = 4, .s = 1},   //
    {.t = 6, .c = 576, .n = 4, .s = 2},   //
    {.t = 6, .c = 960, .n = 3, .s = 1},   // n = 2 in the paper
    {.t = 6, .c = 1280, .n = 1, .s = 1},  // not narrowed at widths below 1
};

int Channels(const Row& row, const BuildOptions& options) {
  return row.c == 1280 ? ScaleHeadChannels(row.c, options) : ScaleChannels(row.c, options);
}

// Adds the first half of the channels of `x` to those of `y`.
Tensor AddHalf(Net& net, const Tensor& x, const Tensor& y) {
  const int half = x.shape.channels / 2;
  const Tensor identity = net.SliceChannels(x, 0, half, "identity");
  const Tensor first = net.SliceChannels(y, 0, half, "first");
  const Tensor rest = net.SliceChannels(y, half, half, "rest");
  return net.Concat({net.Add(identity, first, "add"), rest}, "concat");
}

// A block that only changes the channels has no depthwise convolutions, one that halves the image
// has the last of them, and a row's only block has both. Layers are numbered with the activations.
Tensor Sandglass(Net& net, const Tensor& x, const Row& row, int repeat,
                 const BuildOptions& options) {
  const int in = x.shape.channels, out = Channels(row, options);
  const int stride = repeat == 0 ? row.s : 1;
  int hidden = in / row.t;
  if (hidden < out / 6.0) hidden = MakeDivisible(std::ceil(out / 6.0), 16);
  const bool residual = stride == 1 && in == out;
  const bool both = residual || row.n == 1;
  Tensor y = x;
  int layer = 0;
  const auto key = [&layer](int offset) { return absl::StrCat(layer + offset); };
  if (both) {
    y = net.DepthwiseConvBn(y,
                            {.key = key(0), .bn_key = key(1), .kernel = 3, .activation = kRelu6});
    layer = 3;
  }
  y = net.ConvBn(y, {.key = key(0), .bn_key = key(1), .out_channels = hidden});
  y = net.ConvBn(y, {.key = key(2), .bn_key = key(3), .out_channels = out, .activation = kRelu6});
  if (both || stride > 1) {
    y = net.DepthwiseConvBn(y, {.key = key(5), .bn_key = key(6), .kernel = 3, .stride = stride});
  }
  if (!residual) return y;
  return options.form == "identity2" ? AddHalf(net, x, y) : net.Add(x, y, "add");
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = net.ConvBn(x, {.key = "features.0.0",
                     .bn_key = "features.0.1",
                     .out_channels = ScaleChannels(kStemChannels, options),
                     .kernel = 3,
                     .stride = 2,
                     .activation = kRelu6});
  int index = 0;
  for (const Row& row : kRows) {
    const int repeats = options.form == "paper" && row.c == 960 ? 2 : row.n;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      Net::Scope scope(net, absl::StrCat("features.", ++index, ".conv"));
      x = Sandglass(net, x, row, repeat, options);
    }
  }
  return net.Linear(net.GlobalAvgPool(x), {.key = "classifier.1", .out_features = options.classes});
}

}  // namespace

std::vector<ModelSpec> MobileNeXt() {
  return {{.architecture = "mobilenext",
           .title = "MobileNeXt",
           .paper = "Zhou et al., Rethinking Bottleneck Structure for Efficient Mobile Network "
                    "Design, 2020, arXiv:2007.02269",
           .classifier_layer = "classifier.1",
           .key_styles = {{.name = "zhoudaquan", .input_preset = "timm"}},
           .variants = Published(
               "zhoudaquan", "zhoudaquan/rethinking_bottleneck_design README.md",
               {{.name = "mobilenext_1.4", .width = 1.4, .published_top1 = 76.1},
                {.name = "mobilenext_1.0", .published_top1 = 74.02},
                {.name = "mobilenext_1.0_identity2", .form = "identity2", .published_top1 = 74.09},
                {.name = "mobilenext_1.0_paper", .form = "paper"},  // no weights
                {.name = "mobilenext_0.75", .width = 0.75, .published_top1 = 72.0},
                {.name = "mobilenext_0.5", .width = 0.5, .published_top1 = 67.7},
                {.name = "mobilenext_0.35", .width = 0.35, .published_top1 = 64.7}}),
           .layers = Layers}};
}

}  // namespace siskin::models
