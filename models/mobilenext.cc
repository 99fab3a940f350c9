// MobileNeXt: a stem, twenty sandglass blocks, a classifier.
//
// A sandglass is an inverted residual turned inside out: its sum joins the wide ends, and its
// depthwise convolutions are there. The paper has nineteen blocks; the published weights have one
// more of 960 channels.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Tensor;

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
constexpr double kWidths[] = {0.35, 0.5, 0.75, 1.0, 1.4};

int Repeats(const Row& row, const BuildOptions& options) {
  return options.form == "paper" && row.c == 960 ? 2 : row.n;
}

int Channels(const Row& row, const BuildOptions& options) {
  const double width = row.c == 1280 ? std::max(options.width, 1.0) : options.width;
  return ScaleChannels(row.c, width, options.channel_rule);
}

// Adds the first `count` channels of `x` to those of `y`.
Tensor AddIdentity(Net& net, const Tensor& x, const Tensor& y, int count) {
  const int channels = x.shape.channels;
  if (count == channels) return net.Add(x, y, "add");
  const Tensor identity = net.SliceChannels(x, 0, count, "identity");
  const Tensor first = net.SliceChannels(y, 0, count, "first");
  const Tensor rest = net.SliceChannels(y, count, channels - count, "rest");
  return net.Concat({net.Add(identity, first, "add"), rest}, "concat");
}

struct Block {
  int reduction, channels, stride;
  bool single;           // of its row
  int identity_divisor;  // the first 1/divisor of the input's channels are added
};

// A block that only changes the channels has no depthwise convolutions, one that halves the image
// has the last of them, and a row's only block has both. Layers are numbered with the activations.
Tensor Sandglass(Net& net, const Tensor& x, const Block& block) {
  const int in = x.shape.channels, out = block.channels;
  int hidden = in / block.reduction;
  if (hidden < out / 6.0) hidden = MakeDivisible(std::ceil(out / 6.0), 16);
  const bool residual = block.stride == 1 && in == out;
  const bool both = residual || block.single;
  Tensor y = x;
  int layer = 0;
  const auto key = [&layer](int offset) { return absl::StrCat(layer + offset); };
  if (both) {
    y = net.DepthwiseConvBn(
        y, {.key = key(0), .bn_key = key(1), .kernel = 3, .activation = ActivationKind::kRelu6});
    layer = 3;
  }
  y = net.ConvBn(y, {.key = key(0), .bn_key = key(1), .out_channels = hidden});
  y = net.ConvBn(
      y,
      {.key = key(2), .bn_key = key(3), .out_channels = out, .activation = ActivationKind::kRelu6});
  if (both || block.stride > 1) {
    y = net.DepthwiseConvBn(y,
                            {.key = key(5), .bn_key = key(6), .kernel = 3, .stride = block.stride});
  }
  return residual ? AddIdentity(net, x, y, in / block.identity_divisor) : y;
}

absl::StatusOr<ops::Graph> Build(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options));
  SISKIN_RETURN_IF_ERROR(ValidateWidth(options, kWidths));
  if (!options.form.empty() && options.form != "paper" && options.form != "identity2") {
    return UnknownForm(options, "empty, \"paper\" (a block less) or \"identity2\" (half the sum)");
  }
  Net net("mobilenext",
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = net.Input({3, options.resolution, options.resolution});
  x = net.ConvBn(x,
                 {.key = "features.0.0",
                  .bn_key = "features.0.1",
                  .out_channels = ScaleChannels(kStemChannels, options.width, options.channel_rule),
                  .kernel = 3,
                  .stride = 2,
                  .activation = ActivationKind::kRelu6});
  int index = 0;
  for (const Row& row : kRows) {
    for (int repeat = 0; repeat < Repeats(row, options); ++repeat) {
      Net::Scope scope(net, absl::StrCat("features.", ++index, ".conv"));
      x = Sandglass(net, x,
                    {.reduction = row.t,
                     .channels = Channels(row, options),
                     .stride = repeat == 0 ? row.s : 1,
                     .single = row.n == 1,
                     .identity_divisor = options.form == "identity2" ? 2 : 1});
    }
  }
  x = net.Linear(net.GlobalAvgPool(x), {.key = "classifier.1", .out_features = options.classes});
  return net.Finish(x);
}

// Weights of width 1 only are published, without and with "identity2".
std::vector<Variant> Variants() {
  const auto variant = [](const char* name, double width, std::optional<double> top1,
                          const char* form = "") {
    return Variant{.name = name,
                   .key_style = "zhoudaquan",
                   .width = width,
                   .form = form,
                   .published_top1 = top1,
                   .source = "zhoudaquan/rethinking_bottleneck_design README.md"};
  };
  return {variant("mobilenext_1.4", 1.4, 76.1),
          variant("mobilenext_1.0", 1.0, 74.02),
          variant("mobilenext_1.0_identity2", 1.0, 74.09, "identity2"),
          variant("mobilenext_1.0_paper", 1.0, std::nullopt, "paper"),
          variant("mobilenext_0.75", 0.75, 72.0),
          variant("mobilenext_0.5", 0.5, 67.7),
          variant("mobilenext_0.35", 0.35, 64.7)};
}

}  // namespace

std::vector<ModelSpec> MobileNeXt() {
  return {{.architecture = "mobilenext",
           .title = "MobileNeXt",
           .paper = "Zhou et al., Rethinking Bottleneck Structure for Efficient Mobile Network "
                    "Design, 2020, arXiv:2007.02269",
           .classifier_layer = "classifier.1",
           .key_styles = {{.name = "zhoudaquan", .input_preset = "timm"}},
           .variants = Variants(),
           .build = Build}};
}

}  // namespace siskin::models
