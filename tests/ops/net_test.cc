#include "ops/net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ops/small_networks.h"

namespace siskin::ops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(NetTest, DumpIsCanonical) {
  Net net("tiny", {.padding = PaddingRule::kTfSame, .batch_norm_epsilon = 1e-3});
  Tensor x = net.Input({3, 8, 6});
  x = net.ConvBn(x, {.key = "conv",
                     .bn_key = "bn",
                     .out_channels = 4,
                     .kernel = 3,
                     .stride = 2,
                     .activation = ActivationKind::kRelu6});
  {
    Net::Scope scope(net, "block");
    Tensor y = net.DepthwiseConvBn(x, {.key = "dw", .kernel = 3, .bias = true});
    x = net.Add(x, y, "add");
  }
  x = net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = 2});
  const absl::StatusOr<Graph> graph = net.Finish(x);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->Dump(),
            "graph tiny\n"
            "%0 input: input -> 3x8x6\n"
            "%1 conv: %0 conv k3x3 s2 d1 g1 pad 0,1/0,1 weight=conv.weight -> 4x4x3\n"
            "%2 bn: %1 batch_norm eps=0.001 gamma=bn.weight -> 4x4x3\n"
            "%3 conv.act: %2 act relu6 -> 4x4x3\n"
            "%4 block.dw: %3 conv k3x3 s1 d1 g4 pad 1,1/1,1 weight=block.dw.weight "
            "bias=block.dw.bias -> 4x4x3\n"
            "%5 block.add: %3 %4 add -> 4x4x3\n"
            "%6 global_avgpool: %5 global_avg_pool -> 4x1x1\n"
            "%7 fc: %6 linear weight=fc.weight bias=fc.bias -> 2x1x1\n"
            "%8 output: %7 output -> 2x1x1\n");
  EXPECT_EQ(graph->MultiplyAdds(), 4 * 12 * 27 + 4 * 12 * 9 + 2 * 4);
  EXPECT_EQ(graph->ParameterCount(), 108 + 8 + 36 + 4 + 8 + 2);
  EXPECT_THAT(graph->Consumers(3), ElementsAre(4, 5));
  EXPECT_FALSE(graph->IsBound());
}

// {input extent, kernel, stride, dilation, rule, output extent, before, after}
struct PaddingCase {
  int in, kernel, stride, dilation;
  PaddingRule rule;
  int out, before, after;
};

class PaddingTest : public ::testing::TestWithParam<PaddingCase> {};

TEST_P(PaddingTest, MatchesTheFrameworks) {
  const PaddingCase& c = GetParam();
  Net net("padding", {.padding = c.rule});
  Tensor x = net.Input({1, c.in, c.in});
  x = net.ConvBn(x, {.key = "conv",
                     .out_channels = 1,
                     .kernel = c.kernel,
                     .stride = c.stride,
                     .dilation = c.dilation});
  const absl::StatusOr<Graph> graph = net.Finish(x);
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto& conv = std::get<Convolution>(graph->nodes[1].op);
  EXPECT_EQ(graph->nodes[1].shape, (Shape{1, c.out, c.out}));
  EXPECT_EQ(conv.padding, (Padding{c.before, c.after, c.before, c.after}));
}

INSTANTIATE_TEST_SUITE_P(
    Rules, PaddingTest,
    ::testing::Values(PaddingCase{224, 3, 2, 1, PaddingRule::kTfSame, 112, 0, 1},
                      PaddingCase{225, 3, 2, 1, PaddingRule::kTfSame, 113, 1, 1},
                      PaddingCase{224, 5, 2, 1, PaddingRule::kTfSame, 112, 1, 2},
                      PaddingCase{224, 7, 2, 1, PaddingRule::kTfSame, 112, 2, 3},
                      PaddingCase{7, 3, 1, 2, PaddingRule::kTfSame, 7, 2, 2},
                      PaddingCase{5, 1, 2, 1, PaddingRule::kTfSame, 3, 0, 0},
                      PaddingCase{224, 3, 2, 1, PaddingRule::kSymmetric, 112, 1, 1},
                      PaddingCase{7, 5, 2, 1, PaddingRule::kSymmetric, 4, 2, 2},
                      PaddingCase{9, 3, 1, 3, PaddingRule::kSymmetric, 9, 3, 3}));

TEST(NetTest, FirstErrorSticks) {
  Net net("bad", {});
  Tensor x = net.Input({3, 8, 8});
  Tensor y = net.ConvBn(x, {.key = "wrong", .out_channels = 0});
  y = net.ConvBn(y, {.key = "later", .out_channels = 4});
  const absl::StatusOr<Graph> graph = net.Finish(net.GlobalAvgPool(y));
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("network bad: wrong: "));
}

TEST(NetTest, RefusesWhatCannotBeBuilt) {
  const auto build = [](auto verb) {
    Net net("bad", {});
    return net.Finish(verb(net, net.Input({6, 4, 4}))).status();
  };
  const auto message = [&](auto verb) { return std::string(build(verb).message()); };
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.ConvBn(x, {.key = "c", .out_channels = 4, .groups = 4});
              }),
              HasSubstr("6 channels do not divide into 4 groups"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.ConvBn(net.ConvBn(x, {.key = "c", .out_channels = 4}),
                                  {.key = "c", .out_channels = 4});
              }),
              HasSubstr("declared twice"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.Add(x, net.ConvBn(x, {.key = "c", .out_channels = 4}), "sum");
              }),
              HasSubstr("adds 6x4x4 to 4x4x4"));
  EXPECT_THAT(
      message([](Net& net, Tensor x) { return net.Linear(x, {.key = "fc", .out_features = 2}); }),
      HasSubstr("operand must be Cx1x1"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.Linear(net.GlobalAvgPool(x), {.key = "fc", .out_features = 0});
              }),
              HasSubstr("out_features must be positive"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.Add(x, net.Input({6, 4, 4}), "sum");
              }),
              HasSubstr("must be the first verb"));
  EXPECT_THAT(message([](Net& net, Tensor x) { return net.Act(x, ActivationKind::kNone, "act"); }),
              HasSubstr("act: needs a kind"));
}

TEST(GraphTest, ValidateCatchesBrokenGraphs) {
  const absl::StatusOr<Graph> good = siskin::testing::SmallResidualNetwork();
  ASSERT_TRUE(good.ok()) << good.status();
  Graph graph = *good;
  graph.nodes[1].inputs[0] = 5;
  EXPECT_THAT(graph.Validate().ToString(), HasSubstr("not computed yet"));
  graph = *good;
  graph.nodes[1].shape.width += 1;
  EXPECT_THAT(graph.Validate().ToString(), HasSubstr("shape must be"));
  graph = *good;
  graph.parameters[0].shape[1] = 4;
  EXPECT_THAT(graph.Validate().ToString(), HasSubstr("stem.weight must be [7, 3, 3, 3]"));
  graph = *good;
  graph.parameters[0].data = TensorData(std::vector<float>(3));
  EXPECT_THAT(graph.Validate().ToString(), HasSubstr("has 3 values, needs 189"));
  graph = *good;
  graph.nodes.pop_back();
  EXPECT_THAT(graph.Validate().ToString(), HasSubstr("one output"));
}

}  // namespace
}  // namespace siskin::ops
