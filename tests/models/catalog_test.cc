#include "models/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace siskin::models {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

// The layers that have parameters, as the graph names them.
std::set<std::string> LayersOf(const ops::Graph& graph) {
  std::set<std::string> layers;
  for (const ops::Parameter& parameter : graph.parameters) {
    layers.insert(parameter.key.substr(0, parameter.key.rfind('.')));
  }
  return layers;
}

TEST(CatalogTest, VariantsAreUniqueAndWhole) {
  std::set<std::string> names;
  for (const ModelSpec& spec : Catalog()) {
    EXPECT_FALSE(spec.title.empty());
    EXPECT_THAT(spec.paper, HasSubstr("arXiv:"));
    EXPECT_TRUE(names.insert(spec.architecture).second) << spec.architecture;
    EXPECT_FALSE(spec.variants.empty());
    for (const Variant& variant : spec.variants) {
      EXPECT_TRUE(names.insert(variant.name).second) << variant.name;
      EXPECT_NE(spec.FindKeyStyle(variant.key_style), nullptr) << variant.name;
      EXPECT_FALSE(variant.source.empty()) << variant.name;
      if (variant.published_top1.has_value()) {
        EXPECT_GT(*variant.published_top1, 40) << variant.name;
        EXPECT_LT(*variant.published_top1, 85) << variant.name;
      }
    }
  }
}

TEST(CatalogTest, CanonicalStyleHasNoMap) {
  for (const ModelSpec& spec : Catalog()) {
    ASSERT_FALSE(spec.key_styles.empty());
    EXPECT_FALSE(spec.key_styles.front().layer_name) << spec.architecture;
  }
}

TEST(CatalogTest, LayerMapsAreInjectiveAndCoverTheNetwork) {
  for (const ModelSpec& spec : Catalog()) {
    for (const KeyStyle& style : spec.key_styles) {
      const auto graph = spec.Build(OptionsOf(spec, style));
      ASSERT_TRUE(graph.ok()) << graph.status();
      const std::set<std::string> layers = LayersOf(*graph);
      EXPECT_TRUE(spec.output != OutputKind::kClassification ||
                  layers.contains(spec.classifier_layer))
          << spec.architecture;
      std::set<std::string> mapped;
      for (const std::string& layer : layers) {
        const std::string name = style.LayerName(layer);
        EXPECT_TRUE(mapped.insert(name).second) << style.name << ": " << name << " twice";
      }
    }
  }
}

// The tables that the other styles are checked with have none of this one; names from HF's
// modeling_mobilenet_v2.py.
TEST(CatalogTest, MobileNetV2InHfStyle) {
  const KeyStyle* hf = FindArchitecture("mobilenet_v2")->FindKeyStyle("hf-google");
  ASSERT_NE(hf, nullptr);
  const std::pair<const char*, const char*> names[] = {
      {"features.0.0", "conv_stem.first_conv.convolution"},
      {"features.0.1", "conv_stem.first_conv.normalization"},
      {"features.1.conv.0.0", "conv_stem.conv_3x3.convolution"},
      {"features.1.conv.0.1", "conv_stem.conv_3x3.normalization"},
      {"features.1.conv.1", "conv_stem.reduce_1x1.convolution"},
      {"features.1.conv.2", "conv_stem.reduce_1x1.normalization"},
      {"features.2.conv.0.0", "layer.0.expand_1x1.convolution"},
      {"features.2.conv.0.1", "layer.0.expand_1x1.normalization"},
      {"features.9.conv.1.0", "layer.7.conv_3x3.convolution"},
      {"features.9.conv.1.1", "layer.7.conv_3x3.normalization"},
      {"features.17.conv.2", "layer.15.reduce_1x1.convolution"},
      {"features.17.conv.3", "layer.15.reduce_1x1.normalization"},
      {"features.18.0", "conv_1x1.convolution"},
      {"features.18.1", "conv_1x1.normalization"},
  };
  for (const auto& [ours, theirs] : names) {
    EXPECT_EQ(hf->LayerName(ours), std::string("mobilenet_v2.") + theirs);
  }
  EXPECT_EQ(hf->LayerName("classifier.1"), "classifier");
}

// Where no weights are published, too: numbers from torchvision's and timm's own networks.
TEST(CatalogTest, MobileNetV3IsNarrowedAsInEachCodeBase) {
  const struct {
    std::string key_style;
    double width;
    std::string key;
    std::vector<int64_t> shape;
  } cases[] = {
      {"torchvision", 0.35, "features.0.0.weight", {8, 3, 3, 3}},
      {"torchvision", 0.35, "features.2.block.0.0.weight", {24, 8, 1, 1}},
      {"torchvision", 0.33, "features.16.0.weight", {336, 56, 1, 1}},
      {"torchvision", 0.35, "classifier.0.weight", {448, 336}},
      {"timm", 0.35, "features.0.0.weight", {16, 3, 3, 3}},
      {"timm", 0.35, "features.2.block.0.0.weight", {32, 8, 1, 1}},
      {"timm", 0.33, "features.16.0.weight", {320, 56, 1, 1}},
      {"timm", 0.35, "classifier.0.weight", {1280, 336}},
  };
  for (const auto& [key_style, width, key, shape] : cases) {
    const auto graph =
        FindArchitecture("mobilenet_v3_large")->Build({.width = width, .key_style = key_style});
    ASSERT_TRUE(graph.ok()) << graph.status();
    EXPECT_THAT(graph->parameters, Contains(AllOf(Field(&ops::Parameter::key, key),
                                                  Field(&ops::Parameter::shape, shape))))
        << key_style << " " << key;
  }
}

