// MobileNetV3, Large and Small: a stem, inverted residuals with squeeze-and-excite, a 1x1 head, two
// linear layers behind the pool.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "models/family.h"
#include "models/mbconv.h"

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

// torchvision multiplies every number of channels by the width. TensorFlow, and timm after it,
// expands what is narrow by the paper's ratio, and keeps the features and a narrow network's stem.
bool NarrowsEverything(const BuildOptions& options) {
  return options.key_style.empty() || options.key_style == "torchvision";
}

int StemChannels(const BuildOptions& options) {
  const bool keep = !NarrowsEverything(options) && options.width < 0.75;
  return keep ? kStemChannels : ScaleChannels(kStemChannels, options);
}

int ExpandedChannels(const Row& row, int in, const BuildOptions& options) {
  if (NarrowsEverything(options)) return ScaleChannels(row.exp, options);
  const double ratio = static_cast<double>(row.exp) / row.in;
  return MakeDivisible(in * ratio);
}

int HeadChannels(const Network& network, int in, const BuildOptions& options) {
  return NarrowsEverything(options) ? 6 * in : ScaleChannels(network.head, options);
}

int Features(const Network& network, const BuildOptions& options) {
  return NarrowsEverything(options) ? ScaleChannels(network.features, options) : network.features;
}

// Minimalistic networks have neither 5x5 kernels nor squeeze-and-excite nor hard swish.
MbConv Block(const Row& row, int in, bool minimalistic, const BuildOptions& options) {
  MbConv block = {.expanded = ExpandedChannels(row, in, options),
                  .channels = ScaleChannels(row.out, options),
                  .kernel = minimalistic ? 3 : row.k,
                  .stride = row.s,
                  .activation = minimalistic ? kRelu : row.nl};
  if (row.se && !minimalistic) {
    block.squeeze_excite = {
        .channels = MakeDivisible(block.expanded / 4.0), .activation = kRelu, .gate = kHardSigmoid};
  }
  return block;
}

Tensor Layers(const Network& network, Net& net, Tensor x, const BuildOptions& options) {
  const bool minimalistic = options.form == "minimalistic";
  const ops::ActivationKind activation = minimalistic ? kRelu : kHardSwish;
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
  return net.Linear(x, {.key = "classifier.3", .out_features = options.classes});
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

std::vector<Variant> LargeVariants() {
  const std::string timm = "timm results-imagenet.csv";
  const std::vector<Variant> of_timm = {{.name = "mobilenetv3_large_100", .published_top1 = 75.78},
                                        {.name = "mobilenetv3_large_100.ra4_e3600_r224_in1k",
                                         .input_preset = "timm_half_95",
                                         .published_top1 = 76.31},
                                        {.name = "mobilenetv3_large_100.miil_in21k_ft_in1k",
                                         .input_preset = "timm_unit_bilinear",
                                         .published_top1 = 77.92}};
  const std::vector<Variant> of_tensorflow = {
      {.name = "tf_mobilenetv3_large_075", .width = 0.75, .published_top1 = 73.44},
      {.name = "tf_mobilenetv3_large_100", .published_top1 = 75.51},
      {.name = "tf_mobilenetv3_large_minimal_100",
       .form = "minimalistic",
       .published_top1 = 72.27}};
  return Join({Published("torchvision", "torchvision mobilenetv3.py",
                         {{.name = "mobilenet_v3_large-8738ca79", .published_top1 = 74.042},
                          {.name = "mobilenet_v3_large-5c1a4163",
                           .input_preset = "tv232",
                           .published_top1 = 75.274}}),
               Published("timm", timm, of_timm), Published("timm-tf", timm, of_tensorflow)});
}

std::vector<Variant> SmallVariants() {
  const std::string timm = "timm results-imagenet.csv";
  const std::vector<Variant> of_timm = {
      {.name = "mobilenetv3_small_050", .width = 0.5, .published_top1 = 57.92},
      {.name = "mobilenetv3_small_075", .width = 0.75, .published_top1 = 65.28},
      {.name = "mobilenetv3_small_100", .published_top1 = 67.64}};
  const std::vector<Variant> of_tensorflow = {
      {.name = "tf_mobilenetv3_small_075", .width = 0.75, .published_top1 = 65.71},
      {.name = "tf_mobilenetv3_small_100", .published_top1 = 67.92},
      {.name = "tf_mobilenetv3_small_minimal_100",
       .form = "minimalistic",
       .published_top1 = 62.89}};
  return Join({Published("torchvision", "torchvision mobilenetv3.py",
                         {{.name = "mobilenet_v3_small-047dcff4", .published_top1 = 67.668}}),
               Published("timm", timm, of_timm), Published("timm-tf", timm, of_tensorflow)});
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
          .layers = std::bind_front(Layers, network)};
}

}  // namespace

std::vector<ModelSpec> MobileNetV3() {
  return {Spec(kLarge, "MobileNetV3-Large", LargeVariants()),
          Spec(kSmall, "MobileNetV3-Small", SmallVariants())};
}

}  // namespace siskin::models
