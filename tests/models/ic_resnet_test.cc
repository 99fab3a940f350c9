// IC-ResNet with other patterns than the published ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "models/catalog.h"
#include "models/model_loader.h"
#include "ops/bind.h"
#include "ops/plan.h"
#include "ops/rewrite.h"
#include "tests/fakes/shared_data.h"
#include "tests/models/layer_facts.h"
#include "tests/models/model_files.h"

namespace siskin::models {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr int kBlocks50[] = {3, 4, 6, 3};
constexpr int kPlanes[] = {64, 128, 256, 512};

// The same for every convolution but for its number of channels: `few` channels dilated by rows,
// the rest dense.
std::vector<DilationPattern> Patterns(int few) {
  std::vector<DilationPattern> patterns;
  for (int layer = 0; layer < 4; ++layer) {
    DilationPattern pattern = {{1, kPlanes[layer] - few}};
    if (few > 0) pattern.push_back({{3, 1}, few});
    patterns.insert(patterns.end(), kBlocks50[layer], pattern);
  }
  return patterns;
}

absl::StatusOr<ops::Graph> BuildWith(std::vector<DilationPattern> patterns) {
  return FindArchitecture("ic_resnet50")->Build({.dilation_patterns = std::move(patterns)});
}

TEST(IcResNetTest, WithoutDilationItIsResNet50) {
  constexpr char kTable[] = "networks/layers/resnet50_plain";
  SISKIN_SKIP_WITHOUT_SHARED(std::string(kTable) + ".layers.tsv");
  absl::StatusOr<ops::Graph> graph = BuildWith(Patterns(0));
  ASSERT_TRUE(graph.ok()) << graph.status();
  for (ops::Node& node : graph->nodes) {
    node.name = absl::StrReplaceAll(node.name, {{".conv_list.0", ""}});
  }
  for (ops::Parameter& parameter : graph->parameters) {
    parameter.key = absl::StrReplaceAll(parameter.key, {{".conv_list.0", ""}});
  }
  const auto expected = testing::ReadFacts(siskin::testing::SharedPath(kTable));
  const auto actual = testing::FactsOf(*graph, KeyStyle{}, expected.has_pools);
  EXPECT_THAT(actual.layers, ElementsAreArray(expected.layers));
  EXPECT_EQ(actual.keys, expected.keys);
  EXPECT_EQ(actual.multiply_adds, expected.multiply_adds);
}

TEST(IcResNetTest, PatternsMustFitTheNetwork) {
  std::vector<DilationPattern> patterns = Patterns(3);
  EXPECT_TRUE(BuildWith(patterns).ok());
  ++patterns[3].front().channels;
  EXPECT_THAT(BuildWith(patterns).status().message(),
              HasSubstr("dilation pattern 4 has 129 channels, its convolution has 128"));
  patterns.pop_back();
  EXPECT_THAT(BuildWith(patterns).status().message(), HasSubstr("the network has 16"));
}

// At 96 pixels, the last layers are 3x3: the widest windows are padding but for their centre.
TEST(IcResNetTest, TheWidestDilationsCompile) {
  std::vector<DilationPattern> patterns = Patterns(0);
  for (DilationPattern& pattern : patterns) {
    pattern.front().channels -= 6;
    pattern.push_back({{kMaxDilation, kMaxDilation}, 3});
    pattern.push_back({{1, kMaxDilation}, 1});
    pattern.push_back({{kMaxDilation, 7}, 2});
  }
  const auto graph =
      FindArchitecture("ic_resnet50")->Build({.resolution = 96, .dilation_patterns = patterns});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto optimized = ops::Optimize(ops::BindRandom(*graph, 7));
  ASSERT_TRUE(optimized.ok()) << optimized.status();
  const auto plan = ops::Plan::Compile(*optimized, {}, ops::MakePackedWeights());
  EXPECT_TRUE(plan.ok()) << plan.status();
}

class OwnPatternsTest : public ::testing::Test {
 protected:
  // The file of a network with these patterns.
  static ops::Checkpoint CheckpointOf(const std::vector<DilationPattern>& patterns) {
    const ops::Graph graph = ops::BindRandom(*BuildWith(patterns), 7);
    return siskin::testing::WriteAndOpen(siskin::testing::Store(graph, KeyStyle{}));
  }
};

TEST_F(OwnPatternsTest, LoadTheirFile) {
  const std::vector<DilationPattern> patterns = Patterns(5);
  const ops::Checkpoint checkpoint = CheckpointOf(patterns);
  const auto model =
      LoadModel(checkpoint, {.architecture = "ic_resnet50", .dilation_patterns = patterns});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->graph.Dump(), BuildWith(patterns)->Dump());
  EXPECT_THAT(LoadModel(checkpoint, {.architecture = "ic_resnet50"}).status().message(),
              HasSubstr("conv_list"));
}

TEST_F(OwnPatternsTest, AreRefusedByOtherNetworks) {
  const auto model =
      RandomModel({.architecture = "mobilenet_v1", .dilation_patterns = Patterns(5)}, /*seed=*/7);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(model.status().message(), HasSubstr("mobilenet_v1 has no dilation patterns"));
}

}  // namespace
}  // namespace siskin::models
