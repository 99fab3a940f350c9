// Every verb, compiled, against the naive interpreter: odd and prime shapes, between convolutions
// and alone, image by image and batch by batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "ops/bind.h"
#include "ops/layout_policy.h"
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
using ::testing::HasSubstr;

constexpr double kTolerance = 1e-5;  // float32 sums against double
constexpr int64_t kHuge = int64_t{1} << 40;

// A convolution with all that a layer of a network has.
Tensor Conv(Net& net, const Tensor& x, const char* key, ConvSpec spec) {
  const std::string norm = std::string(key) + "_bn";
  spec.key = key;
  spec.bn_key = norm;
  return net.ConvBn(x, spec);
}

struct VerbCase {
  std::string name;
  Shape input;
  std::function<Tensor(Net&, Tensor)> build;
};

std::ostream& operator<<(std::ostream& out, const VerbCase& c) { return out << c.name; }

Tensor ConcatOfBranches(Net& net, const Tensor& x, std::vector<int> channels) {
  std::vector<Tensor> parts;
  for (size_t i = 0; i < channels.size(); ++i) {
    Net::Scope scope(net, "branch" + std::to_string(i));
    parts.push_back(Conv(net, x, "conv",
                         {.out_channels = channels[i],
                          .kernel = i % 2 == 0 ? 1 : 3,
                          .activation = ActivationKind::kRelu}));
  }
  parts.push_back(net.MaxPool(x, {.kernel = 3, .padding = 1}, "pool"));
  return net.Concat(parts, "concat");
}

Tensor SqueezeExcite(Net& net, const Tensor& x, int squeezed, ActivationKind gate) {
  Net::Scope scope(net, "se");
  Tensor y = net.GlobalAvgPool(x, "pool");
  y = net.ConvBn(
      y,
      {.key = "fc1", .out_channels = squeezed, .bias = true, .activation = ActivationKind::kRelu});
  y = net.ConvBn(
      y, {.key = "fc2", .out_channels = x.shape.channels, .bias = true, .activation = gate});
  return net.Multiply(x, y, "scale");
}

