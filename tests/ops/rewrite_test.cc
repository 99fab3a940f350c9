#include "ops/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/bind.h"
#include "ops/net.h"
#include "tests/ops/small_networks.h"
#include "tests/reference/reference_executor.h"

namespace siskin::ops {
namespace {

using siskin::testing::Evaluate;
using siskin::testing::RandomValues;
using siskin::testing::RelativeError;
using siskin::testing::SmallResidualNetwork;

// Weights are stored as float32, so a rewrite that recomputes them rounds once more.
constexpr double kTolerance = 1e-6;

template <typename T>
int Count(const Graph& graph) {
  int count = 0;
  for (const Node& node : graph.nodes) count += std::holds_alternative<T>(node.op);
  return count;
}

Graph BoundSmallNetwork() {
  absl::StatusOr<Graph> graph = SmallResidualNetwork();
  EXPECT_TRUE(graph.ok()) << graph.status();
  return BindRandom(*graph, 7);
}

void ExpectSameFunction(const Graph& rewritten, const Graph& original) {
  EXPECT_TRUE(rewritten.Validate().ok()) << rewritten.Validate();
  for (uint64_t seed : {1, 2, 3}) {
    const auto image = RandomValues(original.input_shape().elements(), seed);
    EXPECT_LT(RelativeError(Evaluate(rewritten, image), Evaluate(original, image)), kTolerance);
  }
}

TEST(RewriteTest, FoldBatchNormKeepsTheFunction) {
  const Graph original = BoundSmallNetwork();
  const absl::StatusOr<Graph> folded = FoldBatchNorm(original);
  ASSERT_TRUE(folded.ok()) << folded.status();
  EXPECT_GT(Count<BatchNorm>(original), 0);
  EXPECT_EQ(Count<BatchNorm>(*folded), 0);
  // A weight and a bias a convolution, and the classifier: the four of each batch norm are gone.
  EXPECT_EQ(folded->parameters.size(), size_t{2} * (Count<Convolution>(original) + 1));
  ExpectSameFunction(*folded, original);
}

TEST(RewriteTest, FoldBatchNormNeedsWeights) {
  const absl::StatusOr<Graph> graph = SmallResidualNetwork();
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(FoldBatchNorm(*graph).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RewriteTest, FoldBatchNormHonoursTheConvolutionsBias) {
  Net net("biased", {});
  Tensor x = net.Input({2, 5, 5});
  x = net.ConvBn(x, {.key = "c", .bn_key = "bn", .out_channels = 3, .kernel = 3, .bias = true});
  const absl::StatusOr<Graph> graph = net.Finish(x);
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Graph bound = BindRandom(*graph, 3);
  const absl::StatusOr<Graph> folded = FoldBatchNorm(bound);
  ASSERT_TRUE(folded.ok()) << folded.status();
  ExpectSameFunction(*folded, bound);
}

TEST(RewriteTest, FuseActivationKeepsTheFunction) {
  const absl::StatusOr<Graph> folded = FoldBatchNorm(BoundSmallNetwork());
  ASSERT_TRUE(folded.ok());
  const Graph fused = FuseActivation(*folded);
  EXPECT_GT(Count<Activation>(*folded), 0);
  EXPECT_EQ(Count<Activation>(fused), 0);
  ExpectSameFunction(fused, *folded);
}

TEST(RewriteTest, FuseResidualAddKeepsTheFunction) {
  const absl::StatusOr<Graph> folded = FoldBatchNorm(BoundSmallNetwork());
  ASSERT_TRUE(folded.ok());
  const Graph fused = FuseResidualAdd(*folded);
  EXPECT_EQ(Count<Add>(*folded), 2);
  EXPECT_EQ(Count<Add>(fused), 0);
  ExpectSameFunction(fused, *folded);
}

TEST(RewriteTest, OptimizeLeavesConvolutionsOnly) {
  const Graph original = BoundSmallNetwork();
  const absl::StatusOr<Graph> optimized = Optimize(original);
  ASSERT_TRUE(optimized.ok()) << optimized.status();
  // Input, convolutions, pool, classifier, output.
  EXPECT_EQ(optimized->nodes.size(), static_cast<size_t>(Count<Convolution>(original)) + 4);
  EXPECT_EQ(optimized->MultiplyAdds(), original.MultiplyAdds());
  ExpectSameFunction(*optimized, original);
}

// The sum is made in place of `w`, so nothing may read that once the convolution has run. What only
// one rule keeps apart is told by the structure: the interpreter computes the same either way.
void ExpectSumIsLeftAlone(const absl::StatusOr<Graph>& graph) {
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Graph bound = BindRandom(*graph, 5);
  const Graph fused = FuseResidualAdd(bound);
  EXPECT_EQ(Count<Add>(fused), 1) << fused.Dump();
  ExpectSameFunction(fused, bound);
}

TEST(RewriteTest, ResidualThatIsNeededLaterIsNotFused) {
  Net net("late", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor w = net.ConvBn(x, {.key = "w", .out_channels = 4});
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4});
  Tensor sum = net.Add(w, y, "sum");
  Tensor late = net.ConvBn(w, {.key = "late", .out_channels = 4});
  ExpectSumIsLeftAlone(net.Finish(net.Concat({sum, late}, "concat")));
}

TEST(RewriteTest, ResidualThatIsReadBeforeTheConvolutionIsFused) {
  Net net("early", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor w = net.ConvBn(x, {.key = "w", .out_channels = 4});
  Tensor early = net.ConvBn(w, {.key = "early", .out_channels = 4});
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4});
  Tensor sum = net.Add(w, y, "sum");
  const absl::StatusOr<Graph> graph = net.Finish(net.Concat({sum, early}, "concat"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Graph bound = BindRandom(*graph, 5);
  const Graph fused = FuseResidualAdd(bound);
  EXPECT_EQ(Count<Add>(fused), 0) << fused.Dump();
  ExpectSameFunction(fused, bound);
}

// The view was made before the convolution, but lies in the memory of `w`.
TEST(RewriteTest, ResidualWithAViewIsNotFused) {
  Net net("viewed", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor w = net.ConvBn(x, {.key = "w", .out_channels = 4});
  Tensor view = net.SliceChannels(w, 0, 2, "view");
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4});
  Tensor sum = net.Add(w, y, "sum");
  ExpectSumIsLeftAlone(net.Finish(net.Concat({sum, view}, "concat")));
}

TEST(RewriteTest, ViewIsNoResidual) {
  Net net("view", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor w = net.ConvBn(x, {.key = "w", .out_channels = 8});
  Tensor view = net.SliceChannels(w, 0, 4, "view");
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4});
  Tensor sum = net.Add(view, y, "sum");
  ExpectSumIsLeftAlone(net.Finish(net.Concat({sum, w}, "concat")));
}

// A convolution cannot overwrite what it reads.
TEST(RewriteTest, OperandOfTheConvolutionIsNotItsResidual) {
  Net net("own_input", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor w = net.ConvBn(x, {.key = "w", .out_channels = 4});
  Tensor y = net.ConvBn(w, {.key = "y", .out_channels = 4});
  const absl::StatusOr<Graph> graph = net.Finish(net.Add(w, y, "sum"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Count<Add>(FuseResidualAdd(BindRandom(*graph, 5))), 1);
}

// Two sums on one convolution: only one fits into its post-ops.
TEST(RewriteTest, ConvolutionTakesOneResidual) {
  Net net("twice", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor w = net.ConvBn(x, {.key = "w", .out_channels = 4});
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4});
  Tensor sum = net.Add(w, y, "first");
  const absl::StatusOr<Graph> graph = net.Finish(net.Add(x, sum, "second"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Graph bound = BindRandom(*graph, 5);
  const Graph fused = FuseResidualAdd(bound);
  EXPECT_EQ(Count<Add>(fused), 1);
  ExpectSameFunction(fused, bound);
}

// An activation before the sum must stay before it.
TEST(RewriteTest, ActivationBeforeTheSumIsNotMovedBehindIt) {
  Net net("order", {});
  Tensor x = net.Input({4, 5, 5});
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4, .activation = ActivationKind::kRelu});
  const absl::StatusOr<Graph> graph = net.Finish(net.Add(x, y, "sum"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Graph bound = BindRandom(*graph, 5);
  const absl::StatusOr<Graph> optimized = Optimize(bound);
  ASSERT_TRUE(optimized.ok());
  ExpectSameFunction(*optimized, bound);
}

}  // namespace
}  // namespace siskin::ops
