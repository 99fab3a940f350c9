#include "ops/kernel_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ops/plan.h"

namespace siskin::ops {
namespace {

using ::testing::IsEmpty;
using ::testing::StartsWith;

ConvolutionPart Pointwise(int in, int out, int side = 14) {
  ConvolutionPart part;
  part.in = {in, side, side};
  part.out = {out, side, side};
  return part;
}

ConvolutionPart Depthwise(int channels, ActivationKind activation) {
  ConvolutionPart part = Pointwise(channels, channels);
  part.op.groups = channels;
  part.op.kernel = 3;
  part.op.activation = activation;
  return part;
}

constexpr CpuTraits kZen4 = {.avx512 = true, .splits_512_bit_vectors = true};

TEST(Zen4KernelTest, VectorsOfEightWhereSixteenWouldBePaddedOrFewAreRead) {
  EXPECT_THAT(FasterKernel(Pointwise(96, 24), kZen4), StartsWith("jit_1x1:avx2"));
  EXPECT_THAT(FasterKernel(Pointwise(32, 192), kZen4), StartsWith("jit_1x1:avx2"));
  EXPECT_THAT(FasterKernel(Pointwise(96, 32), kZen4), IsEmpty());
}

TEST(Zen4KernelTest, ThePictureIsReadByTheKernelThatPadsLeast) {
  ConvolutionPart part = Pointwise(3, 24, 224);
  part.op.kernel = 3;
  part.op.stride = 2;
  EXPECT_THAT(FasterKernel(part, kZen4), StartsWith("jit:avx2"));
  part.out.channels = 32;
  EXPECT_THAT(FasterKernel(part, kZen4), IsEmpty());
}

TEST(Zen4KernelTest, AVectorIsNoImage) {
  EXPECT_THAT(FasterKernel(Pointwise(96, 24, 1), kZen4), IsEmpty());
}

TEST(Zen4KernelTest, OnlyPointwiseLayersReadVectorsOfEight) {
  ConvolutionPart part = Pointwise(96, 24);
  part.op.kernel = 3;
  EXPECT_THAT(FasterKernel(part, kZen4), IsEmpty());
  part = Pointwise(96, 24);
  part.op.stride = 2;
  EXPECT_THAT(FasterKernel(part, kZen4), IsEmpty());
  part = Pointwise(96, 24);
  part.op.groups = 2;
  EXPECT_THAT(FasterKernel(part, kZen4), IsEmpty());
}

TEST(Zen4KernelTest, DepthwiseUnlessItComputesExponentials) {
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kRelu6), kZen4),
              StartsWith("jit_dw:avx512"));
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kHardSwish), kZen4),
              StartsWith("jit_dw:avx512"));
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kSwish), kZen4), IsEmpty());
}

TEST(OtherCpusTest, GetWhatOneDnnPrefers) {
  ConvolutionPart picture = Pointwise(3, 24, 224);
  picture.op.kernel = 3;
  for (const CpuTraits& cpu : {CpuTraits{}, CpuTraits{.avx512 = true}}) {
    EXPECT_THAT(FasterKernel(Pointwise(96, 24), cpu), IsEmpty());
    EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kRelu6), cpu), IsEmpty());
    EXPECT_THAT(FasterKernel(picture, cpu), IsEmpty());
  }
}

TEST(CpuTraitsTest, AreThoseThatOneDnnMayUse) {
  const std::string isa = OneDnnIsa();
  const bool avx512 = isa.starts_with("avx512") || isa == "newer";
  EXPECT_EQ(DetectCpuTraits().avx512, avx512);
  EXPECT_TRUE(avx512 || !DetectCpuTraits().splits_512_bit_vectors);
}

TEST(IsReferenceTest, KnowsThemByName) {
  EXPECT_TRUE(IsReference("ref:any"));
  EXPECT_FALSE(IsReference("jit:avx512_core"));
  EXPECT_FALSE(IsReference("simple:any"));
}

}  // namespace
}  // namespace siskin::ops
