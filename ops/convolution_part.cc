#include "ops/convolution_part.h"

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/eltwise.h"
#include "ops/onednn_runtime.h"

namespace siskin::ops {
namespace {

using onednn::Desc;
using onednn::Dims;
using Tag = dnnl::memory::format_tag;

constexpr auto kF32 = dnnl::memory::data_type::f32;

Parameter Rows(const Parameter& parameter, int first, int count) {
  if (count == parameter.shape[0]) return parameter;
  const int64_t row = parameter.elements() / parameter.shape[0];
  Parameter rows = {.key = absl::StrCat(parameter.key, "[", first, "]"),
                    .shape = parameter.shape,
                    .data = parameter.data.Slice(first * row, count * row)};
  rows.shape[0] = count;
  return rows;
}

onednn::ConvolutionGeometry Geometry(const ConvolutionPart& part) {
  const auto& conv = std::get<Convolution>(part.node->op);
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
  if (groups == 1) return dims;
  dims[0] /= groups;
  dims.insert(dims.begin(), groups);
  return dims;
}

Desc ConvolutionPart::PlainWeights() const {
  return Desc(WeightDims(), kF32, groups == 1 ? Tag::oihw : Tag::goihw);
}

ConvolutionPart PartOf(const Graph& graph, ValueId id, int first, int count) {
  const Node& whole = graph.nodes[id];
  const auto& conv = std::get<Convolution>(whole.op);
  ConvolutionPart part = {&whole, graph.nodes[whole.inputs[0]].shape, whole.shape, conv.groups,
                          Rows(graph.parameters[conv.weight], first, count)};
  if (conv.bias != kNoParameter) part.bias = Rows(graph.parameters[conv.bias], first, count);
  if (count < whole.shape.channels && conv.groups > 1) part.in.channels = part.groups = count;
  part.out.channels = count;
  return part;
}

ConvolutionPart WholeOf(const Graph& graph, ValueId id) {
  return PartOf(graph, id, 0, graph.nodes[id].shape.channels);
}

dnnl::convolution_forward::primitive_desc MakeConvolution(const ConvolutionPart& part,
                                                          const Desc& src, const Desc& dst,
                                                          dnnl::algorithm algorithm) {
  const auto& conv = std::get<Convolution>(part.node->op);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_post_ops(PostOps(conv.residual, conv.activation));
  const Desc bias = part.bias.has_value() ? Desc({part.out.channels}, kF32, Tag::x) : Desc();
  return onednn::Convolution(CpuEngine(), algorithm, src, Desc(part.WeightDims(), kF32, Tag::any),
                             bias, dst, Geometry(part), attr);
}

}  // namespace siskin::ops
