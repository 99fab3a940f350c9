// Every variant against the layer tables that were counted from the reference implementations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/catalog.h"
#include "tests/fakes/shared_data.h"
#include "tests/models/layer_facts.h"

namespace siskin::models {
namespace {

using ::testing::ElementsAreArray;

constexpr char kFolder[] = "networks/layers";

// A table, and the network it was counted for.
struct Case {
  std::string table;  // the file name's stem
  std::string architecture, key_style;
  double width = 1.0;
  std::string form = "";
  int resolution = 224;
  int classes = 1000;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.table; }

// TF-slim's grid, in HF's style for V1 (with the background class) and in torchvision's for V2.
std::vector<Case> SlimCases() {
  std::vector<Case> cases;
  for (const auto& [architecture, style, suffix, classes] :
       {std::tuple("mobilenet_v1", "hf-google", ".hf", 1001),
        {"mobilenet_v2", "torchvision", ".torchvision", 1000}}) {
    for (const Variant& variant : FindArchitecture(architecture)->variants) {
      if (variant.key_style != "hf-google") continue;
      cases.push_back({variant.name + suffix, architecture, style, variant.width, "",
                       variant.resolution, classes});
    }
  }
  return cases;
}

// megvii's sizes of ShuffleNetV1.
std::vector<Case> ShuffleNetV1Cases() {
  std::vector<Case> cases;
  for (const char* form : {"g1", "g2", "g3", "g4", "g8"}) {
    for (const char* width : {"0.5", "1.0", "1.5", "2.0"}) {
      const bool has_sizes = form == std::string("g3") || form == std::string("g8");
      if (!has_sizes && width != std::string("1.0")) continue;
      cases.push_back({absl::StrCat("shufflenetv1_", form, "_", width, "x.megvii"), "shufflenet_v1",
                       "megvii", std::stod(width), form});
    }
  }
  return cases;
}

std::vector<Case> Cases() {
  std::vector<Case> cases = {
      {"googlenet.torchvision", "googlenet", "torchvision"},
      {"bninception.cadene", "bn_inception", "cadene"},
      {"inception_v3.torchvision", "inception_v3", "torchvision", 1.0, "", 299},
      {"inception_v4_1000", "inception_v4", "timm", 1.0, "", 299},
      {"inception_v4_1001", "inception_v4", "cadene", 1.0, "", 299, 1001},
      {"inception_resnet_v2_1000_classif", "inception_resnet_v2", "timm", 1.0, "", 299},
      {"inception_resnet_v2_1001_last_linear", "inception_resnet_v2", "cadene", 1.0, "", 299, 1001},
      {"xception.timm_cadene", "xception", "timm", 1.0, "", 299},
      {"mobilenetv1_100.timm_224", "mobilenet_v1", "timm"},
      {"mobilenetv1_100h.timm_224", "mobilenet_v1", "timm", 1.0, "h"},
      {"mobilenetv1_125.timm_224", "mobilenet_v1", "timm", 1.25},
      {"mobilenetv2_050.timm_224", "mobilenet_v2", "timm", 0.5},
      {"mobilenetv2_100.timm_224", "mobilenet_v2", "timm"},
      {"mobilenetv2_140.timm_224", "mobilenet_v2", "timm", 1.4},
      {"blazeface_front.hollance", "blazeface_front", "hollance", 1.0, "", 128},
      {"blazeface_back.hollance", "blazeface_back", "hollance", 1.0, "", 256},
      {"mobilenet_v3_large_0.75_224.torchvision", "mobilenet_v3_large", "torchvision", 0.75},
      {"mobilenet_v3_large_1.0_224.torchvision", "mobilenet_v3_large", "torchvision"},
      {"mobilenet_v3_small_0.75_224.torchvision", "mobilenet_v3_small", "torchvision", 0.75},
      {"mobilenet_v3_small_1.0_224.torchvision", "mobilenet_v3_small", "torchvision"},
      {"mobilenetv3_large_100.timm_224", "mobilenet_v3_large", "timm"},
      {"mobilenetv3_small_050.timm_224", "mobilenet_v3_small", "timm", 0.5},
      {"mobilenetv3_small_075.timm_224", "mobilenet_v3_small", "timm", 0.75},
      {"mobilenetv3_small_100.timm_224", "mobilenet_v3_small", "timm"},
      {"tf_mobilenetv3_large_075.timm_224", "mobilenet_v3_large", "timm-tf", 0.75},
      {"tf_mobilenetv3_large_100.timm_224", "mobilenet_v3_large", "timm-tf"},
      {"tf_mobilenetv3_large_minimal_100.timm_224", "mobilenet_v3_large", "timm-tf", 1.0,
       "minimalistic"},
      {"tf_mobilenetv3_small_075.timm_224", "mobilenet_v3_small", "timm-tf", 0.75},
      {"tf_mobilenetv3_small_100.timm_224", "mobilenet_v3_small", "timm-tf"},
      {"tf_mobilenetv3_small_minimal_100.timm_224", "mobilenet_v3_small", "timm-tf", 1.0,
       "minimalistic"},
      {"mobilenext_0.35_n960x3", "mobilenext", "zhoudaquan", 0.35},
      {"mobilenext_0.5_n960x3", "mobilenext", "zhoudaquan", 0.5},
      {"mobilenext_0.75_n960x3", "mobilenext", "zhoudaquan", 0.75},
      {"mobilenext_1.0_n960x2", "mobilenext", "zhoudaquan", 1.0, "paper"},
      {"mobilenext_1.0_n960x3", "mobilenext", "zhoudaquan"},
      {"mobilenext_1.4_n960x3", "mobilenext", "zhoudaquan", 1.4},
      {"shufflenet_v2_x0.5.torchvision", "shufflenet_v2", "torchvision", 0.5},
      {"shufflenet_v2_x1.0.torchvision", "shufflenet_v2", "torchvision", 1.0},
      {"shufflenet_v2_x1.5.torchvision", "shufflenet_v2", "torchvision", 1.5},
      {"shufflenet_v2_x2.0.torchvision", "shufflenet_v2", "torchvision", 2.0},
      {"shufflenetv2_x0.5.megvii", "shufflenet_v2", "megvii", 0.5},
      {"shufflenetv2_x1.0.megvii", "shufflenet_v2", "megvii", 1.0},
      {"shufflenetv2_x1.5.megvii", "shufflenet_v2", "megvii", 1.5},
      {"shufflenetv2_x2.0.megvii", "shufflenet_v2", "megvii", 2.0},
      {"ic_resnet50", "ic_resnet50", "yifan123"},
      {"ic_resnet50_seg", "ic_resnet50", "yifan123", 1.0, "seg"},
      {"ic_resnet50_pose", "ic_resnet50", "yifan123", 1.0, "pose"},
      {"ic_resnet101", "ic_resnet101", "yifan123"},
  };
  for (Case& c : SlimCases()) cases.push_back(std::move(c));
  for (Case& c : ShuffleNetV1Cases()) cases.push_back(std::move(c));
  return cases;
}

class FactsTest : public ::testing::TestWithParam<Case> {};

TEST_P(FactsTest, GraphEqualsTable) {
  const Case& c = GetParam();
  const std::string stem = std::string(kFolder) + "/" + c.table;
  SISKIN_SKIP_WITHOUT_SHARED(stem + ".layers.tsv");
  const ModelSpec* spec = FindArchitecture(c.architecture);
  ASSERT_NE(spec, nullptr);
  const KeyStyle* style = spec->FindKeyStyle(c.key_style);
  ASSERT_NE(style, nullptr);
  BuildOptions options = OptionsOf(*spec, *style);
  options.width = c.width;
  options.resolution = c.resolution;
  options.classes = c.classes;
  options.form = c.form;
  const absl::StatusOr<ops::Graph> graph = spec->Build(options);
  ASSERT_TRUE(graph.ok()) << graph.status();

  const testing::LayerFacts expected = testing::ReadFacts(siskin::testing::SharedPath(stem));
  const testing::LayerFacts actual = testing::FactsOf(*graph, *style, expected.has_pools);
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

// Tables of networks, or parts of them, that are not served.
const std::set<std::string> kNotServed = {
    "blazeface_paper_backbone",  // no weights are published
    // Inference needs no auxiliary classifiers; AuxiliaryTest loads files that have them.
    "googlenet_aux.torchvision", "inception_v3_aux.torchvision",
    "resnet50_plain",  // in ic_resnet_test.cc
};

TEST(FactsCoverageTest, EveryTableHasACase) {
  SISKIN_SKIP_WITHOUT_SHARED(kFolder);
  std::set<std::string> tables = kNotServed;
  for (const Case& c : Cases()) tables.insert(c.table);
  size_t found = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(siskin::testing::SharedPath(kFolder))) {
    const std::string file = entry.path().filename().string();
    const size_t suffix = file.find(".layers.tsv");
    if (suffix == std::string::npos) continue;
    EXPECT_TRUE(tables.contains(file.substr(0, suffix))) << file;
    ++found;
  }
  EXPECT_EQ(found, tables.size());
}

struct Count {
  std::string architecture;
  BuildOptions options;
  int64_t parameters;
  int64_t multiply_adds;
};

// torchvision prints num_params of its networks and 0.301 GFLOPs for MobileNetV2, Keras 4231976
// trainable parameters for V1; the multiply-adds are sums of the reference layer tables and, for
// EfficientNet, over the convolutions and linear layers of torchvision's.
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
      {.architecture = "mobilenet_v3_large",
       .options = {},
       .parameters = 5483032,
       .multiply_adds = 216589760},
      {.architecture = "mobilenet_v3_small",
       .options = {},
       .parameters = 2542856,
       .multiply_adds = 56510400},
      {.architecture = "efficientnet_b0",
       .options = {},
       .parameters = 5288548,
       .multiply_adds = 385814752},
  };
  for (const Count& count : counts) {
    const auto graph = FindArchitecture(count.architecture)->Build(count.options);
    ASSERT_TRUE(graph.ok()) << graph.status();
    EXPECT_EQ(graph->ParameterCount(), count.parameters) << count.architecture;
    EXPECT_EQ(graph->MultiplyAdds(), count.multiply_adds) << count.architecture;
  }
}

}  // namespace
}  // namespace siskin::models
