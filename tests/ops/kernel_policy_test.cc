#include "ops/kernel_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

class FasterKernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!SplitsVectorsOfSixteen()) GTEST_SKIP() << "not a Zen 4 with AVX-512";
  }
};

TEST_F(FasterKernelTest, VectorsOfEightWhereSixteenWouldBePaddedOrFewAreRead) {
  EXPECT_THAT(FasterKernel(Pointwise(96, 24)), StartsWith("jit_1x1:avx2"));
  EXPECT_THAT(FasterKernel(Pointwise(32, 192)), StartsWith("jit_1x1:avx2"));
  EXPECT_THAT(FasterKernel(Pointwise(96, 32)), IsEmpty());
}

TEST_F(FasterKernelTest, ThePictureIsReadByTheKernelThatPadsLeast) {
  ConvolutionPart part = Pointwise(3, 24, 224);
  part.op.kernel = 3;
  part.op.stride = 2;
  EXPECT_THAT(FasterKernel(part), StartsWith("jit:avx2"));
  part.out.channels = 32;
  EXPECT_THAT(FasterKernel(part), IsEmpty());
}

TEST_F(FasterKernelTest, AVectorIsNoImage) {
  EXPECT_THAT(FasterKernel(Pointwise(96, 24, 1)), IsEmpty());
}

TEST_F(FasterKernelTest, OnlyPointwiseLayersReadVectorsOfEight) {
  ConvolutionPart part = Pointwise(96, 24);
  part.op.kernel = 3;
  EXPECT_THAT(FasterKernel(part), IsEmpty());
  part = Pointwise(96, 24);
  part.op.stride = 2;
  EXPECT_THAT(FasterKernel(part), IsEmpty());
  part = Pointwise(96, 24);
  part.op.groups = 2;
  EXPECT_THAT(FasterKernel(part), IsEmpty());
}

TEST_F(FasterKernelTest, DepthwiseUnlessItComputesExponentials) {
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kRelu6)), StartsWith("jit_dw:avx512"));
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kHardSwish)), StartsWith("jit_dw:avx512"));
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kSwish)), IsEmpty());
}

TEST(FasterKernel, OtherCpusGetWhatOneDnnPrefers) {
  if (SplitsVectorsOfSixteen()) GTEST_SKIP() << "a Zen 4 with AVX-512";
  EXPECT_THAT(FasterKernel(Pointwise(96, 24)), IsEmpty());
  EXPECT_THAT(FasterKernel(Depthwise(96, ActivationKind::kRelu6)), IsEmpty());
}

TEST(IsReferenceTest, KnowsThemByName) {
  EXPECT_TRUE(IsReference("ref:any"));
  EXPECT_FALSE(IsReference("jit:avx512_core"));
  EXPECT_FALSE(IsReference("simple:any"));
}

}  // namespace
}  // namespace siskin::ops
