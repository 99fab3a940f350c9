// MobileNetV3, Large and Small: a stem, inverted residuals with squeeze-and-excite, a 1x1 head, two
// linear layers behind the pool.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "models/family.h"
#include "models/mbconv.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Tables 1 and 2 of the paper.
struct Row {
  int in, k, exp, out;
  bool se = false;
  ops::ActivationKind nl = kNone;
  int s = 1;
};
constexpr Row kLargeRows[] = {
    {.in = 16, .k = 3, .exp = 16, .out = 16, .nl = kRelu},
    {.in = 16, .k = 3, .exp = 64, .out = 24, .nl = kRelu, .s = 2},
    {.in = 24, .k = 3, .exp = 72, .out = 24, .nl = kRelu},
    {.in = 24, .k = 5, .exp = 72, .out = 40, .se = true, .nl = kRelu, .s = 2},
    {.in = 40, .k = 5, .exp = 120, .out = 40, .se = true, .nl = kRelu},
    {.in = 40, .k = 5, .exp = 120, .out = 40, .se = true, .nl = kRelu},
    {.in = 40, .k = 3, .exp = 240, .out = 80, .nl = kHardSwish, .s = 2},
    {.in = 80, .k = 3, .exp = 200, .out = 80, .nl = kHardSwish},
    {.in = 80, .k = 3, .exp = 184, .out = 80, .nl = kHardSwish},
    {.in = 80, .k = 3, .exp = 184, .out = 80, .nl = kHardSwish},
    {.in = 80, .k = 3, .exp = 480, .out = 112, .se = true, .nl = kHardSwish},
    {.in = 112, .k = 3, .exp = 672, .out = 112, .se = true, .nl = kHardSwish},
    {.in = 112, .k = 5, .exp = 672, .out = 160, .se = true, .nl = kHardSwish, .s = 2},
    {.in = 160, .k = 5, .exp = 960, .out = 160, .se = true, .nl = kHardSwish},
    {.in = 160, .k = 5, .exp = 960, .out = 160, .se = true, .nl = kHardSwish},
};
constexpr Row kSmallRows[] = {
    {.in = 16, .k = 3, .exp = 16, .out = 16, .se = true, .nl = kRelu, .s = 2},
    {.in = 16, .k = 3, .exp = 72, .out = 24, .nl = kRelu, .s = 2},
    {.in = 24, .k = 3, .exp = 88, .out = 24, .nl = kRelu},
    {.in = 24, .k = 5, .exp = 96, .out = 40, .se = true, .nl = kHardSwish, .s = 2},
    {.in = 40, .k = 5, .exp = 240, .out = 40, .se = true, .nl = kHardSwish},
    {.in = 40, .k = 5, .exp = 240, .out = 40, .se = true, .nl = kHardSwish},
    {.in = 40, .k = 5, .exp = 120, .out = 48, .se = true, .nl = kHardSwish},
    {.in = 48, .k = 5, .exp = 144, .out = 48, .se = true, .nl = kHardSwish},
    {.in = 48, .k = 5, .exp = 288, .out = 96, .se = true, .nl = kHardSwish, .s = 2},
    {.in = 96, .k = 5, .exp = 576, .out = 96, .se = true, .nl = kHardSwish},
    {.in = 96, .k = 5, .exp = 576, .out = 96, .se = true, .nl = kHardSwish},
};
struct Network {
  const char* architecture;
  absl::Span<const Row> rows;
  int head, features;  // out of the convolution before and the linear layer behind the pool
};
constexpr Network kLarge = {"mobilenet_v3_large", kLargeRows, 960, 1280};
constexpr Network kSmall = {"mobilenet_v3_small", kSmallRows, 576, 1024};
constexpr int kStemChannels = 16;

int Scaled(int channels, const BuildOptions& options) {
  return ScaleChannels(channels, options.width, options.channel_rule);
}

// torchvision multiplies every number of channels by the width. TensorFlow, and timm after it,
// expands what is narrow by the paper's ratio, and keeps the features and a narrow network's stem.
bool NarrowsEverything(const BuildOptions& options) {
  return options.key_style.empty() || options.key_style == "torchvision";
}

int StemChannels(const BuildOptions& options) {
  const bool keep = !NarrowsEverything(options) && options.width < 0.75;
  return keep ? kStemChannels : Scaled(kStemChannels, options);
}

int ExpandedChannels(const Row& row, int in, const BuildOptions& options) {
  if (NarrowsEverything(options)) return Scaled(row.exp, options);
  const double ratio = static_cast<double>(row.exp) / row.in;
  return MakeDivisible(in * ratio);
}

int HeadChannels(const Network& network, int in, const BuildOptions& options) {
  return NarrowsEverything(options) ? 6 * in : Scaled(network.head, options);
}

int Features(const Network& network, const BuildOptions& options) {
  return NarrowsEverything(options) ? Scaled(network.features, options) : network.features;
}

// Minimalistic networks have neither 5x5 kernels nor squeeze-and-excite nor hard swish.
MbConv Block(const Row& row, int in, bool minimalistic, const BuildOptions& options) {
  MbConv block = {.expanded = ExpandedChannels(row, in, options),
                  .channels = Scaled(row.out, options),
                  .kernel = minimalistic ? 3 : row.k,
                  .stride = row.s,
                  .activation = minimalistic ? kRelu : row.nl};
  if (row.se && !minimalistic) {
    block.squeeze_excite = {
        .channels = MakeDivisible(block.expanded / 4.0), .activation = kRelu, .gate = kHardSigmoid};
  }
  return block;
}

