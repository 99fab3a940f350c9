// Inception-v4: a stem of three forks, modules of three kinds with a reduction between the kinds, a
// classifier.
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/inception_branch.h"
#include "models/model_spec.h"

namespace siskin::models {
namespace {

using ops::kNoPadding;
using ops::Net;
using ops::Tensor;

// Figure 3 of the paper, fork by fork.
Tensor Mixed3a(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name, {{ReductionPool()}, {ReductionConv("conv", 96)}});
}

Tensor Mixed4a(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name,
                         {{{"branch0.0", 64}, {"branch0.1", 96, 3, 1, kNoPadding}},
                          {{"branch1.0", 64},
                           {"branch1.1", 64, {1, 7}},
                           {"branch1.2", 64, {7, 1}},
                           {"branch1.3", 96, 3, 1, kNoPadding}}});
}

Tensor Mixed5a(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name, {{ReductionConv("conv", 192)}, {ReductionPool()}});
}

// Figure 4.
Tensor ModuleA(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name,
                         {{{"branch0", 96}},
                          {{"branch1.0", 64}, {"branch1.1", 96, 3}},
                          {{"branch2.0", 64}, {"branch2.1", 96, 3}, {"branch2.2", 96, 3}},
                          {AvgPoolExcludingPadding(), {"branch3.1", 96}}});
}

// Figure 7, with k, l, m, n = 192, 224, 256, 384.
Tensor ReductionA(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(
      net, x, name,
      {{ReductionConv("branch0", 384)},
       {{"branch1.0", 192}, {"branch1.1", 224, 3}, ReductionConv("branch1.2", 256)},
       {ReductionPool()}});
}

// Figure 5.
Tensor ModuleB(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(
      net, x, name,
      {{{"branch0", 384}},
       {{"branch1.0", 192}, {"branch1.1", 224, {1, 7}}, {"branch1.2", 256, {7, 1}}},
       {{"branch2.0", 192},
        {"branch2.1", 192, {7, 1}},
        {"branch2.2", 224, {1, 7}},
        {"branch2.3", 224, {7, 1}},
        {"branch2.4", 256, {1, 7}}},
       {AvgPoolExcludingPadding(), {"branch3.1", 128}}});
}

// Figure 8.
Tensor ReductionB(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name,
                         {{{"branch0.0", 192}, ReductionConv("branch0.1", 192)},
                          {{"branch1.0", 256},
                           {"branch1.1", 256, {1, 7}},
                           {"branch1.2", 320, {7, 1}},
                           ReductionConv("branch1.3", 320)},
                          {ReductionPool()}});
}

// Figure 6.
Tensor ModuleC(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name,
                         {{{"branch0", 256}},
                          {{"branch1_0", 384}, Fork("branch1", "branch1_1", 256)},
                          {{"branch2_0", 384},
                           {"branch2_1", 448, {3, 1}},
                           {"branch2_2", 512, {1, 3}},
                           Fork("branch2", "branch2_3", 256)},
                          {AvgPoolExcludingPadding(), {"branch3.1", 256}}});
}

// Figure 9 of the paper: behind three convolutions, what `features.3` to `features.21` are.
struct Row {
  Tensor (*module)(Net&, const Tensor&, std::string_view name);
  int repeats;
};
constexpr Row kRows[] = {
    {Mixed3a, 1}, {Mixed4a, 1},    {Mixed5a, 1},  //
    {ModuleA, 4}, {ReductionA, 1},                //
    {ModuleB, 7}, {ReductionB, 1}, {ModuleC, 3},  //
};

Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = Branch(net, x,
             {ReductionConv("features.0", 32),
              {"features.1", 32, 3, 1, kNoPadding},
              {"features.2", 64, 3}});
  int index = 3;
  for (const auto& [module, repeats] : kRows) {
    for (int i = 0; i < repeats; ++i) {
      x = module(net, x, absl::StrCat("features.", index++));
    }
  }
  return net.Linear(
      net.GlobalAvgPool(x),
      {.key = "last_linear", .out_features = options.classes, .may_have_background_row = true});
}

// TF-slim's weights, whose background class some files still have.
KeyStyle Style(std::string name) {
  return {.name = name,
          .batch_norm_epsilon = 1e-3,
          .background_class = true,
          .input_preset = "timm_half"};
}

}  // namespace

std::vector<ModelSpec> InceptionV4() {
  return {{.architecture = "inception_v4",
           .title = "Inception-v4",
           .paper = "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual "
                    "Connections on Learning, 2016, arXiv:1602.07261",
           .classifier_layer = "last_linear",
           .resolution = 299,
           .min_resolution = 75,  // leaves one pixel behind the last reduction
           .key_styles = {Style("timm"), Style("cadene")},
           .variants = {{.name = "inception_v4.tf_in1k",
                         .key_style = "timm",
                         .published_top1 = 80.144,
                         .source = "timm results-imagenet.csv"},
                        {.name = "inceptionv4",
                         .key_style = "cadene",
                         .published_top1 = 80.062,
                         .source = "Cadene/pretrained-models.pytorch (inceptionv4-8e4777a0.pth)"}},
           .layers = Layers}};
}

}  // namespace siskin::models