std::vector<VerbCase> Cases() {
  std::vector<VerbCase> cases;
  const auto add = [&cases](std::string name, Shape input, auto build) {
    cases.push_back({std::move(name), input, build});
  };
  for (const auto& [label, kernel] : {std::pair("1x7", Size2d(1, 7)),
                                      {"7x1", Size2d(7, 1)},
                                      {"3x1", Size2d(3, 1)},
                                      {"5x2", Size2d(5, 2)}}) {
    add(std::string("AsymmetricKernel_") + label, {5, 13, 11},
        [kernel = kernel](Net& net, Tensor x) {
          return Conv(net, x, "conv", {.out_channels = 19, .kernel = kernel});
        });
  }
  add("ValidConvolution", {3, 17, 19}, [](Net& net, Tensor x) {
    return Conv(net, x, "conv",
                {.out_channels = 16, .kernel = 3, .stride = 2, .padding = kNoPadding});
  });
  add("UnevenPadding", {3, 16, 14}, [](Net& net, Tensor x) {
    return Conv(net, x, "conv",
                {.out_channels = 24, .kernel = 5, .stride = 2, .padding = Padding{1, 2, 1, 2}});
  });
  for (const Size2d dilation : {Size2d(2), Size2d(1, 4), Size2d(3, 1)}) {
    add("Dilated_" + dilation.ToString(), {8, 17, 13}, [dilation](Net& net, Tensor x) {
      return Conv(net, x, "conv", {.out_channels = 5, .kernel = 3, .dilation = dilation});
    });
  }
  for (const auto& [groups, per_group] : {std::pair(3, 20), {8, 12}, {4, 34}, {2, 7}}) {
    add("Grouped_" + std::to_string(groups) + "x" + std::to_string(per_group),
        {groups * per_group, 7, 5}, [groups = groups, per_group = per_group](Net& net, Tensor x) {
          return Conv(net, x, "conv", {.out_channels = groups * (per_group + 1), .groups = groups});
        });
  }
  for (const int channels : {7, 28, 58, 728}) {
    add("Depthwise5x5_" + std::to_string(channels), {channels, 9, 7}, [](Net& net, Tensor x) {
      return net.DepthwiseConvBn(x, {.key = "dw", .bn_key = "bn", .kernel = 5, .stride = 2});
    });
  }
  const std::pair<const char*, ActivationKind> activations[] = {
      {"Relu", ActivationKind::kRelu},           {"Relu6", ActivationKind::kRelu6},
      {"HardSwish", ActivationKind::kHardSwish}, {"HardSigmoid", ActivationKind::kHardSigmoid},
      {"Swish", ActivationKind::kSwish},         {"Sigmoid", ActivationKind::kSigmoid}};
  for (const auto& [label, kind] : activations) {
    add(std::string(label) + "_fused", {3, 9, 7}, [kind = kind](Net& net, Tensor x) {
      return Conv(net, x, "conv", {.out_channels = 20, .kernel = 3, .activation = kind});
    });
    add(std::string(label) + "_alone", {7, 9, 7}, [kind = kind](Net& net, Tensor x) {
      return net.Act(net.Scale(x, 5.0, "scale"), kind, "act");
    });
    add(std::string(label) + "_linear", {11, 1, 1}, [kind = kind](Net& net, Tensor x) {
      return net.Linear(x, {.key = "fc", .out_features = 13, .activation = kind});
    });
  }
  for (const int channels : {5, 16, 24}) {
    const std::string suffix = "_" + std::to_string(channels);
    const Shape shape = {channels, 11, 14};
    add("MaxPool" + suffix, shape, [](Net& net, Tensor x) {
      return net.MaxPool(x, {.kernel = 3, .stride = 2, .padding = 1}, "pool");
    });
    add("MaxPoolCeil" + suffix, shape, [](Net& net, Tensor x) {
      return net.MaxPool(x, {.kernel = 3, .stride = 2, .ceil_mode = true}, "pool");
    });
    add("AvgPool" + suffix, shape,
        [](Net& net, Tensor x) { return net.AvgPool(x, {.kernel = 3, .padding = 1}, "pool"); });
    add("AvgPoolStrided" + suffix, shape, [](Net& net, Tensor x) {
      return net.AvgPool(x, {.kernel = 3, .stride = 2, .padding = 1}, "pool");
    });
    add("AvgPoolExcludingPadding" + suffix, shape, [](Net& net, Tensor x) {
      return net.AvgPoolExcludingPadding(x, {.kernel = 3, .padding = 1}, "pool");
    });
    add("PadChannels" + suffix, shape, [](Net& net, Tensor x) {
      const Tensor padded = net.PadChannels(x, x.shape.channels + 6, "pad");
      const Tensor y = Conv(net, x, "conv", {.out_channels = padded.shape.channels, .kernel = 3});
      return net.Act(net.Add(y, padded, "add"), ActivationKind::kRelu, "relu");
    });
    add("Flatten" + suffix, shape, [](Net& net, Tensor x) { return net.Flatten(x, "flatten"); });
    add("SqueezeExcite" + suffix, shape, [](Net& net, Tensor x) {
      const Tensor y = Conv(net, x, "conv", {.out_channels = x.shape.channels, .kernel = 3});
      return SqueezeExcite(net, y, 3, ActivationKind::kHardSigmoid);
    });
    add("MultiplyOfEqualShapes" + suffix, shape, [](Net& net, Tensor x) {
      return net.Multiply(x, Conv(net, x, "conv", {.out_channels = x.shape.channels}), "mul");
    });
  }
  add("ConcatUneven", {7, 9, 5}, [](Net& net, Tensor x) {
    return ConcatOfBranches(net, x, {58, 3, 17});
  });
  add("ConcatOfBlocks", {16, 9, 5}, [](Net& net, Tensor x) {
    return ConcatOfBranches(net, x, {64, 32, 16});
  });
  add("ConcatThenConvolution", {32, 9, 7}, [](Net& net, Tensor x) {
    const Tensor y = ConcatOfBranches(net, x, {48, 16});
    return Conv(net, y, "after", {.out_channels = 24, .kernel = 3});
  });
  add("ConcatOfTheSameTwice", {6, 5, 7}, [](Net& net, Tensor x) {
    const Tensor y = Conv(net, x, "conv", {.out_channels = 6});
    return net.Concat({y, x, y}, "concat");
  });
  add("NormAndActivationBehindConcat", {8, 9, 7}, [](Net& net, Tensor x) {
    const Tensor a = net.ConvBn(x, {.key = "a", .out_channels = 5, .kernel = 3});
    const Tensor b =
        net.ConvBn(x, {.key = "b", .out_channels = 11, .kernel = 3, .dilation = {1, 3}});
    return net.Act(net.BatchNorm(net.Concat({a, b}, "concat"), "bn"), ActivationKind::kRelu,
                   "relu");
  });
  for (const int channels : {116, 32, 10}) {
    add("SplitShuffle_" + std::to_string(channels), {channels, 7, 5}, [](Net& net, Tensor x) {
      const int half = x.shape.channels / 2;
      const Tensor y = Conv(net, x, "before", {.out_channels = x.shape.channels});
      const Tensor left = net.SliceChannels(y, 0, half, "left");
      const Tensor right = net.SliceChannels(y, half, half, "right");
      const Tensor branch = Conv(net, right, "conv", {.out_channels = half, .kernel = 3});
      return net.ChannelShuffle(net.Concat({left, branch}, "concat"), 2, "shuffle");
    });
  }
  for (const int groups : {3, 10}) {
    add("ChannelShuffle_" + std::to_string(groups), {30, 7, 5}, [groups](Net& net, Tensor x) {
      return net.ChannelShuffle(Conv(net, x, "conv", {.out_channels = 60}), groups, "shuffle");
    });
  }
  add("SliceOfSlice", {24, 5, 7}, [](Net& net, Tensor x) {
    const Tensor y = Conv(net, x, "conv", {.out_channels = 24});
    const Tensor inner = net.SliceChannels(net.SliceChannels(y, 5, 13, "outer"), 2, 7, "inner");
    return net.Act(inner, ActivationKind::kRelu, "relu");
  });
  add("ResidualOfASlice", {16, 5, 7}, [](Net& net, Tensor x) {
    const Tensor y = Conv(net, x, "conv", {.out_channels = 16});
    const Tensor slice = net.SliceChannels(y, 0, 8, "slice");
    const Tensor sum = net.Add(slice, Conv(net, slice, "again", {.out_channels = 8}), "add");
    return net.Concat({sum, y}, "concat");  // y is still needed as it was
  });
  add("ScaledResidual", {16, 7, 9}, [](Net& net, Tensor x) {
    Tensor y = Conv(net, x, "inner", {.out_channels = 5});
    y = net.ConvBn(y, {.key = "conv", .out_channels = 16, .bias = true});
    const Tensor sum = net.Add(x, net.Scale(y, 0.17, "scale"), "add");
    return net.Act(sum, ActivationKind::kRelu, "relu");
  });
  add("PreActivation", {8, 9, 7}, [](Net& net, Tensor x) {
    const Tensor y = Conv(net, x, "conv", {.out_channels = 8});  // read raw by the shortcut
    const Tensor z = net.Act(y, ActivationKind::kRelu, "relu");
    return net.Add(y, net.DepthwiseConvBn(z, {.key = "dw", .kernel = 3}), "add");
  });
  return cases;
}

