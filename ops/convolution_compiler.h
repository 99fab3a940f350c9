// Convolution nodes -> steps. Private to ops.
#ifndef SISKIN_OPS_CONVOLUTION_COMPILER_H_
#define SISKIN_OPS_CONVOLUTION_COMPILER_H_

#include <optional>

#include "absl/status/status.h"
#include "ops/convolution_part.h"
#include "ops/plan_builder.h"

namespace siskin::ops {

class ConvolutionCompiler : protected PlanBuilder {
 protected:
  using PlanBuilder::PlanBuilder;

  // The node being compiled; perhaps together with the next one, to which node_ has moved then.
  absl::Status EmitConvolution();
  absl::Status EmitLinear();

 private:
  using ConvolutionDesc = dnnl::convolution_forward::primitive_desc;

  // Into a new buffer.
  absl::Status EmitOutOfPlace(const ConvolutionPart& part, const Desc& src, const Desc& dst);
  // The convolution adds to the residual where that lies, in its layout if there is a kernel for
  // it. The residual is lost: FuseResidualAdd has made sure that nothing reads it later.
  absl::Status EmitInPlaceSum(const ConvolutionPart& part, const Desc& src);

  // See ops/winograd.h.
  std::optional<ConvolutionDesc> Winograd(const ConvolutionPart& part,
                                          std::optional<Tag> layout) const;
  absl::Status EmitWinograd(const ConvolutionPart& part, const ConvolutionDesc& primitive);

  // How many channels to compute at a time with the depthwise convolution behind this one; 0: this
  // is no such pair, or what is between them fits the cache. The pair is of one segment and one
  // image: a slice of several images has gaps, and the next segment has other micro-batches.
  int SliceChannelCount(std::optional<Tag> layout) const;
  absl::Status EmitSliced(Tag layout, int channels);
  absl::Status EmitSlice(const ConvolutionPart& expand, const ConvolutionPart& depthwise,
                         const Desc& src, const Value& input, const Value& output);

  Desc SourceIn(Tag layout) const;
  absl::Status AppendConvolution(const ConvolutionPart& part, const ConvolutionDesc& primitive,
                                 const Value& input, const Value& output);
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_CONVOLUTION_COMPILER_H_
