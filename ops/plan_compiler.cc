// Graph -> steps: makes a primitive for every node.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/compiled_plan.h"
#include "ops/convolution_compiler.h"
#include "ops/eltwise.h"
#include "ops/onednn_runtime.h"
#include "ops/plan_placement.h"
#include "ops/segments.h"

namespace siskin::ops {
namespace {

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

class PlanCompiler : private ConvolutionCompiler {
 public:
  PlanCompiler(const Graph& graph, const PlanOptions& options,
               std::shared_ptr<PackedWeights> weights)
      : ConvolutionCompiler(graph, options, std::move(weights)) {}

  absl::StatusOr<CompiledPlan> Run() {
    for (const Segment& segment : CutSegments(graph_, options_.batch_size, cache_bytes_)) {
      micro_batch_ = segment.micro_batch;
      segment_last_ = segment.last;
      const int first = static_cast<int>(plan_.steps.size());
      // EmitConvolution moves node_ on where it compiles two nodes together.
      for (node_ = segment.first; node_ <= segment.last; ++node_) {
        SISKIN_RETURN_IF_ERROR(std::visit([this](const auto& op) { return Emit(op); }, op()));
      }
      const int last = static_cast<int>(plan_.steps.size()) - 1;
      // Segments without steps (the input alone, an output that needs no reorder) vanish.
      if (last >= first) plan_.ranges.push_back({first, last, micro_batch_});
    }
    if (plan_.steps.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("graph ", graph_.name, " computes nothing"));
    }
    PlaceInArena(plan_);
    return std::move(plan_);
  }

 private:
  // --- input and output

  absl::Status Emit(const Input&) {
    values_[node_] = NewValue(node().shape, Tag::nchw);
    plan_.input_buffer = values_[node_].buffer;
    // It is filled before the first run of the first segment, for all of them.
    plan_.buffers.back().whole_batch = true;
    return absl::OkStatus();
  }

  absl::Status Emit(const Output&) {
    // A workspace reads the output from the start of its buffer, images one behind the other.
    SISKIN_RETURN_IF_ERROR(MaterializeCopy(source()));
    SISKIN_ASSIGN_OR_RETURN(values_[node_], InLayout(source(), Plain(source())));
    plan_.output_buffer = values_[node_].buffer;
    // Each run of the last segment leaves its images there.
    plan_.buffers[plan_.output_buffer].whole_batch = true;
    return absl::OkStatus();
  }

  // --- convolutions and linear layers

  absl::Status Emit(const BatchNorm&) {
    return absl::InvalidArgumentError(absl::StrCat(
        "graph ", graph_.name, ": ", node().name,
        " is a batch norm that is not folded: run ops::Optimize before compiling a plan"));
  }

  absl::Status Emit(const Convolution&) { return EmitConvolution(); }
  absl::Status Emit(const Linear&) { return EmitLinear(); }

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
    // As for the output: a view of a concatenation will not do, even where its layout is plain.
    SISKIN_RETURN_IF_ERROR(MaterializeCopy(node_));
    SISKIN_ASSIGN_OR_RETURN(const Value plain, InLayout(node_, Plain(node_)));
    // The value may move to another layout for later readers; the features stay in this buffer,
    // which nothing overwrites (IsLastUse, FuseResidualAdd).
    plan_.features_buffer = plain.buffer;
    plan_.features_shape = node().shape;
    plan_.buffers[plain.buffer].whole_batch = true;
    return absl::OkStatus();
  }

  absl::Status EmitPool(dnnl::algorithm algorithm, const onednn::PoolGeometry& geometry) {
    const auto pool = [&](const Desc& src, const Desc& dst) {
      return onednn::Pool(CpuEngine(), algorithm, src, dst, geometry, UserScratchpad());
    };
    SISKIN_RETURN_IF_ERROR(MaterializeLayout(source()));
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
    SISKIN_RETURN_IF_ERROR(MaterializeLayout(source()));
    const Value input = values_[source()];
    values_[node_] = IsLastUse(source()) ? input : NewValue(node().shape, input.layout);
    const Desc desc = DescOf(node_);
    // The first function reads the operand, each further one what the one before wrote.
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
    SISKIN_RETURN_IF_ERROR(MaterializeLayout(left));
    // Looks `left` up each time: it moves below where its layout is not accepted.
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
    // The right operand is never overwritten: it may be a gate, of another shape.
    values_[node_] = IsLastUse(left) ? values_[left] : NewValue(node().shape, values_[left].layout);
    const auto primitive = make();
    return Append(
        node().name, 0, dnnl::binary(primitive), primitive,
        {InBuffer(DNNL_ARG_SRC_0, desc, values_[left]), InBuffer(DNNL_ARG_SRC_1, right_desc, other),
         InBuffer(DNNL_ARG_DST, desc, values_[node_])});
  }

  // --- channels

  // The operands that were not written in place (PlaceInConcat), or moved since, are copied.
  absl::Status Emit(const Concat&) {
    const Value whole = ConcatValue(node_);
    int first = 0;
    for (ValueId operand : node().inputs) {
      const Value place = *ViewOf(whole, node().shape, first, ShapeOf(operand).channels);
      const bool is_there =
          values_[operand].buffer == place.buffer && values_[operand].offset == place.offset;
      if (!is_there) Copy(operand, place);
      first += ShapeOf(operand).channels;
    }
    values_[node_] = whole;
    return absl::OkStatus();
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
    SISKIN_RETURN_IF_ERROR(MaterializeLayout(source()));
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
    // In every run: between two of them, other values lie in the same memory.
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
    const Desc channels_last(DimsOf(source()), kF32, Tag::nhwc);
    SISKIN_RETURN_IF_ERROR(InLayout(source(), channels_last).status());
    // A view cannot be relabelled as a vector: its images are as far apart as those of the value
    // that it views, and a later segment would take them for vectors one behind the other.
    SISKIN_RETURN_IF_ERROR(MaterializeCopy(source()));
    values_[node_] = values_[source()];
    values_[node_].layout = Tag::nchw;
    return absl::OkStatus();
  }

  // A step from the operand to the result.
  template <typename PrimitiveDesc>
  absl::Status AppendUnary(dnnl::primitive primitive, const PrimitiveDesc& desc) {
    return Append(node().name, 0, std::move(primitive), desc,
                  {InBuffer(DNNL_ARG_SRC, DescOf(source()), values_[source()]),
                   InBuffer(DNNL_ARG_DST, DescOf(node_), values_[node_])});
  }
};

}  // namespace

absl::StatusOr<CompiledPlan> CompileGraph(const Graph& graph, const PlanOptions& options,
                                          std::shared_ptr<PackedWeights> weights) {
  return PlanCompiler(graph, options, std::move(weights)).Run();
}

}  // namespace siskin::ops
