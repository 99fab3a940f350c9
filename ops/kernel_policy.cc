#include "ops/kernel_policy.h"

namespace siskin::ops {
namespace {

constexpr int kVector = 16;  // floats
constexpr int kFewChannels = 32;

bool IsDepthwise(const ConvolutionPart& part) {
  return part.op.groups > 1 && part.op.groups == part.in.channels &&
         part.out.channels == part.in.channels;
}

// With those, the older depthwise kernel is the slower one.
bool HasExponentials(const ConvolutionPart& part) {
  return part.op.activation == ActivationKind::kSwish ||
         part.op.activation == ActivationKind::kSigmoid;
}

bool IsPointwise(const ConvolutionPart& part) {
  return part.op.groups == 1 && part.op.kernel.height == 1 && part.op.kernel.width == 1 &&
         part.op.stride == 1;
}

// A picture's channels are no vector: kernels that read it have vectors of the result's channels.
bool ReadsColours(const ConvolutionPart& part) {
  return part.op.groups == 1 && part.in.channels <= 3;
}

}  // namespace

std::string_view FasterKernel(const ConvolutionPart& part, const CpuTraits& cpu) {
  if (!cpu.splits_512_bit_vectors) return "";
  if (IsDepthwise(part)) return HasExponentials(part) ? "" : "jit_dw:avx512_core";
  const bool pads = part.out.channels % kVector != 0;
  if (ReadsColours(part)) return pads ? "jit:avx2" : "";
  const bool is_image = part.in.height > 1 || part.in.width > 1;
  if (is_image && IsPointwise(part) && (part.in.channels <= kFewChannels || pads)) {
    return "jit_1x1:avx2";
  }
  return "";
}

bool IsReference(std::string_view implementation) { return implementation.starts_with("ref"); }

}  // namespace siskin::ops
