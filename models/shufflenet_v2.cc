// ShuffleNetV2: a stem and a max pool, three stages of units that let half of the channels pass, a
// last convolution, a classifier.
//
// megvii's network is another one than torchvision's: it shuffles where a unit begins instead of
// where it ends, and its projections do not change the number of channels.
#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// Table 5 of the paper.
struct Size {
  double width;
  std::array<int, 3> stages;  // channels
  int last;
};
constexpr Size kSizes[] = {
    {.width = 0.5, .stages = {48, 96, 192}, .last = 1024},
    {.width = 1.0, .stages = {116, 232, 464}, .last = 1024},
    {.width = 1.5, .stages = {176, 352, 704}, .last = 1024},
    {.width = 2.0, .stages = {244, 488, 976}, .last = 2048},
};
constexpr int kStemChannels = 24;
constexpr int kRepeats[] = {4, 8, 4};  // units of each stage

constexpr char kMegvii[] = "megvii";

Tensor MainBranch(Net& net, const Tensor& x, int hidden, int out_channels, int stride) {
  Net::Scope scope(net, "branch2");
  Tensor y =
      net.ConvBn(x, {.key = "0", .bn_key = "1", .out_channels = hidden, .activation = kRelu});
  y = net.DepthwiseConvBn(y, {.key = "3", .bn_key = "4", .kernel = 3, .stride = stride});
  return net.ConvBn(y,
                    {.key = "5", .bn_key = "6", .out_channels = out_channels, .activation = kRelu});
}

// What is beside the main branch where the image shrinks.
Tensor Projection(Net& net, const Tensor& x, int out_channels) {
  Net::Scope scope(net, "branch1");
  const Tensor y = net.DepthwiseConvBn(x, {.key = "0", .bn_key = "1", .kernel = 3, .stride = 2});
  return net.ConvBn(y,
                    {.key = "2", .bn_key = "3", .out_channels = out_channels, .activation = kRelu});
}

Tensor TorchvisionUnit(Net& net, const Tensor& x, int channels, int stride) {
  const int half = channels / 2;
  const Tensor passing =
      stride == 2 ? Projection(net, x, half) : net.SliceChannels(x, 0, half, "passing");
  const Tensor split = stride == 2 ? x : net.SliceChannels(x, half, half, "split");
  const Tensor y = MainBranch(net, split, half, half, stride);
  return net.ChannelShuffle(net.Concat({passing, y}, "concat"), 2, "shuffle");
}

Tensor MegviiUnit(Net& net, const Tensor& x, int channels, int stride) {
  const int half = channels / 2;
  if (stride == 2) {
    const Tensor y = MainBranch(net, x, half, channels - x.shape.channels, stride);
    return net.Concat({Projection(net, x, x.shape.channels), y}, "concat");
  }
  // The even channels pass, the odd ones go through the branch.
  const Tensor sorted = net.ChannelShuffle(x, half, "deinterleave");
  const Tensor passing = net.SliceChannels(sorted, 0, half, "passing");
  const Tensor split = net.SliceChannels(sorted, half, half, "split");
  return net.Concat({passing, MainBranch(net, split, half, half, stride)}, "concat");
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  const Size& size = *std::find_if(std::begin(kSizes), std::end(kSizes),
                                   [&options](const Size& s) { return s.width == options.width; });
  const bool is_megvii = options.key_style == kMegvii;
  x = net.ConvBn(x, {.key = "conv1.0",
                     .bn_key = "conv1.1",
                     .out_channels = kStemChannels,
                     .kernel = 3,
                     .stride = 2,
                     .activation = kRelu});
  x = net.MaxPool(x, {.kernel = 3, .stride = 2, .padding = 1}, "maxpool");
  for (size_t stage = 0; stage < size.stages.size(); ++stage) {
    for (int repeat = 0; repeat < kRepeats[stage]; ++repeat) {
      Net::Scope scope(net, absl::StrCat("stage", stage + 2, ".", repeat));
      const int stride = repeat == 0 ? 2 : 1;
      x = is_megvii ? MegviiUnit(net, x, size.stages[stage], stride)
                    : TorchvisionUnit(net, x, size.stages[stage], stride);
    }
  }
  x = net.ConvBn(
      x, {.key = "conv5.0", .bn_key = "conv5.1", .out_channels = size.last, .activation = kRelu});
  return net.Linear(net.GlobalAvgPool(x),
                    {.key = "fc", .out_features = options.classes, .bias = !is_megvii});
}

constexpr NamePair kMegviiUnit[] = {{"branch1.0", "branch_proj.0"}, {"branch1.1", "branch_proj.1"},
                                    {"branch1.2", "branch_proj.2"}, {"branch1.3", "branch_proj.3"},
                                    {"branch2.0", "branch_main.0"}, {"branch2.1", "branch_main.1"},
                                    {"branch2.3", "branch_main.3"}, {"branch2.4", "branch_main.4"},
                                    {"branch2.5", "branch_main.5"}, {"branch2.6", "branch_main.6"}};

// megvii counts the units through all stages.
LayerNames MegviiNames() {
  LayerNames names = {{"conv1.0", "first_conv.0"},
                      {"conv1.1", "first_conv.1"},
                      {"conv5.0", "conv_last.0"},
                      {"conv5.1", "conv_last.1"},
                      {"fc", "classifier.0"}};
  int index = 0;
  for (size_t stage = 0; stage < std::size(kRepeats); ++stage) {
    for (int repeat = 0; repeat < kRepeats[stage]; ++repeat) {
      AddBlockNames(absl::StrCat("stage", stage + 2, ".", repeat),
                    absl::StrCat("features.", index++), kMegviiUnit, names);
    }
  }
  return names;
}

std::vector<Variant> Variants() {
  return Join({Published("torchvision", "torchvision ShuffleNet_V2_Weights",
                         {{.name = "shufflenet_v2_x0_5", .width = 0.5, .published_top1 = 60.552},
                          {.name = "shufflenet_v2_x1_0", .width = 1.0, .published_top1 = 69.362},
                          {.name = "shufflenet_v2_x1_5",
                           .width = 1.5,
                           .input_preset = "tv232",
                           .published_top1 = 72.996},
                          {.name = "shufflenet_v2_x2_0",
                           .width = 2.0,
                           .input_preset = "tv232",
                           .published_top1 = 76.230}}),
               Published(kMegvii, "megvii-model/ShuffleNet-Series",
                         {{.name = "shufflenetv2_x0.5", .width = 0.5, .published_top1 = 61.1},
                          {.name = "shufflenetv2_x1.0", .width = 1.0, .published_top1 = 69.4},
                          {.name = "shufflenetv2_x1.5", .width = 1.5, .published_top1 = 72.6},
                          {.name = "shufflenetv2_x2.0", .width = 2.0, .published_top1 = 75.0}})});
}

}  // namespace

std::vector<ModelSpec> ShuffleNetV2() {
  const KeyStyle torchvision = {.name = "torchvision", .input_preset = "tv256"};
  const KeyStyle megvii = {
      .name = kMegvii, .layer_name = MapLayers(MegviiNames()), .input_preset = "megvii"};
  return {{.architecture = "shufflenet_v2",
           .title = "ShuffleNetV2",
           .paper = "Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture "
                    "Design, 2018, arXiv:1807.11164",
           .classifier_layer = "fc",
           .key_styles = {torchvision, megvii},
           .variants = Variants(),
           .layers = Layers}};
}

}  // namespace siskin::models
