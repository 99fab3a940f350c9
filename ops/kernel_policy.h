// Which of oneDNN's kernels runs a convolution, where its first choice is not the fastest. Private
// to ops.
//
// On a CPU that executes 512-bit operations as two halves, vectors of eight are as fast as those of
// sixteen, and pad less; and for depthwise layers, the kernel that oneDNN had before the one it
// prefers is faster by up to a half (DNNL_VERBOSE=1 shows it). Measured on Zen 4, with oneDNN 2.6
// and 3.7; elsewhere, oneDNN chooses.
#ifndef SISKIN_OPS_KERNEL_POLICY_H_
#define SISKIN_OPS_KERNEL_POLICY_H_

#include <string_view>

#include "ops/convolution_part.h"
#include "ops/cpu_traits.h"

namespace siskin::ops {

// How the name of the kernel starts that this convolution should have; empty: oneDNN's first
// choice. It reads and writes channels last, unless it reads the image: then in the layouts it
// likes best.
std::string_view FasterKernel(const ConvolutionPart& part, const CpuTraits& cpu);

// True if this is the name of one of oneDNN's reference implementations, which take any shape and
// are orders of magnitude slower than its kernels.
bool IsReference(std::string_view implementation);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_KERNEL_POLICY_H_
