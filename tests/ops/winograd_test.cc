#include "ops/winograd.h"

#include <gtest/gtest.h>

#include <string>

#include "ops/bind.h"
#include "ops/net.h"
#include "ops/plan.h"
#include "ops/rewrite.h"
#include "tests/reference/plan_runner.h"
#include "tests/reference/reference_executor.h"

namespace siskin::ops {
namespace {

using siskin::testing::EvaluateAll;
using siskin::testing::PlanRunner;
using siskin::testing::RandomValues;
using siskin::testing::RelativeError;

constexpr double kTolerance = 1e-5;  // float32 sums against double
constexpr int64_t kHuge = int64_t{1} << 40;

Tensor Conv3x3(Net& net, const Tensor& x, std::string_view key, int channels) {
  return net.ConvBn(x, {.key = key,
                        .out_channels = channels,
                        .kernel = 3,
                        .bias = true,
                        .activation = ActivationKind::kRelu});
}

// A network of whole blocks of channels, with a 3x3 that is written into a concatenation and one
// that is not, on an odd and a prime side.
Graph TwoBranches() {
  Net net("two_branches", {});
  const Tensor x = net.ConvBn(net.Input({3, 19, 17}), {.key = "stem", .out_channels = 64});
  const Tensor left = Conv3x3(net, Conv3x3(net, x, "first", 96), "second", 128);
  const Tensor right = net.ConvBn(x, {.key = "right", .out_channels = 32});
  const Tensor pooled = net.GlobalAvgPool(net.Concat({left, right}, "concat"));
  const absl::StatusOr<Graph> graph = net.Finish(pooled);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *Optimize(BindRandom(*graph, 7));
}

std::shared_ptr<const Plan> Compile(const Graph& graph, const PlanOptions& options) {
  const auto plan = Plan::Compile(graph, options, MakePackedWeights());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

int WinogradSteps(const Plan& plan) {
  int count = 0;
  for (const Plan::StepInfo& step : plan.steps()) {
    count += step.implementation.find("wino") != std::string::npos;
  }
  return count;
}

TEST(WinogradTest, EqualsReference) {
  const Graph graph = TwoBranches();
  for (const auto& [batch_size, cache_bytes] :
       {std::pair<int, int64_t>(1, kHuge), {3, 1}, {3, kHuge}}) {
    const auto images = RandomValues(graph.input_shape().elements() * batch_size, 11);
    PlanRunner runner(Compile(graph, {.batch_size = batch_size, .cache_bytes = cache_bytes}));
    const std::vector<float> first = runner.Run(images);
    EXPECT_LT(RelativeError(first, EvaluateAll(graph, images)), kTolerance) << batch_size;
    EXPECT_EQ(runner.Run(images), first) << batch_size;
  }
}

TEST(WinogradTest, IsUsedUnlessSwitchedOff) {
  if (!DetectCpuTraits().avx512 || !OneDnnVersion().starts_with("2.")) {
    GTEST_SKIP() << "needs AVX-512 and oneDNN 2, there is " << OneDnnIsa() << " and "
                 << OneDnnVersion();
  }
  const Graph graph = TwoBranches();
  for (const int batch_size : {1, 8}) {
    const PlanOptions options = {.batch_size = batch_size, .cache_bytes = kHuge};
    EXPECT_EQ(WinogradSteps(*Compile(graph, options)), 2) << batch_size;
    PlanOptions direct = options;
    direct.winograd = false;
    EXPECT_EQ(WinogradSteps(*Compile(graph, direct)), 0) << batch_size;
  }
}

TEST(WinogradTest, NeedsTheBlocksOfAvx512) {
  const PlanOptions options = {.cache_bytes = kHuge, .cpu = CpuTraits{.avx512 = false}};
  EXPECT_EQ(WinogradSteps(*Compile(TwoBranches(), options)), 0);
}

// oneDNN 2.6 would divide by zero.
TEST(WinogradTest, IsNotTriedOnImagesSmallerThanATile) {
  Net net("deep", {});
  const Tensor x = net.Input({512, 1, 2});
  const absl::StatusOr<Graph> graph = net.Finish(Conv3x3(net, x, "conv", 4096));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(WinogradSteps(*Compile(BindRandom(*graph, 7), {.cache_bytes = 1})), 0);
}

TEST(WinogradTest, PaysByShape) {
  constexpr int64_t kCache = 1 << 20;
  constexpr char kLarge[] = "jit_wino_4x3:avx512_core", kSmall[] = "jit_fp32_wino_2x3:avx512_core";
  EXPECT_TRUE(WinogradPays({64, 56, 56}, {192, 56, 56}, kLarge, kCache));
  EXPECT_TRUE(WinogradPays({32, 35, 35}, {32, 35, 35}, kSmall, kCache));
  EXPECT_TRUE(WinogradPays({16, 28, 28}, {16, 28, 28}, kSmall, kCache));
  EXPECT_TRUE(WinogradPays({96, 14, 14}, {208, 14, 14}, kLarge, kCache));
  // Few channels, large images.
  EXPECT_FALSE(WinogradPays({32, 147, 147}, {64, 147, 147}, kLarge, kCache));
  // 13 vectors of output channels.
  EXPECT_FALSE(WinogradPays({96, 14, 14}, {208, 14, 14}, kSmall, kCache));
}

}  // namespace
}  // namespace siskin::ops
