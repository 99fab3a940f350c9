#include "ops/convolution_part.h"

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/eltwise.h"
#include "ops/kernel_policy.h"
#include "ops/onednn_runtime.h"

namespace siskin::ops {
namespace {

using onednn::Desc;
using onednn::Dims;
using Tag = dnnl::memory::format_tag;

constexpr auto kF32 = dnnl::memory::data_type::f32;

Parameter Rows(const Parameter& parameter, int first, int count) {
  const int64_t row = parameter.elements() / parameter.shape[0];
  Parameter rows = {.key = absl::StrCat(parameter.key, "[", first, "]"),
                    .shape = parameter.shape,
                    .data = parameter.data.Slice(first * row, count * row)};
  rows.shape[0] = count;
  return rows;
}

Convolution AsConvolution(const Op& op) {
  const auto* linear = std::get_if<Linear>(&op);
  if (linear == nullptr) return std::get<Convolution>(op);
  return {.weight = linear->weight, .bias = linear->bias, .activation = linear->activation};
}

onednn::ConvolutionGeometry Geometry(const ConvolutionPart& part) {
  const Convolution& conv = part.op;
  const auto& [kernel, stride, dilation] = std::tie(conv.kernel, conv.stride, conv.dilation);
  // What oneDNN may read after the input: exact, where the table's padding may include rows that
  // no output reads.
  const auto after = [&conv](int in, int out, int window, int spacing, int before) {
    return (out - 1) * conv.stride + (window - 1) * spacing + 1 - in - before;
  };
  const int bottom =
      after(part.in.height, part.out.height, kernel.height, dilation.height, conv.padding.top);
  const int right =
      after(part.in.width, part.out.width, kernel.width, dilation.width, conv.padding.left);
  return {{stride, stride},
          {dilation.height - 1, dilation.width - 1},
          {conv.padding.top, conv.padding.left},
          {bottom, right}};
}

}  // namespace

Dims ConvolutionPart::WeightDims() const {
  Dims dims(weight.shape.begin(), weight.shape.end());
  dims.resize(4, 1);  // a linear layer has no kernel
  if (op.groups == 1) return dims;
  dims[0] /= op.groups;
  dims.insert(dims.begin(), op.groups);
  return dims;
}

Desc ConvolutionPart::PlainWeights() const {
  return Desc(WeightDims(), kF32, op.groups == 1 ? Tag::oihw : Tag::goihw);
}

ConvolutionPart WholeOf(const Graph& graph, ValueId id) {
  const Node& node = graph.nodes[id];
  ConvolutionPart part = {.node = &node,
                          .op = AsConvolution(node.op),
                          .in = graph.nodes[node.inputs[0]].shape,
                          .out = node.shape};
  part.weight = graph.parameters[part.op.weight];
  if (part.op.bias != kNoParameter) part.bias = graph.parameters[part.op.bias];
  return part;
}

ConvolutionPart PartOf(const ConvolutionPart& whole, int first, int count) {
  ConvolutionPart part = whole;
  part.weight = Rows(whole.weight, first, count);
  if (whole.bias.has_value()) part.bias = Rows(*whole.bias, first, count);
  if (whole.op.groups > 1) part.in.channels = part.op.groups = count;
  part.out.channels = count;
  return part;
}

dnnl::convolution_forward::primitive_desc MakeConvolution(const ConvolutionPart& part,
                                                          const Desc& src, const Desc& dst,
                                                          const CpuTraits& cpu,
                                                          dnnl::algorithm algorithm) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_post_ops(PostOps(part.op.residual, part.op.activation));
  const Desc weights(part.WeightDims(), kF32, Tag::any);
  const Desc bias = part.bias.has_value() ? Desc({part.out.channels}, kF32, Tag::x) : Desc();
  return onednn::Convolution(CpuEngine(), algorithm, src, weights, bias, dst, Geometry(part), attr,
                             FasterKernel(part, cpu));
}

}  // namespace siskin::ops
