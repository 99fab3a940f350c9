// GoogLeNet (Inception-v1): a stem, nine inception modules, a classifier.
//
// The network of TF-slim and torchvision: with batch norms, and with a 3x3 convolution where the
// paper has 5x5.
#include <array>
#include <vector>

#include "models/inception_branch.h"
#include "models/model_spec.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;

// Table 1 of the paper: channels of the 1x1 branch, of the two that reduce first, and of the
// convolution behind the pool.
struct Module {
  std::string_view name;
  int c1;
  std::array<int, 2> c3, c5;
  int pool;
};
constexpr Module kStage3[] = {
    {.name = "inception3a", .c1 = 64, .c3 = {96, 128}, .c5 = {16, 32}, .pool = 32},
    {.name = "inception3b", .c1 = 128, .c3 = {128, 192}, .c5 = {32, 96}, .pool = 64},
};
constexpr Module kStage4[] = {
    {.name = "inception4a", .c1 = 192, .c3 = {96, 208}, .c5 = {16, 48}, .pool = 64},
    {.name = "inception4b", .c1 = 160, .c3 = {112, 224}, .c5 = {24, 64}, .pool = 64},
    {.name = "inception4c", .c1 = 128, .c3 = {128, 256}, .c5 = {24, 64}, .pool = 64},
    {.name = "inception4d", .c1 = 112, .c3 = {144, 288}, .c5 = {32, 64}, .pool = 64},
    {.name = "inception4e", .c1 = 256, .c3 = {160, 320}, .c5 = {32, 128}, .pool = 128},
};
constexpr Module kStage5[] = {
    {.name = "inception5a", .c1 = 256, .c3 = {160, 320}, .c5 = {32, 128}, .pool = 128},
    {.name = "inception5b", .c1 = 384, .c3 = {192, 384}, .c5 = {48, 128}, .pool = 128},
};

Tensor Inception(Net& net, const Tensor& x, const Module& module) {
  const auto& [name, c1, c3, c5, pool] = module;
  return InceptionModule(net, x, name,
                         {{{"branch1", c1}},
                          {{"branch2.0", c3[0]}, {"branch2.1", c3[1], 3}},
                          {{"branch3.0", c5[0]}, {"branch3.1", c5[1], 3}},
                          {MaxPool("branch4.0"), {"branch4.1", pool}}});
}

Tensor Halve(Net& net, const Tensor& x, int kernel, std::string_view label) {
  return net.MaxPool(x, {.kernel = kernel, .stride = 2, .ceil_mode = true}, label);
}

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = Halve(net, Branch(net, x, {{"conv1", 64, 7, 2}}), 3, "maxpool1");
  x = Halve(net, Branch(net, x, {{"conv2", 64}, {"conv3", 192, 3}}), 3, "maxpool2");
  for (const Module& module : kStage3) x = Inception(net, x, module);
  x = Halve(net, x, 3, "maxpool3");
  for (const Module& module : kStage4) x = Inception(net, x, module);
  x = Halve(net, x, 2, "maxpool4");
  for (const Module& module : kStage5) x = Inception(net, x, module);
  return net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = options.classes});
}

}  // namespace

std::vector<ModelSpec> GoogLeNet() {
  return {{.architecture = "googlenet",
           .title = "GoogLeNet",
           .paper = "Szegedy et al., Going Deeper with Convolutions, 2014, arXiv:1409.4842",
           .classifier_layer = "fc",
           .key_styles = {{.name = "torchvision",
                           .batch_norm_epsilon = 1e-3,
                           .input_preset = "tv256_half",
                           .ignorable_prefixes = {"aux1.", "aux2."}}},
           .variants = {{.name = "googlenet-1378be20",
                         .published_top1 = 69.778,
                         .source = "torchvision GoogLeNet_Weights"}},
           .layers = Layers}};
}

}  // namespace siskin::models
