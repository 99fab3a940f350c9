// A convolution, or some of its output channels, as a oneDNN primitive. Private to ops.
#ifndef SISKIN_OPS_CONVOLUTION_PART_H_
#define SISKIN_OPS_CONVOLUTION_PART_H_

#include <optional>

#include "ops/graph.h"
#include "ops/onednn_api.h"

namespace siskin::ops {

// The part of a convolution that computes output channels [first, first + count).
struct ConvolutionPart {
  const Node* node = nullptr;  // of the whole convolution
  Shape in;                    // of what this part reads
  Shape out;
  int groups = 1;
  Parameter weight;
  std::optional<Parameter> bias;

  onednn::Dims WeightDims() const;  // OIHW, or GOIHW if grouped: the same memory
  onednn::Desc PlainWeights() const;
};

// REQUIRES: the part is the whole, or `groups` is 1 or the number of channels.
ConvolutionPart PartOf(const Graph& graph, ValueId id, int first, int count);
ConvolutionPart WholeOf(const Graph& graph, ValueId id);

// Throws dnnl::error if there is no implementation.
dnnl::convolution_forward::primitive_desc MakeConvolution(
    const ConvolutionPart& part, const onednn::Desc& src, const onednn::Desc& dst,
    dnnl::algorithm algorithm = dnnl::algorithm::convolution_direct);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_CONVOLUTION_PART_H_
