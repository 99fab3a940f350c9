#include "ops/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <thread>

#include "ops/arena_layout.h"
#include "ops/bind.h"
#include "ops/net.h"
#include "ops/rewrite.h"
#include "ops/segments.h"
#include "tests/ops/small_networks.h"
#include "tests/reference/plan_runner.h"
#include "tests/reference/reference_executor.h"

namespace siskin::ops {
namespace {

using siskin::testing::Evaluate;
using siskin::testing::EvaluateAll;
using siskin::testing::PlanRunner;
using siskin::testing::RandomValues;
using siskin::testing::RelativeError;
using siskin::testing::SmallNetworkOptions;
using siskin::testing::SmallResidualNetwork;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kTolerance = 1e-5;  // float32 sums against double
constexpr int64_t kHuge = int64_t{1} << 40;

Graph OptimizedSmallNetwork(const SmallNetworkOptions& options = {}) {
  absl::StatusOr<Graph> graph = SmallResidualNetwork(options);
  EXPECT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<Graph> optimized = Optimize(BindRandom(*graph, 7));
  EXPECT_TRUE(optimized.ok()) << optimized.status();
  return *std::move(optimized);
}

std::shared_ptr<const Plan> Compile(const Graph& graph, const PlanOptions& options) {
  auto plan = Plan::Compile(graph, options, MakePackedWeights());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *std::move(plan);
}

struct PlanCase {
  SmallNetworkOptions network;
  int batch_size;
  int64_t cache_bytes;  // 1: image by image; huge: the whole batch at once
};

class PlanMatchesReference : public ::testing::TestWithParam<PlanCase> {};

TEST_P(PlanMatchesReference, OnOddAndPrimeShapes) {
  const PlanCase& c = GetParam();
  const Graph graph = OptimizedSmallNetwork(c.network);
  PlanRunner runner(Compile(graph, {.batch_size = c.batch_size, .cache_bytes = c.cache_bytes}));
  const auto images = RandomValues(graph.input_shape().elements() * c.batch_size, 11);
  EXPECT_LT(RelativeError(runner.Run(images), EvaluateAll(graph, images)), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PlanMatchesReference,
    ::testing::Values(PlanCase{{}, 1, 0}, PlanCase{{}, 1, 1}, PlanCase{{}, 3, 1},
                      PlanCase{{}, 3, kHuge}, PlanCase{{}, 4, 40000}, PlanCase{{}, 8, 60000},
                      PlanCase{{}, 6, 60000}, PlanCase{{.padding = PaddingRule::kTfSame}, 2, 0},
                      PlanCase{{.padding = PaddingRule::kTfSame, .height = 32, .width = 32}, 4, 1},
                      PlanCase{{.height = 5, .width = 31, .channels = 16}, 2, kHuge},
                      PlanCase{
                          {.height = 16, .width = 16, .channels = 64, .classes = 10}, 4, 90000},
                      PlanCase{{.channels = 16}, 2, 1}, PlanCase{{.channels = 32}, 4, 50000},
                      PlanCase{{.height = 13, .width = 13, .channels = 1, .classes = 1}, 1, 0}));

TEST(PlanTest, RunsAreBitIdentical) {
  const Graph graph = OptimizedSmallNetwork();
  PlanRunner runner(Compile(graph, {.batch_size = 2, .cache_bytes = 20000}));
  const auto images = RandomValues(graph.input_shape().elements() * 2, 13);
  const std::vector<float> first = runner.Run(images);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(runner.Run(images), first);
}

TEST(PlanTest, WorkspacesAreIndependentAcrossThreads) {
  const Graph graph = OptimizedSmallNetwork();
  const auto plan = Compile(graph, {.batch_size = 2});
  std::vector<std::vector<float>> expected, actual(4);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    expected.push_back(
        PlanRunner(plan).Run(RandomValues(graph.input_shape().elements() * 2, 100 + seed)));
  }
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      PlanRunner runner(plan);
      const auto images = RandomValues(graph.input_shape().elements() * 2, 100 + seed);
      for (int i = 0; i < 20; ++i) actual[seed] = runner.Run(images);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(actual, expected);
}

// What the plans of these options hold together, in copies of the weights.
int64_t BytesOf(const Graph& graph, const std::vector<PlanOptions>& plans) {
  const auto weights = MakePackedWeights();
  for (const PlanOptions& options : plans) {
    const auto plan = Plan::Compile(graph, options, weights);
    EXPECT_TRUE(plan.ok()) << plan.status();
  }
  return PackedBytes(*weights);
}

// Image by image, plans of all batch sizes consist of the same primitives.
TEST(PlanTest, EqualPrimitivesShareAllWeights) {
  const Graph graph = OptimizedSmallNetwork();
  const PlanOptions one = {.batch_size = 1, .cache_bytes = 1};
  const PlanOptions four = {.batch_size = 4, .cache_bytes = 1};
  const int64_t bytes = BytesOf(graph, {one});
  EXPECT_GT(bytes, 0);
  EXPECT_EQ(BytesOf(graph, {four}), bytes);
  EXPECT_EQ(BytesOf(graph, {one, four}), bytes);
  EXPECT_EQ(BytesOf(graph, {four, four}), bytes);
}

// Batch by batch, oneDNN may choose another layout for some of the weights.
TEST(PlanTest, BatchSizesShareTheWeightsOfEqualLayout) {
  const Graph graph = OptimizedSmallNetwork();
  const PlanOptions one = {.batch_size = 1, .cache_bytes = kHuge};
  const PlanOptions four = {.batch_size = 4, .cache_bytes = kHuge};
  const int64_t of_one = BytesOf(graph, {one}), of_four = BytesOf(graph, {four});
  const int64_t together = BytesOf(graph, {one, four});
  EXPECT_GE(together, std::max(of_one, of_four));
  EXPECT_LT(together, of_one + of_four);
}

TEST(PlanTest, PlansOfOneModelShareAnArena) {
  const Graph graph = OptimizedSmallNetwork();
  const auto weights = MakePackedWeights();
  const auto one = Plan::Compile(graph, {.batch_size = 1, .cache_bytes = 1}, weights);
  ASSERT_TRUE(one.ok()) << one.status();
  const auto four = Plan::Compile(graph, {.batch_size = 4, .cache_bytes = 1}, weights);
  ASSERT_TRUE(four.ok()) << four.status();

  Arena arena(std::max((*one)->arena_bytes(), (*four)->arena_bytes()));
  auto first = (*one)->MakeWorkspace(arena.bytes());
  auto second = (*four)->MakeWorkspace(arena.bytes());
  ASSERT_TRUE(first.ok() && second.ok());
  const auto image = RandomValues(graph.input_shape().elements(), 17);
  for (Workspace* workspace : {first->get(), second->get(), first->get()}) {
    for (size_t i = 0; i < workspace->input().size(); ++i) {
      workspace->input()[i] = image[i % image.size()];
    }
    const auto& plan = workspace == first->get() ? *one : *four;
    ASSERT_TRUE(plan->Run(*workspace).ok());
    EXPECT_LT(RelativeError(workspace->output().subspan(0, 5), Evaluate(graph, image)), kTolerance);
  }
}

TEST(PlanTest, StandaloneActivationAndSum) {
  Net net("standalone", {});
  Tensor x = net.Input({4, 6, 5});
  Tensor y = net.ConvBn(x, {.key = "y", .out_channels = 4, .activation = ActivationKind::kRelu});
  Tensor sum = net.Add(x, y, "sum");
  const absl::StatusOr<Graph> graph = net.Finish(net.Act(sum, ActivationKind::kRelu6, "act"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<Graph> optimized = Optimize(BindRandom(*graph, 5));
  ASSERT_TRUE(optimized.ok());
  PlanRunner runner(Compile(*optimized, {.batch_size = 2}));
  const auto images = RandomValues(x.shape.elements() * 2, 19);
  EXPECT_LT(RelativeError(runner.Run(images), EvaluateAll(*optimized, images)), kTolerance);
}

// What `build` makes of an input, with random weights.
Graph Network(const Shape& input, const std::function<Tensor(Net&, Tensor)>& build) {
  Net net("network", {});
  const Tensor x = net.Input(input);
  const absl::StatusOr<Graph> graph = net.Finish(build(net, x));
  EXPECT_TRUE(graph.ok()) << graph.status();
  return BindRandom(*graph, 5);
}

// The plans of `original`, optimised: image by image, in growing micro-batches and at once. Both
// the output and the pooled features are compared.
void ExpectPlansMatchReference(const Graph& original, bool allow_reference = false) {
  const absl::StatusOr<Graph> optimized = Optimize(original);
  ASSERT_TRUE(optimized.ok()) << optimized.status();
  for (const auto& [batch_size, cache_bytes] :
       {std::pair<int, int64_t>(1, 1), {1, kHuge}, {4, 1}, {4, 300}, {4, 2000}, {4, kHuge}}) {
    SCOPED_TRACE(::testing::Message() << "batch " << batch_size << ", cache " << cache_bytes);
    PlanRunner runner(Compile(*optimized, {.batch_size = batch_size,
                                           .cache_bytes = cache_bytes,
                                           .allow_reference = allow_reference}));
    const auto images = RandomValues(original.input_shape().elements() * batch_size, 19);
    EXPECT_LT(RelativeError(runner.Run(images), EvaluateAll(original, images)), kTolerance);
    if (original.Features() < 0) continue;
    Graph pool = original;
    pool.nodes.resize(pool.Features() + 1);
    pool.nodes.push_back({"output", Output{}, {pool.Features()}, pool.nodes.back().shape});
    EXPECT_LT(RelativeError(runner.workspace->features(), EvaluateAll(pool, images)), kTolerance);
  }
}

// The sum is made where the residual lies, which is not in the concatenation.
TEST(PlanTest, AConvolutionWithAResidualGoesIntoAConcatenation) {
  ExpectPlansMatchReference(Network({16, 6, 5}, [](Net& net, Tensor x) {
    const Tensor a = net.ConvBn(x, {.key = "a", .out_channels = 16});
    const Tensor b = net.ConvBn(a, {.key = "b", .out_channels = 16});
    const Tensor sum = net.Add(a, net.ConvBn(b, {.key = "c", .out_channels = 16}), "sum");
    return net.Concat({net.ConvBn(x, {.key = "d", .out_channels = 16}), sum}, "concat");
  }));
}

// Embed answers with the pooled vector, however many layers read it.
TEST(PlanTest, ASumDoesNotOverwriteThePooledFeatures) {
  ExpectPlansMatchReference(Network({16, 6, 5}, [](Net& net, Tensor x) {
    const Tensor pooled = net.GlobalAvgPool(net.ConvBn(x, {.key = "a", .out_channels = 16}));
    const Tensor b = net.ConvBn(pooled, {.key = "b", .out_channels = 16});
    return net.Add(pooled, net.ConvBn(b, {.key = "c", .out_channels = 16}), "sum");
  }));
}

TEST(PlanTest, PooledFeaturesThatAreConcatenatedAreKeptApart) {
  // oneDNN's reference pool writes into any memory, so into the concatenation too.
  const bool allow_reference = true;
  ExpectPlansMatchReference(Network({16, 6, 5},
                                    [](Net& net, Tensor x) {
                                      const Tensor a = net.GlobalAvgPool(x, "a");
                                      const Tensor b = net.GlobalAvgPool(
                                          net.ConvBn(x, {.key = "conv", .out_channels = 16}), "b");
                                      return net.Concat({a, b}, "concat");
                                    }),
                            allow_reference);
}

// Of parts that are not whole blocks, a concatenation has channels last; the front of the network
// is in blocks.
TEST(PlanTest, AWinogradConvolutionIsReadByAChannelsLastConcatenation) {
  ExpectPlansMatchReference(Network({64, 14, 13}, [](Net& net, Tensor x) {
    const Tensor a = net.ConvBn(x, {.key = "a", .out_channels = 64});
    const Tensor b = net.ConvBn(a, {.key = "b", .out_channels = 64, .kernel = 3});
    return net.Concat({b, net.ConvBn(x, {.key = "c", .out_channels = 8})}, "concat");
  }));
}

// A vector's parts may be of any size in a network of blocks, too.
TEST(PlanTest, AConcatenationOfVectorsInANetworkOfBlocks) {
  ExpectPlansMatchReference(Network({16, 6, 5}, [](Net& net, Tensor x) {
    const Tensor a = net.ConvBn(x, {.key = "a", .out_channels = 16});
    const Tensor b = net.ConvBn(x, {.key = "b", .out_channels = 32});
    const Tensor y = net.GlobalAvgPool(net.Concat({a, b}, "concat"));
    const Tensor scores = net.Linear(y, {.key = "scores", .out_features = 3});
    const Tensor boxes = net.Linear(y, {.key = "boxes", .out_features = 12});
    return net.Concat({scores, boxes}, "heads");
  }));
}

// One channel is plain in any layout, but its images are as far apart as those of the input.
TEST(PlanTest, ASingleChannelIsFlattened) {
  ExpectPlansMatchReference(Network({3, 6, 5}, [](Net& net, Tensor x) {
    const Tensor channel = net.SliceChannels(x, 1, 1, "slice");
    return net.Linear(net.Flatten(channel, "flat"), {.key = "fc", .out_features = 4});
  }));
}

TEST(PlanTest, NothingToComputeIsRefused) {
  const Graph graph = Network({3, 6, 5}, [](Net&, Tensor x) { return x; });
  EXPECT_THAT(Plan::Compile(graph, {}, MakePackedWeights()).status().ToString(),
              HasSubstr("graph network computes nothing"));
}

// Of one channel, plain and channels last are equal: neither has gaps.
TEST(PlanTest, ASingleChannelIsPaddedByNone) {
  ExpectPlansMatchReference(Network({3, 7, 2}, [](Net& net, Tensor x) {
    return net.PadChannels(net.SliceChannels(x, 1, 1, "slice"), 1, "pad");
  }));
}

TEST(PlanTest, StepsNameLayersAndKernels) {
  const Graph graph = OptimizedSmallNetwork();
  int64_t multiply_adds = 0;
  for (const Plan::StepInfo& step : Compile(graph, {.batch_size = 2})->steps()) {
    EXPECT_FALSE(step.name.empty());
    EXPECT_FALSE(step.implementation.empty());
    EXPECT_EQ(2 % step.micro_batch, 0);
    multiply_adds += step.multiply_adds;
  }
  EXPECT_EQ(multiply_adds, graph.MultiplyAdds());
}

TEST(PlanTest, KernelsAreThoseForTheCpuOfTheOptions) {
  if (!DetectCpuTraits().avx512) {
    GTEST_SKIP() << "needs AVX-512, this machine has " << OneDnnIsa();
  }
  const CpuTraits zen4 = {.avx512 = true, .splits_512_bit_vectors = true};
  const auto plan = Compile(OptimizedSmallNetwork(), {.cache_bytes = kHuge, .cpu = zen4});
  int depthwise = 0;
  for (const Plan::StepInfo& step : plan->steps()) {
    if (!step.name.ends_with(".dw")) continue;
    EXPECT_THAT(step.implementation, StartsWith("jit_dw:avx512_core")) << step.name;
    ++depthwise;
  }
  EXPECT_EQ(depthwise, 3);
}

TEST(PlanTest, RefusesWhatItCannotRun) {
  const absl::StatusOr<Graph> unbound = SmallResidualNetwork();
  ASSERT_TRUE(unbound.ok());
  const auto compile = [](const Graph& graph, int batch_size) {
    return Plan::Compile(graph, {.batch_size = batch_size}, MakePackedWeights()).status();
  };
  EXPECT_THAT(compile(*unbound, 1).ToString(), HasSubstr("has no weights"));
  EXPECT_THAT(compile(BindRandom(*unbound, 1), 1).ToString(), HasSubstr("ops::Optimize"));
  EXPECT_THAT(compile(OptimizedSmallNetwork(), 0).ToString(), HasSubstr("at least 1"));
}

// A sigmoid of padded blocks of channels: where it computes zeros, there must be zeros afterwards,
// which no kernel of oneDNN sees to. Two activations, so that this one stays alone; whole blocks
// behind it, so that the layout is a blocked one.
Graph GateOfPaddedBlocks() {
  Net net("padded", {});
  Tensor x = net.Input({3, 9, 7});
  x = net.ConvBn(
      x, {.key = "conv", .out_channels = 20, .kernel = 3, .activation = ActivationKind::kRelu});
  x = net.Act(x, ActivationKind::kSigmoid, "gate");
  const Tensor a = net.ConvBn(x, {.key = "a", .out_channels = 16});
  const Tensor b = net.ConvBn(x, {.key = "b", .out_channels = 32});
  const absl::StatusOr<Graph> graph = net.Finish(net.Concat({a, b}, "concat"));
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *Optimize(BindRandom(*graph, 5));
}

TEST(PlanTest, ReferenceImplementationsAreRefusedUnlessAllowed) {
  const Graph graph = GateOfPaddedBlocks();
  const auto plan = Compile(graph, {.batch_size = 2, .allow_reference = true});
  std::vector<std::string> slow;
  for (const Plan::StepInfo& step : plan->steps()) {
    if (step.implementation.starts_with("ref")) slow.push_back(step.name);
  }
  if (slow.empty() && !OneDnnVersion().starts_with("2.")) {
    GTEST_SKIP() << "needs oneDNN 2: " << OneDnnVersion() << " has kernels for all of this graph";
  }
  EXPECT_THAT(slow, ElementsAre("gate"));
  const auto images = RandomValues(graph.input_shape().elements() * 2, 19);
  EXPECT_LT(RelativeError(PlanRunner(plan).Run(images), EvaluateAll(graph, images)), kTolerance);

  const auto refused = Plan::Compile(graph, {.batch_size = 2}, MakePackedWeights()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.ToString(), HasSubstr("layer gate has only oneDNN's reference"));
}

TEST(PlanTest, WorkspaceChecksItsArena) {
  const auto plan = Compile(OptimizedSmallNetwork(), {});
  Arena arena(2 * plan->arena_bytes() + kArenaAlignment);
  EXPECT_EQ(plan->MakeWorkspace(arena.bytes().subspan(0, plan->arena_bytes() - 1)).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(plan->MakeWorkspace(arena.bytes().subspan(64)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(SegmentsTest, MicroBatchGrowsAlongTheNetwork) {
  const Graph graph = OptimizedSmallNetwork({.height = 64, .width = 64});
  const std::vector<Segment> segments = CutSegments(graph, 8, 200000);
  ASSERT_GT(segments.size(), 1u);
  EXPECT_EQ(segments.front().first, 0);
  EXPECT_EQ(segments.back().last, static_cast<int>(graph.nodes.size()) - 1);
  EXPECT_EQ(segments.back().micro_batch, 8);
  for (size_t i = 1; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].first, segments[i - 1].last + 1);
    EXPECT_GT(segments[i].micro_batch, segments[i - 1].micro_batch);
    EXPECT_EQ(8 % segments[i].micro_batch, 0);
  }
  EXPECT_EQ(CutSegments(graph, 8, kHuge).size(), 1u);
  EXPECT_EQ(CutSegments(graph, 8, 1).front().micro_batch, 1);
}

TEST(ArenaLayoutTest, LivingBuffersNeverOverlap) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto random = RandomValues(60, seed);
    std::vector<BufferLife> buffers;
    for (size_t i = 0; i < random.size(); i += 3) {
      const int first = static_cast<int>((random[i] + 1) * 20);
      buffers.push_back({static_cast<size_t>((random[i + 1] + 1) * 5000), first,
                         first + static_cast<int>((random[i + 2] + 1) * 6)});
    }
    const ArenaLayout layout = PlaceBuffers(buffers, 64);
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(layout.offsets[i] % 64, 0u);
      EXPECT_LE(layout.offsets[i] + buffers[i].bytes, layout.bytes);
      for (size_t j = 0; j < i; ++j) {
        const bool live = buffers[i].first_step <= buffers[j].last_step &&
                          buffers[j].first_step <= buffers[i].last_step;
        const bool overlap = layout.offsets[i] < layout.offsets[j] + buffers[j].bytes &&
                             layout.offsets[j] < layout.offsets[i] + buffers[i].bytes;
        EXPECT_FALSE(live && overlap) << "seed " << seed << " buffers " << i << " and " << j;
      }
    }
  }
}

TEST(ArenaLayoutTest, ReusesMemory) {
  // A chain: each buffer lives for two steps, so two slots do.
  const std::vector<BufferLife> chain = {{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}};
  EXPECT_EQ(PlaceBuffers(chain, 64).bytes, 1280u);
}

}  // namespace
}  // namespace siskin::ops
