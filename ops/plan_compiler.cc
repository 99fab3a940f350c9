// Graph -> steps: makes a primitive for every node.
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ops/compiled_plan.h"
#include "ops/convolution_part.h"
#include "ops/eltwise.h"
#include "ops/layout_policy.h"
#include "ops/onednn_runtime.h"
#include "ops/plan_builder.h"
#include "ops/plan_placement.h"
#include "ops/segments.h"
#include "ops/status_macros.h"
#include "ops/winograd.h"

namespace siskin::ops {
namespace {

constexpr int64_t kDefaultCacheBytes = int64_t{1} << 20;

int64_t CacheBytes(const PlanOptions& options) {
  if (options.cache_bytes > 0) return options.cache_bytes;
  const long detected = sysconf(_SC_LEVEL2_CACHE_SIZE);  // 0 or -1 where the kernel hides it
  return detected > 0 ? detected : kDefaultCacheBytes;
}

dnnl::algorithm AlgorithmOf(PoolKind kind) {
  switch (kind) {
    case PoolKind::kMax:
      return dnnl::algorithm::pooling_max;
    case PoolKind::kAverage:
      return dnnl::algorithm::pooling_avg_include_padding;
    case PoolKind::kAverageExcludingPadding:
      return dnnl::algorithm::pooling_avg_exclude_padding;
  }
  return dnnl::algorithm::undef;
}

class PlanCompiler : private PlanBuilder {
 public:
  PlanCompiler(const Graph& graph, const PlanOptions& options,
               std::shared_ptr<PackedWeights> weights)
      : PlanBuilder(graph, options, std::move(weights)),
        cache_bytes_(CacheBytes(options)),
        layouts_(graph, cache_bytes_) {}

  absl::StatusOr<CompiledPlan> Run() {
    for (const Segment& segment : CutSegments(graph_, options_.batch_size, cache_bytes_)) {
      micro_batch_ = segment.micro_batch;
      segment_last_ = segment.last;
      const int first = static_cast<int>(plan_.steps.size());
      for (node_ = segment.first; node_ <= segment.last; ++node_) {
        SISKIN_RETURN_IF_ERROR(std::visit([this](const auto& op) { return Emit(op); }, op()));
      }
      const int last = static_cast<int>(plan_.steps.size()) - 1;
      // Segments without steps (the input alone, an output that needs no reorder) vanish.
      if (last >= first) plan_.ranges.push_back({first, last, micro_batch_});
    }
    PlaceInArena(plan_);
    return std::move(plan_);
  }

 private:
  const Node& node() const { return graph_.nodes[node_]; }
  const Op& op() const { return node().op; }
  ValueId source() const { return node().inputs[0]; }

  // What `make` returns, or nothing where oneDNN has no such primitive or only a slow one.
  template <typename Make>
  auto IfAccepted(const Make& make) const -> std::optional<decltype(make())> {
    try {
      auto primitive = make();
      if (Accepts(primitive.impl_info_str())) return primitive;
    } catch (const dnnl::error&) {
    }
    return std::nullopt;
  }

  // --- input and output

  absl::Status Emit(const Input&) {
    values_[node_] = NewValue(node().shape, Tag::nchw);
    plan_.input_buffer = values_[node_].buffer;
    plan_.buffers.back().whole_batch = true;
    return absl::OkStatus();
  }

  absl::Status Emit(const Output&) {
    SISKIN_RETURN_IF_ERROR(OwnMemory(source()));
    SISKIN_ASSIGN_OR_RETURN(values_[node_], InLayout(source(), Plain(source())));
    plan_.output_buffer = values_[node_].buffer;
    plan_.buffers[plan_.output_buffer].whole_batch = true;
    return absl::OkStatus();
  }

  // --- convolutions and linear layers

  absl::Status Emit(const BatchNorm&) {
    return absl::InvalidArgumentError(absl::StrCat(
        "graph ", graph_.name, ": ", node().name,
        " is a batch norm that is not folded: run ops::Optimize before compiling a plan"));
  }

