// A convolution, or some of its output channels, as a oneDNN primitive. A linear layer is a 1x1
// convolution of a 1x1 image. Private to ops.
#ifndef SISKIN_OPS_CONVOLUTION_PART_H_
#define SISKIN_OPS_CONVOLUTION_PART_H_

#include <optional>

#include "ops/cpu_traits.h"
#include "ops/graph.h"
#include "ops/onednn_api.h"

namespace siskin::ops {

// The part of a convolution that computes output channels [first, first + count).
struct ConvolutionPart {
  const Node* node = nullptr;  // of the whole layer
  Convolution op;              // as this part computes it; its parameters are below
  Shape in;                    // of what this part reads
  Shape out;
  Parameter weight;
  std::optional<Parameter> bias;

  onednn::Dims WeightDims() const;  // OIHW, or GOIHW if grouped: the same memory
  onednn::Desc PlainWeights() const;
};

// REQUIRES: `id` is a convolution or a linear layer.
ConvolutionPart WholeOf(const Graph& graph, ValueId id);
// REQUIRES: it is dense or depthwise.
ConvolutionPart PartOf(const ConvolutionPart& whole, int first, int count);

// With the kernel that is fastest on `cpu` (ops/kernel_policy.h). Throws dnnl::error if there is no
// implementation.
dnnl::convolution_forward::primitive_desc MakeConvolution(
    const ConvolutionPart& part, const onednn::Desc& src, const onednn::Desc& dst,
    const CpuTraits& cpu, dnnl::algorithm algorithm = dnnl::algorithm::convolution_direct);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_CONVOLUTION_PART_H_
