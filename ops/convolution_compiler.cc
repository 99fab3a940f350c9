#include "ops/convolution_compiler.h"

#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "ops/kernel_policy.h"
#include "ops/winograd.h"

namespace siskin::ops {
namespace {

constexpr int kBlock = 16;  // channels of the blocked layout

}  // namespace

absl::Status ConvolutionCompiler::EmitConvolution() {
  const std::optional<Tag> layout = layouts_.ForConvolution(node_);
  if (const int channels = SliceChannelCount(layout); channels > 0) {
    return EmitSliced(*layout, channels);
  }
  const ConvolutionPart part = WholeOf(graph_, node_);
  const Desc src = layout.has_value() ? SourceIn(*layout) : AnyLayout(DimsOf(source()));
  if (const auto winograd = Winograd(part, layout); winograd.has_value()) {
    return EmitWinograd(part, *winograd);
  }
  // Before the concatenation is looked at: the sum adds to what its destination holds, which is the
  // residual only where that lies.
  if (part.op.residual) return EmitInPlaceSum(part, src);
  if (const std::optional<Value> place = PlaceInConcat(); place.has_value()) {
    const Desc dst = DescOf(node().shape, *place);
    const auto direct = IfAccepted([&] { return MakeConvolution(part, src, dst, cpu_); });
    if (direct.has_value()) {
      values_[node_] = *place;
      SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), direct->src_desc()));
      return AppendConvolution(part, *direct, input, *place);
    }
  }
  const Desc dst =
      layout.has_value() ? Desc(DimsOf(node_), kF32, *layout) : AnyLayout(DimsOf(node_));
  return EmitOutOfPlace(part, src, dst);
}

// A 1x1 convolution of a 1x1 image: oneDNN's kernels for those stream the weights from memory
// faster than its inner product does (DNNL_VERBOSE=1 shows it).
absl::Status ConvolutionCompiler::EmitLinear() {
  const Tag layout = layouts_.ForLinear();
  return EmitOutOfPlace(WholeOf(graph_, node_), Desc(DimsOf(source()), kF32, layout),
                        Desc(DimsOf(node_), kF32, layout));
}

absl::Status ConvolutionCompiler::EmitOutOfPlace(const ConvolutionPart& part, const Desc& src,
                                                 const Desc& dst) {
  const auto primitive = MakeConvolution(part, src, dst, cpu_);
  SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), primitive.src_desc()));
  SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(node().shape, primitive.dst_desc()));
  return AppendConvolution(part, primitive, input, values_[node_]);
}

absl::Status ConvolutionCompiler::EmitInPlaceSum(const ConvolutionPart& part, const Desc& src) {
  const ValueId residual = node().inputs[1];
  // The sum overwrites it: a view's memory is also that of the wider value.
  SISKIN_RETURN_IF_ERROR(MaterializeCopy(residual));
  auto primitive = IfAccepted([&] { return MakeConvolution(part, src, DescOf(residual), cpu_); });
  if (!primitive.has_value()) {
    primitive = MakeConvolution(part, src, AnyLayout(DimsOf(node_)), cpu_);
  }
  SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), primitive->src_desc()));
  // Where the kernel has another layout than the residual, the sum overwrites the copy.
  SISKIN_ASSIGN_OR_RETURN(values_[node_], InLayout(residual, primitive->dst_desc()));
  return AppendConvolution(part, *primitive, input, values_[node_]);
}

auto ConvolutionCompiler::Winograd(const ConvolutionPart& part, std::optional<Tag> layout) const
    -> std::optional<ConvolutionDesc> {
  if (!options_.winograd || layout != Tag::nChw16c || part.op.residual) return std::nullopt;
  if (!WinogradFits(part.out)) return std::nullopt;
  const Desc src(DimsOf(source()), kF32, *layout), dst(DimsOf(node_), kF32, *layout);
  const auto primitive = IfAccepted(
      [&] { return MakeConvolution(part, src, dst, cpu_, dnnl::algorithm::convolution_winograd); });
  if (!primitive.has_value()) return std::nullopt;
  const bool pays = WinogradPays(part.in, part.out, primitive->impl_info_str(), cache_bytes_);
  return pays ? primitive : std::nullopt;
}

// Winograd's kernels write images one behind the other. In a concatenation of several, they are
// apart, and in one with channels last, so are the blocks: to copy them there costs less than a
// direct kernel does.
absl::Status ConvolutionCompiler::EmitWinograd(const ConvolutionPart& part,
                                               const ConvolutionDesc& primitive) {
  const std::optional<Value> place = micro_batch_ == 1 ? PlaceInConcat() : std::nullopt;
  const bool in_place = place.has_value() && place->layout == Tag::nChw16c;
  SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), primitive.src_desc()));
  values_[node_] = in_place ? *place : NewValue(node().shape, Tag::nChw16c);
  return AppendConvolution(part, primitive, input, values_[node_]);
}