class VerbTest : public ::testing::TestWithParam<VerbCase> {
 protected:
  void SetUp() override {
    Net net("verb", {});
    const Tensor x = net.Input(GetParam().input);
    absl::StatusOr<Graph> graph = net.Finish(GetParam().build(net, x));
    ASSERT_TRUE(graph.ok()) << graph.status();
    original_ = BindRandom(*graph, 7);
    absl::StatusOr<Graph> optimized = Optimize(original_);
    ASSERT_TRUE(optimized.ok()) << optimized.status();
    ASSERT_TRUE(optimized->Validate().ok()) << optimized->Validate();
    optimized_ = *std::move(optimized);
  }

  Graph original_, optimized_;
};

// The CPUs whose plans this one has the kernels for.
std::vector<CpuTraits> CpusThatRunHere() {
  std::vector<CpuTraits> cpus = {{.avx512 = false}};
  if (DetectCpuTraits().avx512) {
    cpus.push_back({.avx512 = true, .splits_512_bit_vectors = false});
    cpus.push_back({.avx512 = true, .splits_512_bit_vectors = true});
  }
  return cpus;
}

TEST_P(VerbTest, CompiledEqualsReference) {
  for (const auto& [batch_size, cache_bytes] :
       {std::pair<int, int64_t>(1, 0), {1, 1}, {3, 1}, {3, kHuge}, {4, 20000}}) {
    const auto images = RandomValues(original_.input_shape().elements() * batch_size, 11);
    const auto expected = EvaluateAll(original_, images);
    for (const CpuTraits& cpu : CpusThatRunHere()) {
      SCOPED_TRACE(::testing::Message()
                   << "batch " << batch_size << ", cache " << cache_bytes << ", AVX-512 "
                   << cpu.avx512 << ", splits " << cpu.splits_512_bit_vectors);
      const PlanOptions options = {
          .batch_size = batch_size, .cache_bytes = cache_bytes, .cpu = cpu};
      const auto plan = Plan::Compile(optimized_, options, MakePackedWeights());
      ASSERT_TRUE(plan.ok()) << plan.status();
      PlanRunner runner(*plan);
      EXPECT_LT(RelativeError(runner.Run(images), expected), kTolerance);
      EXPECT_LT(RelativeError(runner.Run(images), expected), kTolerance) << "second run";
    }
  }
}