absl::StatusOr<ops::Graph> Build(const Network& network, const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options));
  const bool minimalistic = options.form == "minimalistic";
  if (!options.form.empty() && !minimalistic) {
    return UnknownForm(options, "empty or \"minimalistic\"");
  }
  const ops::ActivationKind activation = minimalistic ? kRelu : kHardSwish;
  Net net(network.architecture,
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = net.Input({3, options.resolution, options.resolution});
  x = net.ConvBn(x, {.key = "features.0.0",
                     .bn_key = "features.0.1",
                     .out_channels = StemChannels(options),
                     .kernel = 3,
                     .stride = 2,
                     .activation = activation});
  int index = 0;
  for (const Row& row : network.rows) {
    Net::Scope scope(net, absl::StrCat("features.", ++index, ".block"));
    x = AppendMbConv(net, x, Block(row, x.shape.channels, minimalistic, options));
  }
  x = net.ConvBn(x, {.key = absl::StrCat("features.", index + 1, ".0"),
                     .bn_key = absl::StrCat("features.", index + 1, ".1"),
                     .out_channels = HeadChannels(network, x.shape.channels, options),
                     .activation = activation});
  x = net.Linear(net.GlobalAvgPool(x), {.key = "classifier.0",
                                        .out_features = Features(network, options),
                                        .activation = activation});
  x = net.Linear(x, {.key = "classifier.3", .out_features = options.classes});
  return net.Finish(x);
}

// A stage of timm has blocks of one number of channels; the head is a stage of its own. The linear
// layer behind the pool is a 1x1 convolution there.
LayerNames TimmNames(const Network& network) {
  LayerNames names = {{"features.0.0", "conv_stem"},
                      {"features.0.1", "bn1"},
                      {"classifier.0", "conv_head"},
                      {"classifier.3", "classifier"}};
  int index = 0, stage = 0, repeat = 0;
  for (const Row& row : network.rows) {
    if (row.in != row.out) {
      ++stage;
      repeat = 0;
    }
    AddTimmNames(absl::StrCat("features.", ++index, ".block"),
                 absl::StrCat("blocks.", stage, ".", repeat++), row.exp != row.in, names);
  }
  names[absl::StrCat("features.", index + 1, ".0")] = absl::StrCat("blocks.", stage + 1, ".0.conv");
  names[absl::StrCat("features.", index + 1, ".1")] = absl::StrCat("blocks.", stage + 1, ".0.bn1");
  return names;
}

Variant Torchvision(const char* name, const char* preset, double top1) {
  return {.name = name,
          .key_style = "torchvision",
          .input_preset = preset,
          .published_top1 = top1,
          .source = "torchvision mobilenetv3.py"};
}

Variant Timm(const char* name, double width, double top1, const char* preset = "") {
  return {.name = name,
          .key_style = "timm",
          .width = width,
          .input_preset = preset,
          .published_top1 = top1,
          .source = "timm results-imagenet.csv"};
}

Variant TimmTf(const char* name, double width, double top1, const char* form = "") {
  return {.name = name,
          .key_style = "timm-tf",
          .width = width,
          .form = form,
          .published_top1 = top1,
          .source = "timm results-imagenet.csv"};
}

ModelSpec Spec(const Network& network, const char* title, std::vector<Variant> variants) {
  const KeyStyle torchvision = {
      .name = "torchvision", .batch_norm_epsilon = 1e-3, .input_preset = "tv256"};
  const KeyStyle timm = {
      .name = "timm", .layer_name = MapLayers(TimmNames(network)), .input_preset = "timm"};
  const KeyStyle timm_tf = {.name = "timm-tf",
                            .layer_name = timm.layer_name,
                            .padding = ops::PaddingRule::kTfSame,
                            .batch_norm_epsilon = 1e-3,
                            .input_preset = "timm_half_bilinear"};
  return {.architecture = network.architecture,
          .title = title,
          .paper = "Howard et al., Searching for MobileNetV3, 2019, arXiv:1905.02244",
          .classifier_layer = "classifier.3",
          .any_width = true,
          .key_styles = {torchvision, timm, timm_tf},
          .variants = std::move(variants),
          .build = [&network](const BuildOptions& options) { return Build(network, options); }};
}

}  // namespace

std::vector<ModelSpec> MobileNetV3() {
  return {
      Spec(kLarge, "MobileNetV3-Large",
           {Torchvision("mobilenet_v3_large-8738ca79", "tv256", 74.042),
            Torchvision("mobilenet_v3_large-5c1a4163", "tv232", 75.274),
            Timm("mobilenetv3_large_100", 1.0, 75.78),
            Timm("mobilenetv3_large_100.ra4_e3600_r224_in1k", 1.0, 76.31, "timm_half_95"),
            Timm("mobilenetv3_large_100.miil_in21k_ft_in1k", 1.0, 77.92, "timm_unit_bilinear"),
            TimmTf("tf_mobilenetv3_large_075", 0.75, 73.44),
            TimmTf("tf_mobilenetv3_large_100", 1.0, 75.51),
            TimmTf("tf_mobilenetv3_large_minimal_100", 1.0, 72.27, "minimalistic")}),
      Spec(kSmall, "MobileNetV3-Small",
           {Torchvision("mobilenet_v3_small-047dcff4", "tv256", 67.668),
            Timm("mobilenetv3_small_050", 0.5, 57.92), Timm("mobilenetv3_small_075", 0.75, 65.28),
            Timm("mobilenetv3_small_100", 1.0, 67.64),
            TimmTf("tf_mobilenetv3_small_075", 0.75, 65.71),
            TimmTf("tf_mobilenetv3_small_100", 1.0, 67.92),
            TimmTf("tf_mobilenetv3_small_minimal_100", 1.0, 62.89, "minimalistic")})};
}

}  // namespace siskin::models