// A convolution and the depthwise one behind it, a slice of channels at a time, so that what is
// between them stays in the cache: neither needs a channel of another slice. Blocked layouts keep
// the channels of a slice together, so a slice of the result is a view of it.
absl::Status ConvolutionCompiler::EmitSliced(Tag layout, int channels) {
  const int depthwise = node_ + 1;
  const Shape& result = ShapeOf(depthwise);
  const Desc src = SourceIn(layout);
  SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), src));
  const Value output = NewValue(result, layout);
  for (int first = 0; first < result.channels; first += channels) {
    const ConvolutionPart expand_part = PartOf(WholeOf(graph_, node_), first, channels);
    const ConvolutionPart depthwise_part = PartOf(WholeOf(graph_, depthwise), first, channels);
    SISKIN_RETURN_IF_ERROR(EmitSlice(expand_part, depthwise_part, src, input,
                                     *ViewOf(output, result, first, channels)));
  }
  // values_[node_] stays unset: the depthwise convolution is its only reader.
  values_[depthwise] = output;
  node_ = depthwise;  // the loop over the nodes goes on behind it
  return absl::OkStatus();
}

absl::Status ConvolutionCompiler::EmitSlice(const ConvolutionPart& expand,
                                            const ConvolutionPart& depthwise, const Desc& src,
                                            const Value& input, const Value& output) {
  // A buffer a slice: it lives for two steps, so that the arena gives the same memory to the next.
  const Value between = NewValue(expand.out, output.layout);
  const Desc dst = DescOf(expand.out, between);
  SISKIN_RETURN_IF_ERROR(
      AppendConvolution(expand, MakeConvolution(expand, src, dst, cpu_), input, between));
  // One block of channels is the same memory with channels last.
  const bool channels_last =
      depthwise.in.channels == kBlock && !FasterKernel(depthwise, cpu_).empty();
  const Tag layout = channels_last ? Tag::nhwc : output.layout;
  const auto primitive = MakeConvolution(depthwise, Desc(DimsOf(depthwise.in), kF32, layout),
                                         Desc(DimsOf(depthwise.out), kF32, layout), cpu_);
  return AppendConvolution(depthwise, primitive, between, output);
}

int ConvolutionCompiler::SliceChannelCount(std::optional<Tag> layout) const {
  if (!layout.has_value() || layout == Tag::nhwc) return 0;
  if (micro_batch_ != 1 || node_ == segment_last_) return 0;
  const auto* next = std::get_if<Convolution>(&graph_.nodes[node_ + 1].op);
  const Shape& between = node().shape;
  const bool is_pair =
      next != nullptr && next->groups == between.channels &&
      ShapeOf(node_ + 1).channels == between.channels && !next->residual &&
      !std::get<Convolution>(op()).residual && std::get<Convolution>(op()).groups == 1 &&
      graph_.Consumers(node_) == std::vector<int>{node_ + 1} && between.channels % kBlock == 0;
  const int64_t plane = int64_t{4} * between.height * between.width;
  if (!is_pair || plane * between.channels <= cache_bytes_) return 0;
  int channels = kBlock;
  for (int c = 2 * kBlock; c < between.channels && c * plane <= cache_bytes_; c += kBlock) {
    if (between.channels % c == 0) channels = c;
  }
  return channels;
}

// An image is plain, for its writers' sake; oneDNN has kernels that read three such channels.
PlanBuilder::Desc ConvolutionCompiler::SourceIn(Tag layout) const {
  const bool is_image = source() == 0 && ShapeOf(source()).channels <= 3;
  return Desc(DimsOf(source()), kF32, is_image ? Tag::nchw : layout);
}

absl::Status ConvolutionCompiler::AppendConvolution(const ConvolutionPart& part,
                                                    const ConvolutionDesc& primitive,
                                                    const Value& input, const Value& output) {
  std::vector<StepArgument> arguments = {
      InBuffer(DNNL_ARG_SRC, primitive.src_desc(), input),
      Constant(DNNL_ARG_WEIGHTS, part.weight, part.PlainWeights(), primitive.weights_desc()),
      InBuffer(DNNL_ARG_DST, primitive.dst_desc(), output)};
  if (part.bias.has_value()) {
    const Desc bias({part.out.channels}, kF32, Tag::x);
    arguments.push_back(Constant(DNNL_ARG_BIAS, *part.bias, bias, bias));
  }
  const int64_t multiply_adds =
      graph_.MultiplyAdds(*part.node) * part.out.channels / part.node->shape.channels;
  return Append(part.node->name, multiply_adds, dnnl::convolution_forward(primitive), primitive,
                std::move(arguments));
}

}  // namespace siskin::ops
