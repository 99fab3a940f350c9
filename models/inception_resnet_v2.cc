// Inception-ResNet-v2: a stem, residual blocks of three kinds with a reduction between the kinds, a
// classifier.
//
// As in TensorFlow, convolutions with stride 2 and two of the stem read no padding. A block adds
// its branches' projection, scaled down, to its input.
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/family.h"
#include "models/inception_branch.h"
#include "ops/status_macros.h"

namespace siskin::models {
namespace {

using ops::ActivationKind;
using ops::kNoPadding;
using ops::Net;
using ops::Tensor;

constexpr int kMinSide = 75;  // leaves one pixel behind the last reduction

Tensor Halve(Net& net, const Tensor& x, std::string_view label = "pool") {
  return net.MaxPool(x, {.kernel = 3, .stride = 2}, label);
}

Tensor Mixed5b(Net& net, const Tensor& x) {
  Net::Scope scope(net, "mixed_5b");
  const auto pooled = [&] {
    return net.AvgPoolExcludingPadding(x, {.kernel = 3, .padding = 1}, "pool");
  };
  return net.Concat(
      {Branch(net, x, {{"branch0", 96}}), Branch(net, x, {{"branch1.0", 48}, {"branch1.1", 64, 5}}),
       Branch(net, x, {{"branch2.0", 64}, {"branch2.1", 96, 3}, {"branch2.2", 96, 3}}),
       Branch(net, pooled(), {{"branch3.1", 64}})},
      "concat");
}

// Figure 7 of the paper, with k, l, m, n = 256, 256, 384, 384.
Tensor Mixed6a(Net& net, const Tensor& x) {
  Net::Scope scope(net, "mixed_6a");
  return net.Concat(
      {Branch(net, x, {{"branch0", 384, 3, 2, kNoPadding}}),
       Branch(net, x,
              {{"branch1.0", 256}, {"branch1.1", 256, 3}, {"branch1.2", 384, 3, 2, kNoPadding}}),
       Halve(net, x)},
      "concat");
}

// Figure 18.
Tensor Mixed7a(Net& net, const Tensor& x) {
  Net::Scope scope(net, "mixed_7a");
  return net.Concat(
      {Branch(net, x, {{"branch0.0", 256}, {"branch0.1", 384, 3, 2, kNoPadding}}),
       Branch(net, x, {{"branch1.0", 256}, {"branch1.1", 288, 3, 2, kNoPadding}}),
       Branch(net, x,
              {{"branch2.0", 256}, {"branch2.1", 288, 3}, {"branch2.2", 320, 3, 2, kNoPadding}}),
       Halve(net, x)},
      "concat");
}

// x + scale * projection of the branches.
Tensor AddScaled(Net& net, const Tensor& x, const std::vector<Tensor>& branches, double scale) {
  Tensor y = net.Concat(branches, "concat");
  y = net.ConvBn(y, {.key = "conv2d", .out_channels = x.shape.channels, .bias = true});
  return net.Add(x, net.Scale(y, scale, "scale"), "add");
}

// Figure 16.
Tensor Block35(Net& net, const Tensor& x) {
  return AddScaled(
      net, x,
      {Branch(net, x, {{"branch0", 32}}), Branch(net, x, {{"branch1.0", 32}, {"branch1.1", 32, 3}}),
       Branch(net, x, {{"branch2.0", 32}, {"branch2.1", 48, 3}, {"branch2.2", 64, 3}})},
      0.17);
}

// Figure 17.
Tensor Block17(Net& net, const Tensor& x) {
  return AddScaled(
      net, x,
      {Branch(net, x, {{"branch0", 192}}),
       Branch(net, x,
              {{"branch1.0", 128}, {"branch1.1", 160, {1, 7}}, {"branch1.2", 192, {7, 1}}})},
      0.10);
}

// Figure 19.
Tensor Block8(Net& net, const Tensor& x, double scale) {
  return AddScaled(
      net, x,
      {Branch(net, x, {{"branch0", 192}}),
       Branch(net, x,
              {{"branch1.0", 192}, {"branch1.1", 224, {1, 3}}, {"branch1.2", 256, {3, 1}}})},
      scale);
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

// Inception-v3's.
Tensor Stem(Net& net, Tensor x) {
  x = Branch(net, x,
             {{"conv2d_1a", 32, 3, 2, kNoPadding},
              {"conv2d_2a", 32, 3, 1, kNoPadding},
              {"conv2d_2b", 64, 3}});
  x = Halve(net, x, "maxpool1");
  x = Branch(net, x, {{"conv2d_3b", 80}, {"conv2d_4a", 192, 3, 1, kNoPadding}});
  return Halve(net, x, "maxpool2");
}

// Figure 15.
absl::StatusOr<ops::Graph> Build(const BuildOptions& options) {
  SISKIN_RETURN_IF_ERROR(Validate(options, kMinSide));
  SISKIN_RETURN_IF_ERROR(ValidateWidth(options, {1.0}));
  if (!options.form.empty()) return UnknownForm(options, "empty");
  Net net("inception_resnet_v2",
          {.padding = options.padding, .batch_norm_epsilon = options.batch_norm_epsilon});
  Tensor x = Stem(net, net.Input({3, options.resolution, options.resolution}));
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
  return net.Finish(net.Linear(
      net.GlobalAvgPool(x),
      {.key = "classif", .out_features = options.classes, .may_have_background_row = true}));
}

// TF-slim's weights, whose background class some files still have.
KeyStyle Style(std::string name, LayerNames names) {
  return {.name = name,
          .layer_name = names.empty() ? nullptr : MapLayers(names),
          .batch_norm_epsilon = 1e-3,
          .background_class = true,
          .input_preset = "timm_half_8975"};
}

Variant Published(std::string name, std::string key_style, double top1, std::string source) {
  return {.name = name,
          .key_style = key_style,
          .resolution = 299,
          .published_top1 = top1,
          .source = source};
}

}  // namespace

std::vector<ModelSpec> InceptionResNetV2() {
  const std::string timm = "timm results-imagenet.csv";
  return {{.architecture = "inception_resnet_v2",
           .title = "Inception-ResNet-v2",
           .paper = "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual "
                    "Connections on Learning, 2016, arXiv:1602.07261",
           .classifier_layer = "classif",
           .resolution = 299,
           .min_resolution = kMinSide,
           .key_styles = {Style("timm", {}), Style("cadene", {{"classif", "last_linear"}})},
           .variants = {Published("inception_resnet_v2.tf_in1k", "timm", 80.434, timm),
                        Published("inception_resnet_v2.tf_ens_adv_in1k", "timm", 79.998, timm),
                        Published("inceptionresnetv2", "cadene", 80.170,
                                  "Cadene/pretrained-models.pytorch "
                                  "(inceptionresnetv2-520b38e4.pth)")},
           .build = Build}};
}

}  // namespace siskin::models
