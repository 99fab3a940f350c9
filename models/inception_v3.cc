// Inception-v3: a stem, modules of three kinds with a reduction between the kinds, a classifier.
#include <string_view>
#include <vector>

#include "models/family.h"
#include "models/inception_branch.h"

namespace siskin::models {
namespace {

using ops::Net;
using ops::Tensor;

// Figure 5 of the paper, with a 5x5 in the shorter branch.
Tensor ModuleA(Net& net, const Tensor& x, std::string_view name, int pool_channels) {
  return InceptionModule(
      net, x, name,
      {{{"branch1x1", 64}},
       {{"branch5x5_1", 48}, {"branch5x5_2", 64, 5}},
       {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, 3}, {"branch3x3dbl_3", 96, 3}},
       {AvgPool(), {"branch_pool", pool_channels}}});
}

// Figure 10.
Tensor ReductionA(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(
      net, x, name,
      {{ReductionConv("branch3x3", 384)},
       {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, 3}, ReductionConv("branch3x3dbl_3", 96)},
       {ReductionPool()}});
}

// Figure 6.
Tensor ModuleB(Net& net, const Tensor& x, std::string_view name, int channels) {
  return InceptionModule(
      net, x, name,
      {{{"branch1x1", 192}},
       {{"branch7x7_1", channels}, {"branch7x7_2", channels, {1, 7}}, {"branch7x7_3", 192, {7, 1}}},
       {{"branch7x7dbl_1", channels},
        {"branch7x7dbl_2", channels, {7, 1}},
        {"branch7x7dbl_3", channels, {1, 7}},
        {"branch7x7dbl_4", channels, {7, 1}},
        {"branch7x7dbl_5", 192, {1, 7}}},
       {AvgPool(), {"branch_pool", 192}}});
}

Tensor ReductionB(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name,
                         {{{"branch3x3_1", 192}, ReductionConv("branch3x3_2", 320)},
                          {{"branch7x7x3_1", 192},
                           {"branch7x7x3_2", 192, {1, 7}},
                           {"branch7x7x3_3", 192, {7, 1}},
                           ReductionConv("branch7x7x3_4", 192)},
                          {ReductionPool()}});
}

// Figure 7.
Tensor ModuleC(Net& net, const Tensor& x, std::string_view name) {
  return InceptionModule(net, x, name,
                         {{{"branch1x1", 320}},
                          {{"branch3x3_1", 384}, Fork("branch3x3", "branch3x3_2", 384)},
                          {{"branch3x3dbl_1", 448},
                           {"branch3x3dbl_2", 384, 3},
                           Fork("branch3x3dbl", "branch3x3dbl_3", 384)},
                          {AvgPool(), {"branch_pool", 192}}});
}

// Table 1 of the paper.
Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = InceptionV3Stem(
      net, x,
      {"Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"});
  x = ModuleA(net, x, "Mixed_5b", 32);
  x = ModuleA(net, x, "Mixed_5c", 64);
  x = ModuleA(net, x, "Mixed_5d", 64);
  x = ReductionA(net, x, "Mixed_6a");
  x = ModuleB(net, x, "Mixed_6b", 128);
  x = ModuleB(net, x, "Mixed_6c", 160);
  x = ModuleB(net, x, "Mixed_6d", 160);
  x = ModuleB(net, x, "Mixed_6e", 192);
  x = ReductionB(net, x, "Mixed_7a");
  x = ModuleC(net, x, "Mixed_7b");
  x = ModuleC(net, x, "Mixed_7c");
  return net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = options.classes});
}

// timm has the names of torchvision, and other weights.
std::vector<Variant> Variants() {
  const std::vector<Variant> timm = {
      {.name = "inception_v3.tv_in1k", .input_preset = "timm_half", .published_top1 = 77.47},
      {.name = "inception_v3.tf_in1k", .input_preset = "timm_half", .published_top1 = 77.87},
      {.name = "inception_v3.tf_adv_in1k", .input_preset = "timm_half", .published_top1 = 77.60},
      {.name = "inception_v3.gluon_in1k", .input_preset = "timm", .published_top1 = 78.81}};
  return Join({Published("torchvision", "torchvision Inception_V3_Weights",
                         {{.name = "inception_v3_google-0cc3c7bd", .published_top1 = 77.294}}),
               Published("torchvision", "timm results-imagenet.csv", timm)});
}

}  // namespace

std::vector<ModelSpec> InceptionV3() {
  return {{.architecture = "inception_v3",
           .title = "Inception-v3",
           .paper = "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, "
                    "2015, arXiv:1512.00567",
           .classifier_layer = "fc",
           .resolution = 299,
           .min_resolution = 75,  // leaves one pixel behind the last reduction
           .key_styles = {{.name = "torchvision",
                           .batch_norm_epsilon = 1e-3,
                           .input_preset = "tv342_half",
                           .ignorable_prefixes = {"AuxLogits."}}},
           .variants = Variants(),
           .layers = Layers}};
}

}  // namespace siskin::models