  absl::Status Emit(const Convolution& conv) {
    const std::optional<Tag> layout = layouts_.ForConvolution(node_);
    if (const int channels = SliceChannelCount(layout); channels > 0) {
      return EmitSliced(*layout, channels);
    }
    const ConvolutionPart part = WholeOf(graph_, node_);
    const Desc src = layout.has_value() ? SourceIn(*layout) : AnyLayout(DimsOf(source()));
    if (const auto winograd = Winograd(part, layout); winograd.has_value()) {
      return EmitWinograd(part, *winograd);
    }
    if (const std::optional<Value> place = PlaceInConcat(); place.has_value()) {
      const Desc dst = DescOf(node().shape, *place);
      const auto direct = IfAccepted([&] { return MakeConvolution(part, src, dst); });
      if (direct.has_value()) {
        values_[node_] = *place;
        SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), direct->src_desc()));
        return AppendConvolution(part, *direct, input, *place);
      }
    }
    if (conv.residual) return EmitOntoResidual(part, src);
    const Desc dst =
        layout.has_value() ? Desc(DimsOf(node_), kF32, *layout) : AnyLayout(DimsOf(node_));
    return EmitConvolution(part, src, dst);
  }

  // With a value of its own.
  absl::Status EmitConvolution(const ConvolutionPart& part, const Desc& src, const Desc& dst) {
    const auto primitive = MakeConvolution(part, src, dst);
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), primitive.src_desc()));
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(node().shape, primitive.dst_desc()));
    return AppendConvolution(part, primitive, input, values_[node_]);
  }

  // See ops/winograd.h.
  std::optional<dnnl::convolution_forward::primitive_desc> Winograd(
      const ConvolutionPart& part, std::optional<Tag> layout) const {
    if (!options_.winograd || layout != Tag::nChw16c || part.op.residual) return std::nullopt;
    const Desc src(DimsOf(source()), kF32, *layout), dst(DimsOf(node_), kF32, *layout);
    const auto primitive = IfAccepted(
        [&] { return MakeConvolution(part, src, dst, dnnl::algorithm::convolution_winograd); });
    if (!primitive.has_value()) return std::nullopt;
    const bool pays = WinogradPays(part.in, part.out, primitive->impl_info_str(), cache_bytes_);
    return pays ? primitive : std::nullopt;
  }

  // Winograd's kernels write images one behind the other. In a concatenation of several, they are
  // apart; to copy them there costs less than a direct kernel does.
  absl::Status EmitWinograd(const ConvolutionPart& part,
                            const dnnl::convolution_forward::primitive_desc& primitive) {
    const std::optional<Value> place = micro_batch_ == 1 ? PlaceInConcat() : std::nullopt;
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), primitive.src_desc()));
    values_[node_] = place.has_value() ? *place : NewValue(node().shape, Tag::nChw16c);
    return AppendConvolution(part, primitive, input, values_[node_]);
  }

  // The convolution adds to the residual where that lies, in its layout if there is a kernel for
  // it.
  absl::Status EmitOntoResidual(const ConvolutionPart& part, const Desc& src) {
    const ValueId residual = node().inputs[1];
    SISKIN_RETURN_IF_ERROR(OwnMemory(residual));
    auto primitive = IfAccepted([&] { return MakeConvolution(part, src, DescOf(residual)); });
    if (!primitive.has_value()) {
      primitive = MakeConvolution(part, src, AnyLayout(DimsOf(node_)));
    }
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), primitive->src_desc()));
    SISKIN_ASSIGN_OR_RETURN(values_[node_], InLayout(residual, primitive->dst_desc()));
    return AppendConvolution(part, *primitive, input, values_[node_]);
  }

  // The input is plain, for its writers' sake; oneDNN has kernels that read three such channels.
  Desc SourceIn(Tag layout) const {
    const bool is_image = source() == 0 && ShapeOf(source()).channels <= 3;
    return Desc(DimsOf(source()), kF32, is_image ? Tag::nchw : layout);
  }

  // A convolution and the depthwise one behind it, a slice of channels at a time, so that what is
  // between them stays in the cache: neither needs a channel of another slice. Blocked layouts keep
  // the channels of a slice together, so a slice of the result is a view of it.
  absl::Status EmitSliced(Tag layout, int channels) {
    const int depthwise = node_ + 1;
    const Shape& result = ShapeOf(depthwise);
    const Desc src = SourceIn(layout);
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), src));
    const Value output = NewValue(result, layout);
    for (int first = 0; first < result.channels; first += channels) {
      const ConvolutionPart wide = PartOf(WholeOf(graph_, node_), first, channels);
      const ConvolutionPart deep = PartOf(WholeOf(graph_, depthwise), first, channels);
      const Value between = NewValue(wide.out, layout);
      const Desc between_desc = DescOf(wide.out, between);
      SISKIN_RETURN_IF_ERROR(
          AppendConvolution(wide, MakeConvolution(wide, src, between_desc), input, between));
      const Value slice = *ViewOf(output, result, first, channels);
      SISKIN_RETURN_IF_ERROR(AppendConvolution(
          deep, MakeConvolution(deep, between_desc, DescOf(deep.out, slice)), between, slice));
    }
    values_[depthwise] = output;
    node_ = depthwise;  // done with it, too
    return absl::OkStatus();
  }

  // How many channels to compute at a time with the depthwise convolution behind this one; 0: this
  // is no such pair, or what is between them fits the cache.
  int SliceChannelCount(std::optional<Tag> layout) const {
    if (!layout.has_value() || layout == Tag::nhwc) return 0;
    if (micro_batch_ != 1 || node_ == segment_last_) return 0;
    const auto* next = std::get_if<Convolution>(&graph_.nodes[node_ + 1].op);
    const Shape& between = node().shape;
    const bool is_pair =
        next != nullptr && next->groups == between.channels &&
        ShapeOf(node_ + 1).channels == between.channels && !next->residual &&
        !std::get<Convolution>(op()).residual && std::get<Convolution>(op()).groups == 1 &&
        graph_.Consumers(node_) == std::vector<int>{node_ + 1} && between.channels % 16 == 0;
    const int64_t plane = int64_t{4} * between.height * between.width;
    if (!is_pair || plane * between.channels <= cache_bytes_) return 0;
    int channels = 16;
    for (int c = 32; c < between.channels && c * plane <= cache_bytes_; c += 16) {
      if (between.channels % c == 0) channels = c;
    }
    return channels;
  }

  absl::Status AppendConvolution(const ConvolutionPart& part,
                                 const dnnl::convolution_forward::primitive_desc& primitive,
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

  // A 1x1 convolution of a 1x1 image: oneDNN's kernels for those stream the weights from memory
  // faster than its inner product does (DNNL_VERBOSE=1 shows it).
  absl::Status Emit(const Linear&) {
    const Tag layout = layouts_.ForLinear();
    return EmitConvolution(WholeOf(graph_, node_), Desc(DimsOf(source()), kF32, layout),
                           Desc(DimsOf(node_), kF32, layout));
  }

  // --- pools

  absl::Status Emit(const Pool& pool) {
    const onednn::PoolGeometry geometry = {{pool.stride, pool.stride},
                                           {pool.kernel.height, pool.kernel.width},
                                           {pool.padding.top, pool.padding.left},
                                           {pool.padding.bottom, pool.padding.right}};
    return EmitPool(AlgorithmOf(pool.kind), geometry);
  }

  absl::Status Emit(const GlobalAvgPool&) {
    const Dims kernel = {ShapeOf(source()).height, ShapeOf(source()).width};
    SISKIN_RETURN_IF_ERROR(
        EmitPool(dnnl::algorithm::pooling_avg_exclude_padding, {kernel, kernel, {0, 0}, {0, 0}}));
    if (node_ != graph_.Features()) return absl::OkStatus();
    SISKIN_ASSIGN_OR_RETURN(const Value plain, InLayout(node_, Plain(node_)));
    plan_.features_buffer = plain.buffer;
    plan_.features_shape = node().shape;
    plan_.buffers[plain.buffer].whole_batch = true;
    return absl::OkStatus();
  }

  absl::Status EmitPool(dnnl::algorithm algorithm, const onednn::PoolGeometry& geometry) {
    const auto pool = [&](const Desc& src, const Desc& dst) {
      return onednn::Pool(CpuEngine(), algorithm, src, dst, geometry, UserScratchpad());
    };
    SISKIN_RETURN_IF_ERROR(OwnLayout(source()));
    const Desc src = DescOf(source());
    const std::optional<Value> place = PlaceInConcat();
    if (place.has_value()) {
      const Desc dst = DescOf(node().shape, *place);
      const auto direct = IfAccepted([&] { return pool(src, dst); });
      if (direct.has_value()) {
        values_[node_] = *place;
        return AppendUnary(dnnl::pooling_forward(*direct), *direct);
      }
    }
    const auto primitive = pool(src, AnyLayout(DimsOf(node_)));
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(node().shape, primitive.dst_desc()));
    return AppendUnary(dnnl::pooling_forward(primitive), primitive);
  }

  // --- element-wise

  absl::Status Emit(const Activation& activation) {
    return EmitEltwise(EltwiseFunctions(activation.kind));
  }

  absl::Status Emit(const Scale& scale) { return EmitEltwise({ScaleFunction(scale.factor)}); }

  absl::Status EmitEltwise(const std::vector<EltwiseFunction>& functions) {
    SISKIN_RETURN_IF_ERROR(OwnLayout(source()));
    const Value input = values_[source()];
    values_[node_] = DiesHere(source()) ? input : NewValue(node().shape, input.layout);
    const Desc desc = DescOf(node_);
    for (size_t i = 0; i < functions.size(); ++i) {
      const auto& [algorithm, alpha, beta] = functions[i];
      const auto primitive =
          onednn::Eltwise(CpuEngine(), algorithm, desc, alpha, beta, UserScratchpad());
      SISKIN_RETURN_IF_ERROR(Append(node().name, 0, dnnl::eltwise_forward(primitive), primitive,
                                    {InBuffer(DNNL_ARG_SRC, desc, i == 0 ? input : values_[node_]),
                                     InBuffer(DNNL_ARG_DST, desc, values_[node_])}));
    }
    return absl::OkStatus();
  }

  absl::Status Emit(const Add&) { return EmitBinary(dnnl::algorithm::binary_add); }
  absl::Status Emit(const Multiply&) { return EmitBinary(dnnl::algorithm::binary_mul); }

  // Both operands in the layout of the first, the result too; channels last where oneDNN has only
  // its reference for that layout (a broadcast over vectors of eight channels).
  absl::Status EmitBinary(dnnl::algorithm algorithm) {
    const ValueId left = node().inputs[0], right = node().inputs[1];
    SISKIN_RETURN_IF_ERROR(OwnLayout(left));
    const auto make = [&] {
      const Desc right_desc(DimsOf(right), kF32, values_[left].layout);
      return onednn::Binary(CpuEngine(), algorithm, DescOf(left), right_desc, DescOf(left),
                            UserScratchpad());
    };
    if (!IfAccepted(make).has_value()) {
      SISKIN_RETURN_IF_ERROR(InLayout(left, Desc(DimsOf(left), kF32, Tag::nhwc)).status());
    }
    const Desc desc = DescOf(left);
    const Desc right_desc(DimsOf(right), kF32, values_[left].layout);
    SISKIN_ASSIGN_OR_RETURN(const Value other, InLayout(right, right_desc));
    values_[node_] = DiesHere(left) ? values_[left] : NewValue(node().shape, values_[left].layout);
    const auto primitive = make();
    return Append(
        node().name, 0, dnnl::binary(primitive), primitive,
        {InBuffer(DNNL_ARG_SRC_0, desc, values_[left]), InBuffer(DNNL_ARG_SRC_1, right_desc, other),
         InBuffer(DNNL_ARG_DST, desc, values_[node_])});
  }

  // --- channels

  // The parts that were not written in place (PlaceInConcat) are copied.
  absl::Status Emit(const Concat&) {
    const Value whole = ConcatValue(node_);
    int first = 0;
    for (ValueId part : node().inputs) {
      const Value place = *ViewOf(whole, node().shape, first, ShapeOf(part).channels);
      const bool is_there =
          values_[part].buffer == place.buffer && values_[part].offset == place.offset;
      if (!is_there) Copy(part, place);
      first += ShapeOf(part).channels;
    }
    values_[node_] = whole;
    return absl::OkStatus();
  }

  // The memory of a concatenation, made when the first of its parts asks for it.
  Value ConcatValue(ValueId concat) {
    if (values_[concat].buffer < 0) {
      values_[concat] = NewValue(ShapeOf(concat), layouts_.ForConcat());
    }
    return values_[concat];
  }

  // Where in a concatenation this node's value belongs, if nothing else reads it.
  std::optional<Value> PlaceInConcat() {
    const std::vector<int> readers = graph_.Consumers(node_);
    if (readers.size() != 1 || !std::holds_alternative<Concat>(graph_.nodes[readers[0]].op)) {
      return std::nullopt;
    }
    int first = 0;
    for (ValueId part : graph_.nodes[readers[0]].inputs) {
      if (part == node_) break;
      first += ShapeOf(part).channels;
    }
    return ViewOf(ConcatValue(readers[0]), ShapeOf(readers[0]), first, node().shape.channels);
  }

  absl::Status Emit(const SliceChannels& slice) {
    const Shape& whole = ShapeOf(source());
    std::optional<Value> view =
        ViewOf(values_[source()], whole, slice.first, node().shape.channels);
    if (!view.has_value()) {
      const Desc channels_last(DimsOf(source()), kF32, Tag::nhwc);
      SISKIN_ASSIGN_OR_RETURN(const Value moved, InLayout(source(), channels_last));
      view = ViewOf(moved, whole, slice.first, node().shape.channels);
    }
    values_[node_] = *view;
    return absl::OkStatus();
  }

  absl::Status Emit(const ChannelShuffle& shuffle) {
    SISKIN_RETURN_IF_ERROR(OwnLayout(source()));
    const int group_size = node().shape.channels / shuffle.groups;
    const auto primitive = IfAccepted([&] {
      return onednn::ShuffleChannels(CpuEngine(), DescOf(source()), group_size, UserScratchpad());
    });
    if (!primitive.has_value()) return EmitTransposedShuffle(shuffle.groups);
    values_[node_] = NewValue(node().shape, values_[source()].layout);
    return AppendUnary(dnnl::shuffle_forward(*primitive), *primitive);
  }

  // With channels last, a shuffle is the transposition of [pixels, groups, channels a group].
  absl::Status EmitTransposedShuffle(int groups) {
    const Shape& shape = node().shape;
    const Desc channels_last(DimsOf(source()), kF32, Tag::nhwc);
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source(), channels_last));
    values_[node_] = NewValue(shape, Tag::nhwc);
    const int64_t per_group = shape.channels / groups;
    const Dims dims = {int64_t{micro_batch_} * shape.height * shape.width, groups, per_group};
    const Desc from(dims, kF32, Dims{shape.channels, per_group, 1});
    const Desc to(dims, kF32, Dims{shape.channels, 1, groups});
    const dnnl::reorder::primitive_desc primitive(CpuEngine(), from, CpuEngine(), to,
                                                  UserScratchpad());
    return Append(
        node().name, 0, dnnl::reorder(primitive), primitive,
        {InBuffer(DNNL_ARG_FROM, from, input), InBuffer(DNNL_ARG_TO, to, values_[node_])});
  }

  absl::Status Emit(const PadChannels&) {
    const Shape& shape = node().shape;
    const int present = ShapeOf(source()).channels, missing = shape.channels - present;
    values_[node_] = NewValue(shape, Tag::nhwc);
    Copy(source(), *ViewOf(values_[node_], shape, 0, present));
    if (missing == 0) return absl::OkStatus();
    return AppendZeros({missing, shape.height, shape.width},
                       *ViewOf(values_[node_], shape, present, missing));
  }

  absl::Status AppendZeros(const Shape& shape, const Value& to) {
    const Dims dims = DimsOf(shape);
    const Desc from_desc(dims, kF32, Tag::nhwc), to_desc = DescOf(shape, to);
    const Parameter zeros = {
        .key = absl::StrCat("zeros ", shape.ToString(), " for ", micro_batch_),
        .shape = dims,
        .data = TensorData(std::vector<float>(micro_batch_ * shape.elements(), 0.0f))};
    const dnnl::reorder::primitive_desc primitive(CpuEngine(), from_desc, CpuEngine(), to_desc,
                                                  UserScratchpad());
    return Append(
        node().name, 0, dnnl::reorder(primitive), primitive,
        {Constant(DNNL_ARG_FROM, zeros, from_desc, from_desc), InBuffer(DNNL_ARG_TO, to_desc, to)});
  }

  absl::Status Emit(const Flatten&) {
    SISKIN_RETURN_IF_ERROR(OwnLayout(source()));
    const Desc channels_last(DimsOf(source()), kF32, Tag::nhwc);
    SISKIN_ASSIGN_OR_RETURN(values_[node_], InLayout(source(), channels_last));
    values_[node_].layout = Tag::nchw;  // of a vector
    return absl::OkStatus();
  }

  // Few primitives read a view of channels-last values, so that is copied.
  absl::Status OwnLayout(ValueId id) {
    return InLayout(id, Desc(DimsOf(id), kF32, values_[id].layout)).status();
  }

  // Any view is copied, for a value that is to be overwritten.
  absl::Status OwnMemory(ValueId id) {
    if (!values_[id].is_view()) return absl::OkStatus();
    const Value own = NewValue(ShapeOf(id), values_[id].layout);
    Copy(id, own);
    values_[id] = own;
    return absl::OkStatus();
  }

  // A step from the operand to the result.
  template <typename PrimitiveDesc>
  absl::Status AppendUnary(dnnl::primitive primitive, const PrimitiveDesc& desc) {
    return Append(node().name, 0, std::move(primitive), desc,
                  {InBuffer(DNNL_ARG_SRC, DescOf(source()), values_[source()]),
                   InBuffer(DNNL_ARG_DST, DescOf(node_), values_[node_])});
  }

  const int64_t cache_bytes_;
  const LayoutPolicy layouts_;
  int segment_last_ = 0;  // of the segment being compiled
};

}  // namespace

absl::StatusOr<CompiledPlan> CompileGraph(const Graph& graph, const PlanOptions& options,
                                          std::shared_ptr<PackedWeights> weights) {
  return PlanCompiler(graph, options, std::move(weights)).Run();
}

}  // namespace siskin::ops
