// IC-ResNet: a ResNet of bottlenecks whose 3x3 convolutions are inception convolutions (IC-Conv):
// each divides its output channels over dilations, by the pattern that a search found for the
// layer.
#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "models/dilation_pattern.h"
#include "models/model_spec.h"
#include "models/published_patterns.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

// The patterns that were found for a task: a variant of the network.
struct Form {
  const char *name, *variant, *patterns;
};
constexpr Form kForms50[] = {
    {.name = "", .variant = "ic_resnet50_det", .patterns = kIcResNet50DetectionPatterns},
    {.name = "seg", .variant = "ic_resnet50_seg", .patterns = kIcResNet50SegmentationPatterns},
    {.name = "pose", .variant = "ic_resnet50_pose", .patterns = kIcResNet50PosePatterns},
};
constexpr Form kForms101[] = {
    {.name = "", .variant = "ic_resnet101_det", .patterns = kIcResNet101Patterns},
};

constexpr int kLayers = 4;
struct Network {
  int depth;
  std::array<int, kLayers> blocks;  // of each layer
  absl::Span<const Form> forms;
};
constexpr Network kIcResNet50 = {.depth = 50, .blocks = {3, 4, 6, 3}, .forms = kForms50};
constexpr Network kIcResNet101 = {.depth = 101, .blocks = {3, 4, 23, 3}, .forms = kForms101};

constexpr int kStemChannels = 64;
constexpr int kExpansion = 4;
constexpr int Planes(int layer) { return kStemChannels << layer; }

// With a single branch, the plain convolution of ResNet.
Tensor InceptionConv(Net& net, const Tensor& x, int stride, const DilationPattern& pattern) {
  std::vector<Tensor> branches;
  for (const auto& [dilation, channels] : pattern) {
    const std::string key = absl::StrCat("conv2.conv_list.", branches.size());
    branches.push_back(net.ConvBn(x, {.key = key,
                                      .out_channels = channels,
                                      .kernel = 3,
                                      .stride = stride,
                                      .dilation = dilation}));
  }
  const Tensor y = branches.size() == 1 ? branches[0] : net.Concat(branches, "conv2");
  return net.Act(net.BatchNorm(y, "bn2"), kRelu, "conv2.act");
}

Tensor Bottleneck(Net& net, const Tensor& x, int planes, int stride,
                  const DilationPattern& pattern) {
  const int out_channels = planes * kExpansion;
  Tensor y =
      net.ConvBn(x, {.key = "conv1", .bn_key = "bn1", .out_channels = planes, .activation = kRelu});
  y = InceptionConv(net, y, stride, pattern);
  y = net.ConvBn(y, {.key = "conv3", .bn_key = "bn3", .out_channels = out_channels});
  Tensor shortcut = x;
  if (stride != 1 || x.shape.channels != out_channels) {
    shortcut = net.ConvBn(x, {.key = "downsample.0",
                              .bn_key = "downsample.1",
                              .out_channels = out_channels,
                              .stride = stride});
  }
  return net.Act(net.Add(y, shortcut, "add"), kRelu, "add.act");
}

// The model's own patterns, or else those of the form.
absl::StatusOr<std::vector<DilationPattern>> Patterns(const Network& network,
                                                      const BuildOptions& options) {
  std::vector<DilationPattern> patterns = options.dilation_patterns;
  if (patterns.empty()) {
    const auto form = std::find_if(network.forms.begin(), network.forms.end(),
                                   [&options](const Form& f) { return options.form == f.name; });
    SISKIN_ASSIGN_OR_RETURN(patterns, ParseDilationPatterns(form->variant, form->patterns));
  }
  std::vector<int> channels;
  for (int layer = 0; layer < kLayers; ++layer) {
    channels.insert(channels.end(), network.blocks[layer], Planes(layer));
  }
  SISKIN_RETURN_IF_ERROR(CheckDilationPatterns(patterns, channels));
  return patterns;
}

absl::StatusOr<Tensor> Layers(const Network& network, Net& net, Tensor x,
                              const BuildOptions& options) {
  SISKIN_ASSIGN_OR_RETURN(const std::vector<DilationPattern> patterns, Patterns(network, options));
  x = net.ConvBn(x, {.key = "conv1",
                     .bn_key = "bn1",
                     .out_channels = kStemChannels,
                     .kernel = 7,
                     .stride = 2,
                     .activation = kRelu});
  x = net.MaxPool(x, {.kernel = 3, .stride = 2, .padding = 1}, "maxpool");
  auto pattern = patterns.begin();
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int block = 0; block < network.blocks[layer]; ++block) {
      Net::Scope scope(net, absl::StrCat("layer", layer + 1, ".", block));
      const int stride = layer > 0 && block == 0 ? 2 : 1;
      x = Bottleneck(net, x, Planes(layer), stride, *pattern++);
    }
  }
  return net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = options.classes});
}

ModelSpec Spec(const Network& network) {
  std::vector<Variant> variants;
  for (const Form& form : network.forms) {
    variants.push_back({.name = form.variant, .form = form.name, .source = "yifan123/IC-Conv"});
  }
  return {.architecture = absl::StrCat("ic_resnet", network.depth),
          .title = absl::StrCat("IC-ResNet-", network.depth),
          .paper =
              "Liu et al., Inception Convolution with Efficient Dilation Search, 2020, "
              "arXiv:2012.13587",
          .classifier_layer = "fc",
          .has_dilation_patterns = true,
          .key_styles = {{.name = "yifan123", .input_preset = "tv256"}},
          .variants = std::move(variants),
          .layers = std::bind_front(Layers, network)};
}

}  // namespace

std::vector<ModelSpec> IcResNet() { return {Spec(kIcResNet50), Spec(kIcResNet101)}; }

}  // namespace siskin::models
