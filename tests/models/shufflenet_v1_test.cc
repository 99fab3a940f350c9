// The forms and widths of ShuffleNetV1 for which there is no table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "models/catalog.h"
#include "ops/bind.h"
#include "ops/plan.h"
#include "ops/rewrite.h"

namespace siskin::models {
namespace {

ops::Graph GraphOf(const std::string& form, double width, const std::string& key_style) {
  auto graph = FindArchitecture("shufflenet_v1")
                   ->Build({.width = width, .form = form, .key_style = key_style});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

const ops::Node& NodeNamed(const ops::Graph& graph, const std::string& name) {
  for (const ops::Node& node : graph.nodes) {
    if (node.name == name) return node;
  }
  ADD_FAILURE() << "no " << name;
  return graph.nodes[0];
}

TEST(ShuffleNetV1Test, EveryFormHasEveryWidth) {
  const ModelSpec& spec = *FindArchitecture("shufflenet_v1");
  for (const char* form : {"g1", "g2", "g3", "g4", "g8"}) {
    for (double width : spec.PublishedWidths()) {
      SCOPED_TRACE(::testing::Message() << form << " " << width);
      const auto optimized = ops::Optimize(ops::BindRandom(GraphOf(form, width, "megvii"), 7));
      ASSERT_TRUE(optimized.ok()) << optimized.status();
      const auto plan = ops::Plan::Compile(*optimized, {}, ops::MakePackedWeights());
      EXPECT_TRUE(plan.ok()) << plan.status();
    }
  }
}

TEST(ShuffleNetV1Test, TheUsualFormHasThreeGroups) {
  EXPECT_EQ(GraphOf("", 1.0, "megvii").Dump(), GraphOf("g3", 1.0, "megvii").Dump());
  EXPECT_NE(GraphOf("", 1.0, "megvii").Dump(), GraphOf("g4", 1.0, "megvii").Dump());
}

// A quarter of 68 channels is 17, which four groups do not divide.
TEST(ShuffleNetV1Test, ChannelsAreMultiplesOfTheGroups) {
  const ops::Graph graph = GraphOf("g4", 0.25, "megvii");
  EXPECT_EQ(NodeNamed(graph, "first_conv.0").shape.channels, 8);
  EXPECT_EQ(NodeNamed(graph, "features.3.branch_main_1.0").shape.channels, 16);
  EXPECT_EQ(NodeNamed(graph, "features.3.branch_main_2.0").shape.channels, 68);
}

}  // namespace
}  // namespace siskin::models
