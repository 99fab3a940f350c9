// BN-Inception (Inception-v2): GoogLeNet with two 3x3 convolutions in place of each 5x5.
//
// The network of yjxiong's Caffe weights, whose convolutions have a bias besides the batch norm.
#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Tensor;

// Pools round up and convolutions down, so that a side must be even wherever it is halved by both;
// the smallest such side that leaves a pool its window.
constexpr int kMinSide = 64;

// Figure 5 of the paper: channels of the 1x1 branch, of the 3x3 branch and of the double one
// (reduction, then 3x3), of the projection behind the pool. A module without a 1x1 branch has
// stride 2 and passes its pool on as it is.
enum class Pool { kAverage, kMax };
struct Module {
  const char* name;
  int c1 = 0;
  std::array<int, 2> c3, c3_twice;
  int projection = 0;
  Pool pool = Pool::kAverage;
};
constexpr Module kModules[] = {
    {.name = "3a", .c1 = 64, .c3 = {64, 64}, .c3_twice = {64, 96}, .projection = 32},
    {.name = "3b", .c1 = 64, .c3 = {64, 96}, .c3_twice = {64, 96}, .projection = 64},
    {.name = "3c", .c3 = {128, 160}, .c3_twice = {64, 96}, .pool = Pool::kMax},
    {.name = "4a", .c1 = 224, .c3 = {64, 96}, .c3_twice = {96, 128}, .projection = 128},
    {.name = "4b", .c1 = 192, .c3 = {96, 128}, .c3_twice = {96, 128}, .projection = 128},
    {.name = "4c", .c1 = 160, .c3 = {128, 160}, .c3_twice = {128, 160}, .projection = 128},
    {.name = "4d", .c1 = 96, .c3 = {128, 192}, .c3_twice = {160, 192}, .projection = 128},
    {.name = "4e", .c3 = {128, 192}, .c3_twice = {192, 256}, .pool = Pool::kMax},
    {.name = "5a", .c1 = 352, .c3 = {192, 320}, .c3_twice = {160, 224}, .projection = 128},
    {.name = "5b",
     .c1 = 352,
     .c3 = {192, 320},
     .c3_twice = {192, 224},
     .projection = 128,
     .pool = Pool::kMax},
};

Tensor Conv(Net& net, const Tensor& x, const std::string& key, int channels, int kernel = 1,
            int stride = 1) {
  return net.ConvBn(x, {.key = key,
                        .bn_key = key + "_bn",
                        .out_channels = channels,
                        .kernel = kernel,
                        .stride = stride,
                        .bias = true,
                        .activation = ActivationKind::kRelu});
}

Tensor Halve(Net& net, const Tensor& x, const std::string& label) {
  return net.MaxPool(x, {.kernel = 3, .stride = 2, .ceil_mode = true}, label);
}

Tensor Inception(Net& net, const Tensor& x, const Module& module) {
  const auto key = [&module](const char* layer) {
    return absl::StrCat("inception_", module.name, "_", layer);
  };
  const bool halves = module.c1 == 0;
  const int stride = halves ? 2 : 1;
  std::vector<Tensor> branches;
  if (!halves) branches.push_back(Conv(net, x, key("1x1"), module.c1));
  Tensor y = Conv(net, x, key("3x3_reduce"), module.c3[0]);
  branches.push_back(Conv(net, y, key("3x3"), module.c3[1], 3, stride));
  y = Conv(net, x, key("double_3x3_reduce"), module.c3_twice[0]);
  y = Conv(net, y, key("double_3x3_1"), module.c3_twice[1], 3);
  branches.push_back(Conv(net, y, key("double_3x3_2"), module.c3_twice[1], 3, stride));
  if (halves) {
    branches.push_back(Halve(net, x, key("pool")));
  } else {
    y = module.pool == Pool::kMax ? net.MaxPool(x, {.kernel = 3, .padding = 1}, key("pool"))
                                  : net.AvgPool(x, {.kernel = 3, .padding = 1}, key("pool"));
    branches.push_back(Conv(net, y, key("pool_proj"), module.projection));
  }
  return net.Concat(branches, key("concat"));
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = Halve(net, Conv(net, x, "conv1_7x7_s2", 64, 7, 2), "pool1");
  x = Conv(net, x, "conv2_3x3_reduce", 64);
  x = Halve(net, Conv(net, x, "conv2_3x3", 192, 3), "pool2");
  for (const Module& module : kModules) x = Inception(net, x, module);
  return net.Linear(net.GlobalAvgPool(x), {.key = "last_linear", .out_features = options.classes});
}

}  // namespace

std::vector<ModelSpec> BnInception() {
  return {
      {.architecture = "bn_inception",
       .title = "BN-Inception",
       .paper = "Ioffe and Szegedy, Batch Normalization: Accelerating Deep Network Training by "
                "Reducing Internal Covariate Shift, 2015, arXiv:1502.03167",
       .classifier_layer = "last_linear",
       .min_resolution = kMinSide,
       .key_styles = {{.name = "cadene", .input_preset = "caffe_bgr"},
                      {.name = "yjxiong",
                       .layer_name = MapLayers({{"last_linear", "fc"}}),
                       .input_preset = "caffe_bgr"}},
       .variants = {{.name = "bninception",
                     .published_top1 = 73.524,
                     .source = "Cadene/pretrained-models.pytorch (bn_inception-52deb4733.pth)"}},
       .layers = Layers}};
}

}  // namespace siskin::models
