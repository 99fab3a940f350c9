// BlazeFace as MediaPipe ships it: a backbone of single blocks with 3x3 depthwise convolutions, and
// two heads of anchors. (The paper's table has 5x5 ones and double blocks; no weights of it are
// published.) Batch norms were folded into the biases before publication.
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "models/model_spec.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Padding;
using ops::Tensor;

constexpr int kStemChannels = 24;
constexpr double kWidths[] = {1.0};

struct Row {
  int channels;
  int repeats = 1;
  int stride = 1;  // of the first repeat
};
constexpr Row kFront16[] = {{.channels = 24}, {.channels = 28}, {.channels = 32, .stride = 2},
                            {.channels = 36}, {.channels = 42}, {.channels = 48, .stride = 2},
                            {.channels = 56}, {.channels = 64}, {.channels = 72},
                            {.channels = 80}, {.channels = 88}};
constexpr Row kFront8[] = {{.channels = 96, .repeats = 5, .stride = 2}};
constexpr Row kBack16[] = {{.channels = 24, .repeats = 7},
                           {.channels = 24, .repeats = 8, .stride = 2},
                           {.channels = 48, .repeats = 8, .stride = 2},
                           {.channels = 96, .repeats = 8, .stride = 2}};

Tensor SeparableConv(Net& net, const Tensor& x, int channels, int stride,
                     ActivationKind activation) {
  ops::ConvSpec depthwise = {.key = "convs.0", .kernel = 3, .stride = stride, .bias = true};
  if (stride == 2) depthwise.padding = Padding{0, 2, 0, 2};
  const Tensor y = net.DepthwiseConvBn(x, depthwise);
  return net.ConvBn(
      y, {.key = "convs.1", .out_channels = channels, .bias = true, .activation = activation});
}

// The shortcut of a block that narrows the image is pooled; missing channels are zeros.
Tensor BlazeBlock(Net& net, const Tensor& x, int channels, int stride) {
  const Tensor y = SeparableConv(net, x, channels, stride, ActivationKind::kNone);
  Tensor shortcut = x;
  if (stride == 2) shortcut = net.MaxPool(shortcut, {.kernel = 2, .stride = 2}, "pool");
  if (channels > x.shape.channels) shortcut = net.PadChannels(shortcut, channels, "pad");
  return net.Act(net.Add(y, shortcut, "add"), ActivationKind::kRelu, "relu");
}

Tensor Blocks(Net& net, Tensor x, absl::Span<const Row> rows, const char* prefix, int first) {
  int index = first;
  for (const Row& row : rows) {
    for (int repeat = 0; repeat < row.repeats; ++repeat) {
      Net::Scope scope(net, absl::StrCat(prefix, ".", index++));
      x = BlazeBlock(net, x, row.channels, repeat == 0 ? row.stride : 1);
    }
  }
  return x;
}

Tensor Stem(Net& net, const Tensor& image, const char* key) {
  return net.ConvBn(image, {.key = key,
                            .out_channels = kStemChannels,
                            .kernel = 5,
                            .stride = 2,
                            .padding = Padding{1, 2, 1, 2},
                            .bias = true,
                            .activation = ActivationKind::kRelu});
}

// Two anchors a cell of the 16x16 map, six of the 8x8 map; all scores, then all boxes.
Tensor Heads(Net& net, const Tensor& map16, const Tensor& map8) {
  const auto head = [&net](const Tensor& x, const char* key, int channels) {
    const Tensor y = net.ConvBn(x, {.key = key, .out_channels = channels, .bias = true});
    return net.Flatten(y, absl::StrCat(key, ".flatten"));
  };
  const std::vector<Tensor> parts = {head(map16, "classifier_8", 2), head(map8, "classifier_16", 6),
                                     head(map16, "regressor_8", 32),
                                     head(map8, "regressor_16", 96)};
  return net.Concat(parts, "outputs");
}

absl::Status Check(const BuildOptions& options, int resolution) {
  SISKIN_RETURN_IF_ERROR(Validate(options, resolution));
  SISKIN_RETURN_IF_ERROR(ValidateWidth(options, kWidths));
  if (!options.form.empty()) return UnknownForm(options, "empty");
  return absl::OkStatus();
}

absl::StatusOr<ops::Graph> BuildFront(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Check(options, 128));
  Net net("blazeface_front", {});
  const Tensor image = net.Input({3, options.resolution, options.resolution});
  const Tensor map16 = Blocks(net, Stem(net, image, "backbone1.0"), kFront16, "backbone1", 2);
  const Tensor map8 = Blocks(net, map16, kFront8, "backbone2", 0);
  return net.Finish(Heads(net, map16, map8));
}

absl::StatusOr<ops::Graph> BuildBack(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Check(options, 256));
  Net net("blazeface_back", {});
  const Tensor image = net.Input({3, options.resolution, options.resolution});
  const Tensor map16 = Blocks(net, Stem(net, image, "backbone.0"), kBack16, "backbone", 2);
  Tensor map8;
  {
    Net::Scope scope(net, "final");
    map8 = SeparableConv(net, map16, map16.shape.channels, 2, ActivationKind::kRelu);
  }
  return net.Finish(Heads(net, map16, map8));
}

}  // namespace

std::vector<ModelSpec> BlazeFace() {
  const KeyStyle hollance = {
      .name = "hollance", .input_preset = "blaze", .ignorable_prefixes = {"anchors"}};
  ModelSpec front = {.architecture = "blazeface_front",
                     .title = "BlazeFace, front camera",
                     .paper =
                         "Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on "
                         "Mobile GPUs, 2019, arXiv:1907.05047",
                     .task = Task::kFaceDetection,
                     .faces = {.grids = {{.stride = 8, .anchors = 2}, {.stride = 16, .anchors = 6}},
                               .score_threshold = 0.75f},
                     .resolution = 128,
                     .min_resolution = 128,
                     .key_styles = {hollance},
                     .build = BuildFront};
  ModelSpec back = front;
  back.architecture = "blazeface_back";
  back.title = "BlazeFace, back camera";
  back.faces = {.grids = {{.stride = 16, .anchors = 2}, {.stride = 32, .anchors = 6}},
                .score_threshold = 0.65f};
  back.resolution = back.min_resolution = 256;
  back.build = BuildBack;
  for (ModelSpec* spec : {&front, &back}) {
    spec->variants = {{.name = spec->architecture + "_mediapipe",
                       .key_style = hollance.name,
                       .resolution = spec->resolution,
                       .source = "hollance/BlazeFace-PyTorch"}};
  }
  return {front, back};
}

}  // namespace siskin::models
