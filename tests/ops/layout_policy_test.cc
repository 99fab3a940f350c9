#include "ops/layout_policy.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "ops/net.h"

namespace siskin::ops {
namespace {

using Tag = dnnl::memory::format_tag;

constexpr int64_t kHuge = int64_t{1} << 40;
constexpr CpuTraits kAvx2 = {};
constexpr CpuTraits kAvx512 = {.avx512 = true};
constexpr CpuTraits kZen4 = {.avx512 = true, .splits_512_bit_vectors = true};

Graph Finished(Net& net, const Tensor& x) {
  absl::StatusOr<Graph> graph = net.Finish(x);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

// The layout of the convolution of this name.
std::optional<Tag> LayoutOf(const Graph& graph, const std::string& name, int64_t cache_bytes,
                            const CpuTraits& cpu) {
  const LayoutPolicy layouts(graph, cache_bytes, cpu);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].name == name) return layouts.ForConvolution(static_cast<ValueId>(i));
  }
  ADD_FAILURE() << "no layer " << name;
  return std::nullopt;
}

Graph ConcatOf(int left, int right) {
  Net net("concat", {});
  const Tensor x = net.ConvBn(net.Input({3, 9, 9}), {.key = "stem", .out_channels = 96});
  const Tensor a = net.ConvBn(x, {.key = "a", .out_channels = left});
  const Tensor b = net.ConvBn(x, {.key = "b", .out_channels = right});
  return Finished(net, net.Concat({a, b}, "concat"));
}

TEST(LayoutPolicyTest, ConcatenationsOfBlocksBlockTheNetwork) {
  for (const CpuTraits& cpu : {kAvx512, kZen4}) {
    for (const char* name : {"stem", "a", "b"}) {
      EXPECT_EQ(LayoutOf(ConcatOf(32, 16), name, kHuge, cpu), Tag::nChw16c) << name;
    }
    EXPECT_NE(LayoutOf(ConcatOf(32, 24), "a", kHuge, cpu), Tag::nChw16c);
  }
  EXPECT_EQ(LayoutOf(ConcatOf(32, 16), "a", kHuge, kAvx2), std::nullopt);
}

// A front of two layers beyond this cache, one within it, and one beyond it again.
constexpr int64_t kCache = 32 * 20 * 20 * sizeof(float) - 1;
Graph Front(int channels) {
  Net net("front", {});
  Tensor x = net.ConvBn(net.Input({3, 20, 20}), {.key = "first", .out_channels = channels});
  x = net.DepthwiseConvBn(x, {.key = "second", .kernel = 3, .stride = 2});
  x = net.ConvBn(x, {.key = "third", .out_channels = channels});
  return Finished(net, net.ConvBn(x, {.key = "fourth", .out_channels = 20 * channels}));
}

TEST(LayoutPolicyTest, TheFrontIsBlockedUntilActivationsFitTheCache) {
  const Graph graph = Front(32);
  EXPECT_EQ(LayoutOf(graph, "first", kCache, kAvx512), Tag::nChw16c);
  EXPECT_EQ(LayoutOf(graph, "second", kCache, kAvx512), Tag::nChw16c);
  EXPECT_EQ(LayoutOf(graph, "third", kCache, kAvx512), std::nullopt);
  EXPECT_EQ(LayoutOf(graph, "fourth", kCache, kAvx512), std::nullopt);
  EXPECT_EQ(LayoutOf(graph, "first", kHuge, kAvx512), std::nullopt);
  EXPECT_EQ(LayoutOf(graph, "first", kCache, kAvx2), std::nullopt);
}

TEST(LayoutPolicyTest, TheFrontEndsWhereChannelsWouldBePadded) {
  const Graph graph = Front(36);
  for (const char* name : {"first", "second"}) {
    EXPECT_EQ(LayoutOf(graph, name, kCache, kAvx512), std::nullopt) << name;
  }
}

// The front stays blocked there; behind it, layers with a faster kernel have channels last.
TEST(LayoutPolicyTest, OnZen4FasterKernelsHaveChannelsLast) {
  const Graph graph = Front(32);
  EXPECT_EQ(LayoutOf(graph, "first", kCache, kZen4), Tag::nChw16c);
  EXPECT_EQ(LayoutOf(graph, "second", kCache, kZen4), Tag::nChw16c);
  EXPECT_EQ(LayoutOf(graph, "third", kCache, kZen4), Tag::nhwc);    // pointwise, 32 channels
  EXPECT_EQ(LayoutOf(graph, "first", kHuge, kZen4), std::nullopt);  // it reads the image
  EXPECT_EQ(LayoutOf(graph, "second", kHuge, kZen4), Tag::nhwc);
}

TEST(LayoutPolicyTest, GroupedConvolutionsHaveChannelsLast) {
  Net net("grouped", {});
  const Tensor x = net.ConvBn(net.Input({3, 9, 9}), {.key = "stem", .out_channels = 32});
  const Graph graph =
      Finished(net, net.ConvBn(x, {.key = "grouped", .out_channels = 32, .groups = 4}));
  for (const CpuTraits& cpu : {kAvx2, kAvx512, kZen4}) {
    EXPECT_EQ(LayoutOf(graph, "grouped", 1, cpu), Tag::nhwc);
  }
}

TEST(LayoutPolicyTest, LinearLayersHaveBlocksWhereThereAreVectorsOfSixteen) {
  const Graph graph = Front(32);
  EXPECT_EQ(LayoutPolicy(graph, kHuge, kAvx512).ForLinear(), Tag::nChw16c);
  EXPECT_EQ(LayoutPolicy(graph, kHuge, kAvx2).ForLinear(), Tag::any);
}

}  // namespace
}  // namespace siskin::ops
