// Inception-v4: a stem of three forks, modules of three kinds with a reduction between the kinds, a
// classifier.
//
// As in TensorFlow, convolutions with stride 2 and some of the stem read no padding.
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"
#include "models/inception_branch.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::kNoPadding;
using ops::Net;
using ops::Tensor;

constexpr int kMinSide = 75;  // leaves one pixel behind the last reduction

Tensor AvgPool(Net& net, const Tensor& x) {
  return net.AvgPoolExcludingPadding(x, {.kernel = 3, .padding = 1}, "pool");
}

Tensor Halve(Net& net, const Tensor& x) {
  return net.MaxPool(x, {.kernel = 3, .stride = 2}, "pool");
}

// Figure 3 of the paper, fork by fork.
Tensor Mixed3a(Net& net, const Tensor& x) {
  return net.Concat({Halve(net, x), Branch(net, x, {{"conv", 96, 3, 2, kNoPadding}})}, "concat");
}

Tensor Mixed4a(Net& net, const Tensor& x) {
  return net.Concat({Branch(net, x, {{"branch0.0", 64}, {"branch0.1", 96, 3, 1, kNoPadding}}),
                     Branch(net, x,
                            {{"branch1.0", 64},
                             {"branch1.1", 64, {1, 7}},
                             {"branch1.2", 64, {7, 1}},
                             {"branch1.3", 96, 3, 1, kNoPadding}})},
                    "concat");
}

Tensor Mixed5a(Net& net, const Tensor& x) {
  return net.Concat({Branch(net, x, {{"conv", 192, 3, 2, kNoPadding}}), Halve(net, x)}, "concat");
}

// Figure 4.
Tensor ModuleA(Net& net, const Tensor& x) {
  return net.Concat(
      {Branch(net, x, {{"branch0", 96}}), Branch(net, x, {{"branch1.0", 64}, {"branch1.1", 96, 3}}),
       Branch(net, x, {{"branch2.0", 64}, {"branch2.1", 96, 3}, {"branch2.2", 96, 3}}),
       Branch(net, AvgPool(net, x), {{"branch3.1", 96}})},
      "concat");
}

// Figure 7, with k, l, m, n = 192, 224, 256, 384.
Tensor ReductionA(Net& net, const Tensor& x) {
  return net.Concat(
      {Branch(net, x, {{"branch0", 384, 3, 2, kNoPadding}}),
       Branch(net, x,
              {{"branch1.0", 192}, {"branch1.1", 224, 3}, {"branch1.2", 256, 3, 2, kNoPadding}}),
       Halve(net, x)},
      "concat");
}

// Figure 5.
Tensor ModuleB(Net& net, const Tensor& x) {
  return net.Concat(
      {Branch(net, x, {{"branch0", 384}}),
       Branch(net, x, {{"branch1.0", 192}, {"branch1.1", 224, {1, 7}}, {"branch1.2", 256, {7, 1}}}),
       Branch(net, x,
              {{"branch2.0", 192},
               {"branch2.1", 192, {7, 1}},
               {"branch2.2", 224, {1, 7}},
               {"branch2.3", 224, {7, 1}},
               {"branch2.4", 256, {1, 7}}}),
       Branch(net, AvgPool(net, x), {{"branch3.1", 128}})},
      "concat");
}

// Figure 8.
Tensor ReductionB(Net& net, const Tensor& x) {
  return net.Concat({Branch(net, x, {{"branch0.0", 192}, {"branch0.1", 192, 3, 2, kNoPadding}}),
                     Branch(net, x,
                            {{"branch1.0", 256},
                             {"branch1.1", 256, {1, 7}},
                             {"branch1.2", 320, {7, 1}},
                             {"branch1.3", 320, 3, 2, kNoPadding}}),
                     Halve(net, x)},
                    "concat");
}

// Figure 6: two branches end in a 1x3 and a 3x1 beside each other.
Tensor ModuleC(Net& net, const Tensor& x) {
  const Tensor one = Branch(net, x, {{"branch0", 256}});
  Tensor y = Branch(net, x, {{"branch1_0", 384}});
  const Tensor two = net.Concat({Branch(net, y, {{"branch1_1a", 256, {1, 3}}}),
                                 Branch(net, y, {{"branch1_1b", 256, {3, 1}}})},
                                "branch1");
  y = Branch(net, x, {{"branch2_0", 384}, {"branch2_1", 448, {3, 1}}, {"branch2_2", 512, {1, 3}}});
  const Tensor three = net.Concat({Branch(net, y, {{"branch2_3a", 256, {1, 3}}}),
                                   Branch(net, y, {{"branch2_3b", 256, {3, 1}}})},
                                  "branch2");
  return net.Concat({one, two, three, Branch(net, AvgPool(net, x), {{"branch3.1", 256}})},
                    "concat");
}

// Figure 9 of the paper: behind three convolutions, what `features.3` to `features.21` are.
struct Row {
  Tensor (*module)(Net&, const Tensor&);
  int repeats;
};
constexpr Row kRows[] = {
    {Mixed3a, 1}, {Mixed4a, 1},    {Mixed5a, 1},  //
    {ModuleA, 4}, {ReductionA, 1},                //
    {ModuleB, 7}, {ReductionB, 1}, {ModuleC, 3},  //
};

absl::StatusOr<ops::Graph> Build(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options, kMinSide));
  SISKIN_RETURN_IF_ERROR(ValidateWidth(options, {1.0}));
  if (!options.form.empty()) return UnknownForm(options, "empty");
  Net net("inception_v4",
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = Branch(net, net.Input({3, options.resolution, options.resolution}),
                    {{"features.0", 32, 3, 2, kNoPadding},
                     {"features.1", 32, 3, 1, kNoPadding},
                     {"features.2", 64, 3}});
  int index = 3;
  for (const auto& [module, repeats] : kRows) {
    for (int i = 0; i < repeats; ++i) {
      Net::Scope scope(net, absl::StrCat("features.", index++));
      x = module(net, x);
    }
  }
  return net.Finish(net.Linear(
      net.GlobalAvgPool(x),
      {.key = "last_linear", .out_features = options.classes, .may_have_background_row = true}));
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
           .min_resolution = kMinSide,
           .key_styles = {Style("timm"), Style("cadene")},
           .variants = {{.name = "inception_v4.tf_in1k",
                         .key_style = "timm",
                         .resolution = 299,
                         .published_top1 = 80.144,
                         .source = "timm results-imagenet.csv"},
                        {.name = "inceptionv4",
                         .key_style = "cadene",
                         .resolution = 299,
                         .published_top1 = 80.062,
                         .source = "Cadene/pretrained-models.pytorch (inceptionv4-8e4777a0.pth)"}},
           .build = Build}};
}

}  // namespace siskin::models