TEST(CatalogTest, FindsByName) {
  EXPECT_EQ(FindByName("mobilenet_v1").spec, FindArchitecture("mobilenet_v1"));
  EXPECT_EQ(FindByName("mobilenet_v1").variant, nullptr);

  const CatalogMatch slim = FindByName("mobilenet_v1_0.25_128");
  ASSERT_NE(slim.variant, nullptr);
  EXPECT_EQ(slim.spec->architecture, "mobilenet_v1");
  EXPECT_EQ(slim.variant->width, 0.25);
  EXPECT_EQ(slim.variant->resolution, 128);
  EXPECT_EQ(slim.variant->published_top1, 41.5);

  const CatalogMatch tagged = FindByName("mobilenetv2_100.ra_in1k");
  ASSERT_NE(tagged.variant, nullptr);
  EXPECT_EQ(tagged.variant->name, "mobilenetv2_100");
  EXPECT_EQ(FindByName("mobilenetv1_100h").variant->name, "mobilenetv1_100h");

  // Some tags have conventions of their own.
  EXPECT_EQ(FindByName("mobilenetv3_large_100.ra_in1k").variant->name, "mobilenetv3_large_100");
  EXPECT_EQ(FindByName("mobilenetv3_large_100.miil_in21k_ft_in1k").variant->input_preset,
            "timm_unit_bilinear");

  EXPECT_EQ(FindByName("mobilenet_v2_1.3_96").variant->published_top1, std::nullopt);
  EXPECT_EQ(FindByName("mobilenet_v2_2.0_224").spec, nullptr);
  EXPECT_EQ(FindByName("").spec, nullptr);
  EXPECT_EQ(FindArchitecture("mobilenet_v1_0.25_128"), nullptr);
}

TEST(BuildOptionsTest, EveryFamilyRejectsWhatIsOutOfRange) {
  const struct {
    std::string field;
    std::function<void(BuildOptions&)> spoil;
  } cases[] = {
      {"width", [](BuildOptions& o) { o.width = 0; }},
      {"width", [](BuildOptions& o) { o.width = 1e9; }},
      {"width", [](BuildOptions& o) { o.width = std::numeric_limits<double>::quiet_NaN(); }},
      {"resolution", [](BuildOptions& o) { o.resolution = 0; }},
      {"resolution", [](BuildOptions& o) { o.resolution = 1025; }},
      {"classes", [](BuildOptions& o) { o.classes = 0; }},
      {"classes", [](BuildOptions& o) { o.classes = std::numeric_limits<int>::max(); }},
      {"batch_norm_epsilon", [](BuildOptions& o) { o.batch_norm_epsilon = 0; }},
  };
  for (const ModelSpec& spec : Catalog()) {
    for (const auto& [field, spoil] : cases) {
      BuildOptions options = OptionsOf(spec, spec.key_styles.front());
      spoil(options);
      const absl::Status status = spec.Build(options).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
      EXPECT_THAT(status.message(), HasSubstr(field + " is "));
    }
  }
}

TEST(BuildOptionsTest, LimitsBuild) {
  for (const ModelSpec& spec : Catalog()) {
    const std::vector<double> widths =
        spec.any_width ? std::vector<double>{0.01, kMaxWidth} : spec.PublishedWidths();
    for (int resolution : {spec.min_resolution, spec.min_resolution + 1, kMaxResolution}) {
      for (double width : widths) {
        const auto graph = spec.Build({.width = width, .resolution = resolution, .classes = 1});
        EXPECT_TRUE(graph.ok()) << spec.architecture << ": " << graph.status();
      }
    }
  }
}

TEST(BuildOptionsTest, OnlyPublishedFormsAndWidthsBuild) {
  for (const ModelSpec& spec : Catalog()) {
    const absl::Status form =
        spec.Build({.resolution = spec.resolution, .form = "no such form"}).status();
    EXPECT_EQ(form.code(), absl::StatusCode::kInvalidArgument) << spec.architecture;
    EXPECT_THAT(form.message(), HasSubstr("form is \"no such form\", must be "));
    if (spec.any_width) continue;
    const absl::Status width = spec.Build({.width = 0.123, .resolution = spec.resolution}).status();
    EXPECT_EQ(width.code(), absl::StatusCode::kInvalidArgument) << spec.architecture;
    EXPECT_THAT(width.message(), HasSubstr("width is 0.123, must be "));
  }
}

}  // namespace
}  // namespace siskin::models
