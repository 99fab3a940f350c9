// Inception-v3: a stem, modules of three kinds with a reduction between the kinds, a classifier.
//
// As in TensorFlow, convolutions with stride 2 and two of the stem read no padding.
#include <string>
#include <vector>

#include "models/family.h"
#include "models/inception_branch.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::kNoPadding;
using ops::Net;
using ops::Tensor;

constexpr int kMinSide = 75;  // leaves one pixel behind the last reduction

// Counts its padding.
Tensor AvgPool(Net& net, const Tensor& x) {
  return net.AvgPool(x, {.kernel = 3, .padding = 1}, "pool");
}

Tensor Halve(Net& net, const Tensor& x, std::string_view label = "pool") {
  return net.MaxPool(x, {.kernel = 3, .stride = 2}, label);
}

// Figure 5 of the paper, with a 5x5 in the shorter branch.
Tensor ModuleA(Net& net, const Tensor& x, std::string_view name, int pool_channels) {
  Net::Scope scope(net, name);
  return net.Concat(
      {Branch(net, x, {{"branch1x1", 64}}),
       Branch(net, x, {{"branch5x5_1", 48}, {"branch5x5_2", 64, 5}}),
       Branch(net, x,
              {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, 3}, {"branch3x3dbl_3", 96, 3}}),
       Branch(net, AvgPool(net, x), {{"branch_pool", pool_channels}})},
      "concat");
}

// Figure 10.
Tensor ReductionA(Net& net, const Tensor& x, std::string_view name) {
  Net::Scope scope(net, name);
  return net.Concat({Branch(net, x, {{"branch3x3", 384, 3, 2, kNoPadding}}),
                     Branch(net, x,
                            {{"branch3x3dbl_1", 64},
                             {"branch3x3dbl_2", 96, 3},
                             {"branch3x3dbl_3", 96, 3, 2, kNoPadding}}),
                     Halve(net, x)},
                    "concat");
}

// Figure 6.
Tensor ModuleB(Net& net, const Tensor& x, std::string_view name, int channels) {
  Net::Scope scope(net, name);
  return net.Concat({Branch(net, x, {{"branch1x1", 192}}),
                     Branch(net, x,
                            {{"branch7x7_1", channels},
                             {"branch7x7_2", channels, {1, 7}},
                             {"branch7x7_3", 192, {7, 1}}}),
                     Branch(net, x,
                            {{"branch7x7dbl_1", channels},
                             {"branch7x7dbl_2", channels, {7, 1}},
                             {"branch7x7dbl_3", channels, {1, 7}},
                             {"branch7x7dbl_4", channels, {7, 1}},
                             {"branch7x7dbl_5", 192, {1, 7}}}),
                     Branch(net, AvgPool(net, x), {{"branch_pool", 192}})},
                    "concat");
}

Tensor ReductionB(Net& net, const Tensor& x, std::string_view name) {
  Net::Scope scope(net, name);
  return net.Concat({Branch(net, x, {{"branch3x3_1", 192}, {"branch3x3_2", 320, 3, 2, kNoPadding}}),
                     Branch(net, x,
                            {{"branch7x7x3_1", 192},
                             {"branch7x7x3_2", 192, {1, 7}},
                             {"branch7x7x3_3", 192, {7, 1}},
                             {"branch7x7x3_4", 192, 3, 2, kNoPadding}}),
                     Halve(net, x)},
                    "concat");
}

// Figure 7: two branches end in a 1x3 and a 3x1 beside each other.
Tensor ModuleC(Net& net, const Tensor& x, std::string_view name) {
  Net::Scope scope(net, name);
  const Tensor one = Branch(net, x, {{"branch1x1", 320}});
  Tensor y = Branch(net, x, {{"branch3x3_1", 384}});
  const Tensor three = net.Concat({Branch(net, y, {{"branch3x3_2a", 384, {1, 3}}}),
                                   Branch(net, y, {{"branch3x3_2b", 384, {3, 1}}})},
                                  "branch3x3");
  y = Branch(net, x, {{"branch3x3dbl_1", 448}, {"branch3x3dbl_2", 384, 3}});
  const Tensor five = net.Concat({Branch(net, y, {{"branch3x3dbl_3a", 384, {1, 3}}}),
                                  Branch(net, y, {{"branch3x3dbl_3b", 384, {3, 1}}})},
                                 "branch3x3dbl");
  const Tensor pooled = Branch(net, AvgPool(net, x), {{"branch_pool", 192}});
  return net.Concat({one, three, five, pooled}, "concat");
}

Tensor Stem(Net& net, Tensor x) {
  x = Branch(net, x,
             {{"Conv2d_1a_3x3", 32, 3, 2, kNoPadding},
              {"Conv2d_2a_3x3", 32, 3, 1, kNoPadding},
              {"Conv2d_2b_3x3", 64, 3}});
  x = Halve(net, x, "maxpool1");
  x = Branch(net, x, {{"Conv2d_3b_1x1", 80}, {"Conv2d_4a_3x3", 192, 3, 1, kNoPadding}});
  return Halve(net, x, "maxpool2");
}

// Table 1 of the paper.
absl::StatusOr<ops::Graph> Build(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options, kMinSide));
  SISKIN_RETURN_IF_ERROR(ValidateWidth(options, {1.0}));
  if (!options.form.empty()) return UnknownForm(options, "empty");
  Net net("inception_v3",
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = Stem(net, net.Input({3, options.resolution, options.resolution}));
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
  return net.Finish(
      net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = options.classes}));
}

// timm has the names of torchvision, and other weights.
Variant Timm(std::string name, std::string preset, double top1) {
  return {.name = "inception_v3." + name,
          .key_style = "torchvision",
          .resolution = 299,
          .input_preset = preset,
          .published_top1 = top1,
          .source = "timm results-imagenet.csv"};
}

}  // namespace

std::vector<ModelSpec> InceptionV3() {
  return {{.architecture = "inception_v3",
           .title = "Inception-v3",
           .paper = "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, "
                    "2015, arXiv:1512.00567",
           .classifier_layer = "fc",
           .resolution = 299,
           .min_resolution = kMinSide,
           .key_styles = {{.name = "torchvision",
                           .batch_norm_epsilon = 1e-3,
                           .input_preset = "tv342_half",
                           .ignorable_prefixes = {"AuxLogits."}}},
           .variants = {{.name = "inception_v3_google-0cc3c7bd",
                         .key_style = "torchvision",
                         .resolution = 299,
                         .published_top1 = 77.294,
                         .source = "torchvision Inception_V3_Weights"},
                        Timm("tv_in1k", "timm_half", 77.47),
                        Timm("tf_in1k", "timm_half", 77.87),
                        Timm("tf_adv_in1k", "timm_half", 77.60),
                        Timm("gluon_in1k", "timm", 78.81)},
           .build = Build}};
}

}  // namespace siskin::models
