// Every variant against the layer tables that were counted from the reference implementations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "models/catalog.h"
#include "tests/fakes/shared_data.h"
#include "tests/models/layer_facts.h"

namespace siskin::models {
namespace {

using ::testing::ElementsAreArray;

constexpr char kFolder[] = "networks/layers";

// A table, and the variant and key style it was counted for.
struct Case {
  std::string table;  // the file name's stem
  const ModelSpec* spec = nullptr;
  const Variant* variant = nullptr;
  std::string key_style;
  int classes = 1000;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.table; }

// The tables of TF-slim's grid are in HF's style for V1 (with the background class), and in
// torchvision's for V2.
Case CaseOf(const ModelSpec& spec, const Variant& variant) {
  if (variant.key_style == "timm") return {variant.name + ".timm_224", &spec, &variant, "timm"};
  if (spec.architecture == "mobilenet_v1") {
    return {variant.name + ".hf", &spec, &variant, "hf-google", 1001};
  }
  return {variant.name + ".torchvision", &spec, &variant, "torchvision"};
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const ModelSpec& spec : Catalog()) {
    for (const Variant& variant : spec.variants) {
      if (variant.key_style != "torchvision") cases.push_back(CaseOf(spec, variant));
    }
  }
  return cases;
}

class FactsTest : public ::testing::TestWithParam<Case> {};

TEST_P(FactsTest, GraphEqualsTable) {
  const Case& c = GetParam();
  const std::string stem = std::string(kFolder) + "/" + c.table;
  SISKIN_SKIP_WITHOUT_SHARED(stem + ".layers.tsv");
  const KeyStyle* style = c.spec->FindKeyStyle(c.key_style);
  ASSERT_NE(style, nullptr);

  const absl::StatusOr<ops::Graph> graph =
      c.spec->build({.width = c.variant->width,
                     .resolution = c.variant->resolution,
                     .classes = c.classes,
                     .padding = style->padding,
                     .batch_norm_epsilon = style->batch_norm_epsilon,
                     .channel_rule = style->channel_rule,
                     .head_convolution = c.variant->head_convolution});
  ASSERT_TRUE(graph.ok()) << graph.status();

  const testing::LayerFacts actual = testing::FactsOf(*graph, *style);
  const testing::LayerFacts expected = testing::ReadFacts(siskin::testing::SharedPath(stem));
  EXPECT_GE(expected.layers.size(), 29u);
  EXPECT_THAT(actual.layers, ElementsAreArray(expected.layers));
  EXPECT_EQ(actual.keys, expected.keys);
  EXPECT_EQ(actual.trainable, expected.trainable);
  EXPECT_EQ(actual.multiply_adds, expected.multiply_adds);
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.table;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Published, FactsTest, ::testing::ValuesIn(Cases()), NameOf);

TEST(FactsCoverageTest, EveryTableOfTheFamiliesHasACase) {
  SISKIN_SKIP_WITHOUT_SHARED(kFolder);
  std::set<std::string> tables;
  for (const Case& c : Cases()) tables.insert(c.table);
  int found = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(siskin::testing::SharedPath(kFolder))) {
    const std::string file = entry.path().filename().string();
    const size_t suffix = file.find(".layers.tsv");
    const bool ours = file.starts_with("mobilenet_v1_") || file.starts_with("mobilenet_v2_") ||
                      file.starts_with("mobilenetv1_") || file.starts_with("mobilenetv2_");
    if (!ours || suffix == std::string::npos) continue;
    EXPECT_TRUE(tables.contains(file.substr(0, suffix))) << file;
    ++found;
  }
  EXPECT_EQ(found, static_cast<int>(tables.size()));
}

struct Count {
  std::string architecture;
  BuildOptions options;
  int64_t parameters;
  int64_t multiply_adds;
};

// torchvision prints num_params 3504872 and 0.301 GFLOPs for V2, Keras 4231976 trainable parameters
// for V1; the multiply-adds are sums of the reference layer tables.
TEST(CountsTest, EqualThePublishedOnes) {
  const Count counts[] = {
      {.architecture = "mobilenet_v1",
       .options = {},
       .parameters = 4231976,
       .multiply_adds = 568740352},
      {.architecture = "mobilenet_v2",
       .options = {},
       .parameters = 3504872,
       .multiply_adds = 300774272},
      {.architecture = "mobilenet_v2",
       .options = {.width = 1.4},
       .parameters = 6108776,
       .multiply_adds = 582195824},
  };
  for (const Count& count : counts) {
    const auto graph = FindArchitecture(count.architecture)->build(count.options);
    ASSERT_TRUE(graph.ok()) << graph.status();
    EXPECT_EQ(graph->ParameterCount(), count.parameters) << count.architecture;
    EXPECT_EQ(graph->MultiplyAdds(), count.multiply_adds) << count.architecture;
  }
}

}  // namespace
}  // namespace siskin::models
