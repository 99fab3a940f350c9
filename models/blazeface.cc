// BlazeFace as MediaPipe ships it: a backbone of single blocks with 3x3 depthwise convolutions, and
// two heads of anchors. (The paper's table has 5x5 ones and double blocks; no weights of it are
// published.) Batch norms were folded into the biases before publication.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "models/model_spec.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;
using enum ops::ActivationKind;

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

// Layers "<name>.0" and "<name>.1".
Tensor SeparableConv(Net& net, const Tensor& x, const char* name, int channels, int stride,
                     ops::ActivationKind activation) {
  Net::Scope scope(net, name);
  ops::ConvSpec depthwise = {.key = "0", .kernel = 3, .stride = stride, .bias = true};
  if (stride == 2) depthwise.padding = ops::Padding{0, 2, 0, 2};
  return net.ConvBn(net.DepthwiseConvBn(x, depthwise),
                    {.key = "1", .out_channels = channels, .bias = true, .activation = activation});
}

// The shortcut of a block that narrows the image is pooled; missing channels are zeros.
Tensor BlazeBlock(Net& net, const Tensor& x, int channels, int stride) {
  const Tensor y = SeparableConv(net, x, "convs", channels, stride, kNone);
  Tensor shortcut = stride == 2 ? net.MaxPool(x, {.kernel = 2, .stride = 2}, "pool") : x;
  if (channels > x.shape.channels) shortcut = net.PadChannels(shortcut, channels, "pad");
  return net.Act(net.Add(y, shortcut, "add"), kRelu, "relu");
}

Tensor Blocks(Net& net, Tensor x, absl::Span<const Row> rows, const char* prefix, int index) {
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
                            .out_channels = 24,
                            .kernel = 5,
                            .stride = 2,
                            .padding = ops::Padding{1, 2, 1, 2},
                            .bias = true,
                            .activation = kRelu});
}

// Two anchors a cell of the 16x16 map, six of the 8x8 map; all scores, then all boxes.
Tensor Heads(Net& net, const Tensor& map16, const Tensor& map8) {
  const auto head = [&net](const Tensor& x, const std::string& key, int channels) {
    const Tensor y = net.ConvBn(x, {.key = key, .out_channels = channels, .bias = true});
    return net.Flatten(y, key + ".flatten");
  };
  return net.Concat({head(map16, "classifier_8", 2), head(map8, "classifier_16", 6),
                     head(map16, "regressor_8", 32), head(map8, "regressor_16", 96)},
                    "outputs");
}

Tensor FrontLayers(Net& net, const Tensor& image, const BuildOptions&) {
  const Tensor map16 = Blocks(net, Stem(net, image, "backbone1.0"), kFront16, "backbone1", 2);
  return Heads(net, map16, Blocks(net, map16, kFront8, "backbone2", 0));
}

Tensor BackLayers(Net& net, const Tensor& image, const BuildOptions&) {
  const Tensor map16 = Blocks(net, Stem(net, image, "backbone.0"), kBack16, "backbone", 2);
  return Heads(net, map16, SeparableConv(net, map16, "final.convs", 96, 2, kRelu));
}

ModelSpec Spec(const std::string& camera, int side, const FaceContract& faces,
               const LayersFunction& layers) {
  return {.architecture = "blazeface_" + camera,
          .title = "BlazeFace, " + camera + " camera",
          .paper =
              "Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on "
              "Mobile GPUs, 2019, arXiv:1907.05047",
          .output = OutputKind::kFaceDetection,
          .faces = faces,
          .resolution = side,
          .min_resolution = side,
          .key_styles = {{.name = "hollance",
                          .input_preset = "blaze",
                          .ignorable_prefixes = {"anchors"}}},
          .variants = {{.name = "blazeface_" + camera + "_mediapipe",
                        .source = "hollance/BlazeFace-PyTorch"}},
          .layers = layers};
}

}  // namespace

// Grids are of {stride, anchors of each cell}.
std::vector<ModelSpec> BlazeFace() {
  return {Spec("front", 128, {.grids = {{8, 2}, {16, 6}}, .score_threshold = 0.75f}, FrontLayers),
          Spec("back", 256, {.grids = {{16, 2}, {32, 6}}, .score_threshold = 0.65f}, BackLayers)};
}

}  // namespace siskin::models
