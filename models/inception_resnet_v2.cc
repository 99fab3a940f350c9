// Inception-ResNet-v2: a stem, residual blocks of three kinds with a reduction between the kinds, a
// classifier.
//
// A block adds its branches' projection, scaled down, to its input.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"
#include "models/inception_branch.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::Net;
using ops::Tensor;

Tensor Mixed5b(Net& net, const Tensor& x) {
  return InceptionModule(net, x, "mixed_5b",
                         {{{"branch0", 96}},
                          {{"branch1.0", 48}, {"branch1.1", 64, 5}},
                          {{"branch2.0", 64}, {"branch2.1", 96, 3}, {"branch2.2", 96, 3}},
                          {AvgPoolExcludingPadding(), {"branch3.1", 64}}});
}

// Figure 7 of the paper, with k, l, m, n = 256, 256, 384, 384.
Tensor Mixed6a(Net& net, const Tensor& x) {
  return InceptionModule(
      net, x, "mixed_6a",
      {{ReductionConv("branch0", 384)},
       {{"branch1.0", 256}, {"branch1.1", 256, 3}, ReductionConv("branch1.2", 384)},
       {ReductionPool()}});
}

// Figure 18.
Tensor Mixed7a(Net& net, const Tensor& x) {
  return InceptionModule(
      net, x, "mixed_7a",
      {{{"branch0.0", 256}, ReductionConv("branch0.1", 384)},
       {{"branch1.0", 256}, ReductionConv("branch1.1", 288)},
       {{"branch2.0", 256}, {"branch2.1", 288, 3}, ReductionConv("branch2.2", 320)},
       {ReductionPool()}});
}

// x + scale * projection of the branches.
Tensor AddScaled(Net& net, const Tensor& x, double scale, Branches branches) {
  Tensor y = ConcatBranches(net, x, branches);
  y = net.ConvBn(y, {.key = "conv2d", .out_channels = x.shape.channels, .bias = true});
  return net.Add(x, net.Scale(y, scale, "scale"), "add");
}

// Figure 16.
Tensor Block35(Net& net, const Tensor& x) {
  return AddScaled(net, x, 0.17,
                   {{{"branch0", 32}},
                    {{"branch1.0", 32}, {"branch1.1", 32, 3}},
                    {{"branch2.0", 32}, {"branch2.1", 48, 3}, {"branch2.2", 64, 3}}});
}

// Figure 17.
Tensor Block17(Net& net, const Tensor& x) {
  return AddScaled(net, x, 0.10,
                   {{{"branch0", 192}},
                    {{"branch1.0", 128}, {"branch1.1", 160, {1, 7}}, {"branch1.2", 192, {7, 1}}}});
}

// Figure 19.
Tensor Block8(Net& net, const Tensor& x, double scale) {
  return AddScaled(net, x, scale,
                   {{{"branch0", 192}},
                    {{"branch1.0", 192}, {"branch1.1", 224, {1, 3}}, {"branch1.2", 256, {3, 1}}}});
}

// Blocks "<name>.0", "<name>.1" and so on, each with a ReLU behind its sum.
Tensor Repeat(Net& net, Tensor x, std::string_view name, int count,
              Tensor (*block)(Net&, const Tensor&)) {
  Net::Scope scope(net, name);
  for (int i = 0; i < count; ++i) {
    Net::Scope inner(net, absl::StrCat(i));
    x = net.Act(block(net, x), ActivationKind::kRelu, "relu");
  }
  return x;
}

// Figure 15.
Tensor Layers(Net& net, Tensor x, const BuildOptions& options) {
  x = InceptionV3Stem(net, x, {"conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a"});
  x = Mixed5b(net, x);
  x = Repeat(net, x, "repeat", 10, Block35);
  x = Mixed6a(net, x);
  x = Repeat(net, x, "repeat_1", 20, Block17);
  x = Mixed7a(net, x);
  x = Repeat(net, x, "repeat_2", 9, [](Net& n, const Tensor& y) { return Block8(n, y, 0.20); });
  {
    Net::Scope scope(net, "block8");  // neither scaled nor rectified
    x = Block8(net, x, 1.0);
  }
  x = Branch(net, x, {{"conv2d_7b", 1536}});
  return net.Linear(
      net.GlobalAvgPool(x),
      {.key = "classif", .out_features = options.classes, .may_have_background_row = true});
}

// TF-slim's weights, whose background class some files still have.
KeyStyle Style(std::string name, LayerNames names) {
  return {.name = name,
          .layer_name = names.empty() ? nullptr : MapLayers(names),
          .batch_norm_epsilon = 1e-3,
          .background_class = true,
          .input_preset = "timm_half_8975"};
}

}  // namespace

std::vector<ModelSpec> InceptionResNetV2() {
  return {
      {.architecture = "inception_resnet_v2",
       .title = "Inception-ResNet-v2",
       .paper = "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual "
                "Connections on Learning, 2016, arXiv:1602.07261",
       .classifier_layer = "classif",
       .resolution = 299,
       .min_resolution = 75,  // leaves one pixel behind the last reduction
       .key_styles = {Style("timm", {}), Style("cadene", {{"classif", "last_linear"}})},
       .variants = Join(
           {Published("timm", "timm results-imagenet.csv",
                      {{.name = "inception_resnet_v2.tf_in1k", .published_top1 = 80.434},
                       {.name = "inception_resnet_v2.tf_ens_adv_in1k", .published_top1 = 79.998}}),
            Published("cadene", "Cadene/pretrained-models.pytorch (inceptionresnetv2-520b38e4.pth)",
                      {{.name = "inceptionresnetv2", .published_top1 = 80.170}})}),
       .layers = Layers}};
}

}  // namespace siskin::models