TEST_P(VerbTest, RewrittenEqualsOriginal) {
  const auto image = RandomValues(original_.input_shape().elements(), 3);
  EXPECT_LT(RelativeError(EvaluateAll(optimized_, image), EvaluateAll(original_, image)), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Verbs, VerbTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

// --- what the rewrites leave

template <typename T>
int Count(const Graph& graph) {
  int count = 0;
  for (const Node& node : graph.nodes) count += std::holds_alternative<T>(node.op);
  return count;
}

Graph Optimized(const std::string& name) {
  for (const VerbCase& c : Cases()) {
    if (c.name != name) continue;
    Net net("verb", {});
    const Tensor x = net.Input(c.input);
    return *Optimize(BindRandom(*net.Finish(c.build(net, x)), 7));
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(VerbRewriteTest, NothingIsLeftBehindConvolutions) {
  const Graph concat = Optimized("NormAndActivationBehindConcat");
  EXPECT_EQ(Count<BatchNorm>(concat), 0);
  EXPECT_EQ(Count<Activation>(concat), 0);
  const Graph residual = Optimized("ScaledResidual");
  EXPECT_EQ(Count<Scale>(residual), 0);
  EXPECT_EQ(Count<Add>(residual), 0);
  EXPECT_EQ(Count<Activation>(residual), 0);
  EXPECT_EQ(Count<Activation>(Optimized("HardSwish_linear")), 0);
}

int Reorders(const Graph& graph) {
  const auto plan = Plan::Compile(graph, {}, MakePackedWeights());
  EXPECT_TRUE(plan.ok()) << plan.status();
  int count = 0;
  for (const Plan::StepInfo& step : (*plan)->steps()) count += step.name.starts_with("reorder");
  return count;
}

TEST(VerbPlanTest, BranchesOfBlocksAreWrittenInPlace) {
  if (!DetectCpuTraits().avx512) {
    GTEST_SKIP() << "needs AVX-512, this machine has " << OneDnnIsa();
  }
  // One reorder makes the input blocked, one makes the output plain.
  EXPECT_LE(Reorders(Optimized("ConcatOfBlocks")), 2);
}

// BlazeFace ends so: its layers keep the layouts that suit them.
TEST(VerbPlanTest, AConcatOfVectorsBlocksNoNetwork) {
  Net net("heads", {});
  const Tensor x = net.Input({3, 16, 16});
  const Tensor y = Conv(net, x, "conv", {.out_channels = 24});
  const Tensor a = net.Flatten(Conv(net, y, "a", {.out_channels = 2}), "flat_a");
  const Tensor b = net.Flatten(Conv(net, y, "b", {.out_channels = 6}), "flat_b");
  const absl::StatusOr<Graph> graph = net.Finish(net.Concat({a, b}, "concat"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const LayoutPolicy layouts(*graph, kHuge, {.avx512 = true});
  EXPECT_EQ(layouts.ForConvolution(y.id - 1), std::nullopt);  // before its batch norm
  EXPECT_EQ(layouts.ForConcat(graph->nodes.back().inputs[0]), dnnl::memory::format_tag::nhwc);
}

TEST(VerbPlanTest, FeaturesAreThePooledVector) {
  Net net("features", {});
  const Tensor x = net.Input({3, 9, 7});
  Tensor y = Conv(net, x, "conv", {.out_channels = 21, .kernel = 3});
  y = SqueezeExcite(net, y, 5, ActivationKind::kSigmoid);
  const Tensor pooled = net.GlobalAvgPool(y);
  const absl::StatusOr<Graph> graph = net.Finish(
      net.Linear(net.Act(pooled, ActivationKind::kRelu, "act"), {.key = "fc", .out_features = 4}));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<Graph> optimized = Optimize(BindRandom(*graph, 7));
  ASSERT_TRUE(optimized.ok()) << optimized.status();

  Graph truncated = *optimized;  // ends at the pooled vector
  const ValueId features = truncated.Features();
  truncated.nodes.resize(features + 1);
  truncated.nodes.push_back({"output", Output{}, {features}, truncated.nodes[features].shape});

  for (const int64_t cache_bytes : {int64_t{1}, kHuge}) {
    const auto plan = Plan::Compile(*optimized, {.batch_size = 3, .cache_bytes = cache_bytes},
                                    MakePackedWeights());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ((*plan)->features_shape(), (Shape{21, 1, 1}));
    PlanRunner runner(*plan);
    const auto images = RandomValues(x.shape.elements() * 3, 5);
    runner.Run(images);
    EXPECT_LT(RelativeError(runner.workspace->features(), EvaluateAll(truncated, images)),
              kTolerance);
  }
}

TEST(VerbPlanTest, WithoutAPoolThereAreNoFeatures) {
  const auto plan = Plan::Compile(Optimized("Flatten_5"), {}, MakePackedWeights());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->features_shape().channels, 0);
  EXPECT_TRUE(PlanRunner(*plan).workspace->features().empty());
}

// --- what cannot be built

TEST(VerbErrorTest, SaysWhatIsWrong) {
  const auto message = [](const std::function<Tensor(Net&, Tensor)>& build) {
    Net net("bad", {});
    const Tensor x = net.Input({6, 4, 5});
    return std::string(net.Finish(build(net, x)).status().message());
  };
  EXPECT_THAT(message([](Net& net, Tensor x) { return net.SliceChannels(x, 4, 3, "s"); }),
              HasSubstr("s: channels 4 to 7 are not in 6x4x5"));
  EXPECT_THAT(message([](Net& net, Tensor x) { return net.ChannelShuffle(x, 4, "s"); }),
              HasSubstr("channels do not divide into 4 groups"));
  EXPECT_THAT(message([](Net& net, Tensor x) { return net.PadChannels(x, 5, "p"); }),
              HasSubstr("must not remove channels"));
  EXPECT_THAT(message([](Net& net, Tensor) { return net.Concat({}, "c"); }),
              HasSubstr("concatenates nothing"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.Concat({x, net.MaxPool(x, {.kernel = 2, .stride = 2}, "p")}, "c");
              }),
              HasSubstr("operand 1 is 6x2x2, operand 0 is 6x4x5"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.Multiply(x, net.MaxPool(x, {.kernel = 2}, "p"), "m");
              }),
              HasSubstr("factor must be 6x4x5 or 6x1x1, is 6x3x4"));
  EXPECT_THAT(message([](Net& net, Tensor x) { return net.MaxPool(x, {.kernel = 7}, "p"); }),
              HasSubstr("empty shape"));
  EXPECT_THAT(message([](Net& net, Tensor x) {
                return net.AvgPool(x, {.kernel = 3, .ceil_mode = true}, "p");
              }),
              HasSubstr("no ceil mode"));
  EXPECT_THAT(
      message([](Net& net, Tensor x) { return net.MaxPool(x, {.kernel = 2, .padding = 2}, "p"); }),
      HasSubstr("padding alone"));
}

// PyTorch's rule, {input, kernel, stride, padding, outputs}.
TEST(VerbErrorTest, CeilModePoolsAsPyTorch) {
  const int cases[][5] = {{112, 3, 2, 0, 56}, {28, 3, 2, 0, 14}, {14, 2, 2, 0, 7}, {15, 2, 2, 0, 8},
                          {28, 3, 1, 1, 28},  {5, 2, 2, 1, 3},   {5, 1, 3, 0, 2}};
  for (const auto& [in, kernel, stride, padding, out] : cases) {
    Net net("pool", {});
    const Tensor x = net.Input({1, in, in});
    const Tensor y = net.MaxPool(
        x, {.kernel = kernel, .stride = stride, .padding = padding, .ceil_mode = true}, "pool");
    EXPECT_EQ(y.shape, (Shape{1, out, out})) << in;
    EXPECT_TRUE(net.Finish(y).ok());
  }
}

}  // namespace
}  // namespace siskin::ops
