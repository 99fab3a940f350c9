// Graph -> steps: makes a primitive for every node, reorders where layouts differ, and places the
// buffers.
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ops/arena_layout.h"
#include "ops/compiled_plan.h"
#include "ops/onednn_runtime.h"
#include "ops/segments.h"
#include "ops/status_macros.h"

namespace siskin::ops {
namespace {

using dnnl::memory;
using onednn::Desc;
using onednn::Dims;
using Tag = memory::format_tag;

constexpr auto kF32 = memory::data_type::f32;
constexpr size_t kBufferAlignment = 64;  // a cache line and a vector register
constexpr int64_t kDefaultCacheBytes = int64_t{1} << 20;

// Layouts a value may have. All keep images apart, so that a run over some images of a batch is a
// pointer into it.
constexpr Tag kValueLayouts[] = {Tag::nchw, Tag::nChw16c, Tag::nChw8c, Tag::nhwc, Tag::nChw4c};

int64_t CacheBytes(const PlanOptions& options) {
  if (options.cache_bytes > 0) return options.cache_bytes;
  const long detected = sysconf(_SC_LEVEL2_CACHE_SIZE);  // 0 or -1 where the kernel hides it
  return detected > 0 ? detected : kDefaultCacheBytes;
}

Dims BatchDims(int images, const Shape& shape) {
  return {images, shape.channels, shape.height, shape.width};
}

Desc AnyLayout(const Dims& dims) { return Desc(dims, kF32, Tag::any); }

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

struct EltwiseFunction {
  dnnl::algorithm algorithm;
  float alpha = 0;
  float beta = 0;
};

EltwiseFunction Function(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kRelu:
      return {dnnl::algorithm::eltwise_relu};
    case ActivationKind::kRelu6:
      return {dnnl::algorithm::eltwise_clip, 0, 6};
    case ActivationKind::kNone:
      break;
  }
  return {dnnl::algorithm::eltwise_linear, 1, 0};
}

class PlanCompiler {
 public:
  PlanCompiler(const Graph& graph, const PlanOptions& options,
               std::shared_ptr<PackedWeights> weights)
      : graph_(graph),
        options_(options),
        cache_bytes_(CacheBytes(options)),
        in_front_(dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core) {
    plan_.batch_size = options.batch_size;
    plan_.input_shape = graph.input_shape();
    plan_.output_shape = graph.output_shape();
    plan_.weights = std::move(weights);
  }

  absl::StatusOr<CompiledPlan> Run() {
    values_.resize(graph_.nodes.size());
    for (const Segment& segment : CutSegments(graph_, options_.batch_size, cache_bytes_)) {
      micro_batch_ = segment.micro_batch;
      const int first = static_cast<int>(plan_.steps.size());
      for (node_ = segment.first; node_ <= segment.last; ++node_) {
        SISKIN_RETURN_IF_ERROR(std::visit([this](const auto& op) { return Emit(op); }, op()));
      }
      const int last = static_cast<int>(plan_.steps.size()) - 1;
      // Segments without steps (the input alone, an output that needs no reorder) vanish.
      if (last >= first) plan_.ranges.push_back({first, last, micro_batch_});
    }
    PlaceAll();
    return std::move(plan_);
  }

 private:
  // Where a value is and how it is laid out.
  struct Value {
    Tag layout = Tag::undef;
    int buffer = -1;
  };

  const Node& node() const { return graph_.nodes[node_]; }
  const Op& op() const { return node().op; }
  const Shape& ShapeOf(ValueId id) const { return graph_.nodes[id].shape; }
  Dims OutputDims() const { return BatchDims(micro_batch_, node().shape); }
  Desc DescOf(ValueId id) const {
    return Desc(BatchDims(micro_batch_, ShapeOf(id)), kF32, values_[id].layout);
  }

  absl::Status Emit(const Input&) {
    values_[node_] = {Tag::nchw, NewBuffer(node().shape.elements() * sizeof(float))};
    plan_.input_buffer = values_[node_].buffer;
    plan_.buffers.back().whole_batch = true;
    return absl::OkStatus();
  }

  absl::Status Emit(const Output&) {
    const ValueId source = node().inputs[0];
    SISKIN_ASSIGN_OR_RETURN(
        const Value plain,
        InLayout(source, Desc(BatchDims(micro_batch_, ShapeOf(source)), kF32, Tag::nchw)));
    values_[node_] = plain;
    plan_.output_buffer = plain.buffer;
    plan_.buffers[plain.buffer].whole_batch = true;
    return absl::OkStatus();
  }

  absl::Status Emit(const BatchNorm&) {
    return absl::InvalidArgumentError(absl::StrCat(
        "graph ", graph_.name, ": ", node().name,
        " is a batch norm that is not folded: run ops::Optimize before compiling a plan"));
  }

  absl::Status Emit(const Convolution& conv) {
    const ValueId source = node().inputs[0];
    const Parameter& weight = graph_.parameters[conv.weight];
    const Dims weight_dims = WeightDims(conv, weight);
    dnnl::primitive_attr attr = UserScratchpad();
    attr.set_post_ops(PostOps(conv));
    in_front_ = in_front_ && StaysInFront(source);
    const Desc src =
        in_front_ ? FrontLayout(source) : AnyLayout(BatchDims(micro_batch_, ShapeOf(source)));
    const Desc dst = conv.residual ? DescOf(node().inputs[1])
                     : in_front_   ? Desc(OutputDims(), kF32, Tag::nChw16c)
                                   : AnyLayout(OutputDims());
    const Desc bias =
        conv.bias == kNoParameter ? Desc() : Desc({node().shape.channels}, kF32, Tag::x);
    const auto primitive = onednn::Convolution(CpuEngine(), src, AnyLayout(weight_dims), bias, dst,
                                               Geometry(conv), attr);
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source, primitive.src_desc()));
    SISKIN_ASSIGN_OR_RETURN(const Value output, conv.residual
                                                    ? values_[node().inputs[1]]
                                                    : NewValue(OutputDims(), primitive.dst_desc()));
    std::vector<StepArgument> arguments = {
        InBuffer(DNNL_ARG_SRC, primitive.src_desc(), input),
        Constant(DNNL_ARG_WEIGHTS, weight, Plain(weight_dims), primitive.weights_desc())};
    if (conv.bias != kNoParameter) {
      arguments.push_back(Constant(DNNL_ARG_BIAS, graph_.parameters[conv.bias], bias, bias));
    }
    arguments.push_back(InBuffer(DNNL_ARG_DST, primitive.dst_desc(), output));
    values_[node_] = output;
    return Append(node().name, dnnl::convolution_forward(primitive), primitive,
                  std::move(arguments));
  }

  absl::Status Emit(const Linear& linear) {
    const ValueId source = node().inputs[0];
    const Parameter& weight = graph_.parameters[linear.weight];
    const Dims weight_dims = {node().shape.channels, ShapeOf(source).channels, 1, 1};
    const Desc src = AnyLayout(BatchDims(micro_batch_, ShapeOf(source)));
    const Desc dst({micro_batch_, node().shape.channels}, kF32, Tag::nc);
    const Desc bias =
        linear.bias == kNoParameter ? Desc() : Desc({node().shape.channels}, kF32, Tag::x);
    const auto primitive =
        onednn::InnerProduct(CpuEngine(), src, AnyLayout(weight_dims), bias, dst, UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source, primitive.src_desc()));
    // [images, channels] is [images, channels, 1, 1] in memory.
    const Value output = {Tag::nchw, NewBuffer(node().shape.channels * sizeof(float))};
    std::vector<StepArgument> arguments = {
        InBuffer(DNNL_ARG_SRC, primitive.src_desc(), input),
        Constant(DNNL_ARG_WEIGHTS, weight, Plain(weight_dims), primitive.weights_desc()),
        InBuffer(DNNL_ARG_DST, primitive.dst_desc(), output)};
    if (linear.bias != kNoParameter) {
      arguments.push_back(Constant(DNNL_ARG_BIAS, graph_.parameters[linear.bias], bias, bias));
    }
    values_[node_] = output;
    return Append(node().name, dnnl::inner_product_forward(primitive), primitive,
                  std::move(arguments));
  }

  absl::Status Emit(const GlobalAvgPool&) {
    const ValueId source = node().inputs[0];
    const Dims kernel = {ShapeOf(source).height, ShapeOf(source).width};
    const auto primitive = onednn::AveragePool(CpuEngine(), DescOf(source), AnyLayout(OutputDims()),
                                               kernel, UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(OutputDims(), primitive.dst_desc()));
    return Append(node().name, dnnl::pooling_forward(primitive), primitive,
                  {InBuffer(DNNL_ARG_SRC, primitive.src_desc(), values_[source]),
                   InBuffer(DNNL_ARG_DST, primitive.dst_desc(), values_[node_])});
  }

  absl::Status Emit(const Activation& activation) {
    const ValueId source = node().inputs[0];
    const EltwiseFunction function = Function(activation.kind);
    const auto primitive = onednn::Eltwise(CpuEngine(), function.algorithm, DescOf(source),
                                           function.alpha, function.beta, UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(OutputDims(), primitive.dst_desc()));
    return Append(node().name, dnnl::eltwise_forward(primitive), primitive,
                  {InBuffer(DNNL_ARG_SRC, primitive.src_desc(), values_[source]),
                   InBuffer(DNNL_ARG_DST, primitive.dst_desc(), values_[node_])});
  }

  absl::Status Emit(const Add&) {
    const ValueId left = node().inputs[0], right = node().inputs[1];
    SISKIN_ASSIGN_OR_RETURN(const Value other, InLayout(right, DescOf(left)));
    const auto primitive =
        onednn::Sum(CpuEngine(), DescOf(left), DescOf(left), DescOf(left), UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(OutputDims(), primitive.dst_desc()));
    return Append(node().name, dnnl::binary(primitive), primitive,
                  {InBuffer(DNNL_ARG_SRC_0, DescOf(left), values_[left]),
                   InBuffer(DNNL_ARG_SRC_1, DescOf(left), other),
                   InBuffer(DNNL_ARG_DST, primitive.dst_desc(), values_[node_])});
  }

  // The first layers, whose activations do not fit the cache, run faster in oneDNN's blocked
  // layout, with vectors of sixteen channels, than in the channels-last one that it prefers where
  // it has matrix kernels: up to a third for depthwise layers (measured on AVX-512). The front ends
  // where channels would have to be padded to sixteen, or where the activations fit; it does not
  // resume, so that its layout costs one reorder at most.
  bool StaysInFront(ValueId source) const {
    const int channels = source == 0 ? node().shape.channels : ShapeOf(source).channels;
    const int64_t largest = std::max(ShapeOf(source).elements(), node().shape.elements());
    return channels % 16 == 0 && largest * static_cast<int64_t>(sizeof(float)) > cache_bytes_;
  }

  // The input is plain, for its writers' sake.
  Desc FrontLayout(ValueId source) const {
    const Tag layout = source == 0 ? Tag::nchw : Tag::nChw16c;
    return Desc(BatchDims(micro_batch_, ShapeOf(source)), kF32, layout);
  }

  static dnnl::post_ops PostOps(const Convolution& conv) {
    dnnl::post_ops ops;
    if (conv.residual) ops.append_sum();
    if (conv.activation != ActivationKind::kNone) {
      const EltwiseFunction function = Function(conv.activation);
      onednn::AppendEltwise(ops, function.algorithm, function.alpha, function.beta);
    }
    return ops;
  }

  // OIHW, or GOIHW for grouped convolutions: the same memory with one more dimension.
  static Dims WeightDims(const Convolution& conv, const Parameter& weight) {
    Dims dims(weight.shape.begin(), weight.shape.end());
    if (conv.groups == 1) return dims;
    dims[0] /= conv.groups;
    dims.insert(dims.begin(), conv.groups);
    return dims;
  }

  static Desc Plain(const Dims& dims) {
    return Desc(dims, kF32, dims.size() == 5 ? Tag::goihw : Tag::oihw);
  }

  onednn::ConvolutionGeometry Geometry(const Convolution& conv) const {
    const Shape& in = ShapeOf(node().inputs[0]);
    // What oneDNN may read after the input: exact, where the table's padding may include rows that
    // no output reads.
    const auto after = [&conv](int in_extent, int out_extent, int kernel, int before) {
      return (out_extent - 1) * conv.stride + (kernel - 1) * conv.dilation + 1 - in_extent - before;
    };
    return {{conv.stride, conv.stride},
            {conv.dilation - 1, conv.dilation - 1},
            {conv.padding.top, conv.padding.left},
            {after(in.height, node().shape.height, conv.kernel_height, conv.padding.top),
             after(in.width, node().shape.width, conv.kernel_width, conv.padding.left)}};
  }

  // --- values and buffers

  int NewBuffer(size_t image_bytes, size_t fixed_bytes = 0) {
    plan_.buffers.push_back({.image_bytes = image_bytes, .fixed_bytes = fixed_bytes});
    uses_.emplace_back();
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  // A new buffer for a value of the layout that oneDNN chose.
  absl::StatusOr<Value> NewValue(const Dims& dims, const Desc& desc) {
    SISKIN_ASSIGN_OR_RETURN(const Tag layout, LayoutOf(dims, desc));
    return Value{layout, NewBuffer(desc.get_size() / micro_batch_)};
  }

  absl::StatusOr<Tag> LayoutOf(const Dims& dims, const Desc& desc) const {
    for (Tag tag : kValueLayouts) {
      if (Desc(dims, kF32, tag) == desc) return tag;
    }
    return absl::InternalError(absl::StrCat("oneDNN chose a layout for ", node().name,
                                            " that a plan cannot cut into images"));
  }

  // `id` in the layout of `wanted`, through a reorder if need be. The value moves: whoever reads it
  // later finds it there.
  absl::StatusOr<Value> InLayout(ValueId id, const Desc& wanted) {
    const Desc have = DescOf(id);
    if (have == wanted) return values_[id];
    const dnnl::reorder::primitive_desc primitive(CpuEngine(), have, CpuEngine(), wanted,
                                                  UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(const Value reordered,
                            NewValue(BatchDims(micro_batch_, ShapeOf(id)), wanted));
    AppendStep(
        absl::StrCat("reorder ", graph_.nodes[id].name), dnnl::reorder(primitive),
        primitive.scratchpad_desc(), primitive.impl_info_str(), 0,
        {InBuffer(DNNL_ARG_FROM, have, values_[id]), InBuffer(DNNL_ARG_TO, wanted, reordered)});
    values_[id] = reordered;
    return reordered;
  }

  // --- steps

  static StepArgument InBuffer(int id, const Desc& desc, const Value& value) {
    return {.id = id, .desc = desc, .buffer = value.buffer, .constant = {}};
  }

  StepArgument Constant(int id, const Parameter& parameter, const Desc& plain, const Desc& wanted) {
    return {.id = id, .desc = wanted, .constant = plan_.weights->Get(parameter, plain, wanted)};
  }

  template <typename PrimitiveDesc>
  absl::Status Append(const std::string& name, dnnl::primitive primitive, const PrimitiveDesc& desc,
                      std::vector<StepArgument> arguments) {
    const std::string implementation = desc.impl_info_str();
    if (!options_.allow_reference && implementation.starts_with("ref")) {
      return absl::FailedPreconditionError(
          absl::StrCat("layer ", name, " has only oneDNN's reference implementation (",
                       implementation, "), which is too slow to serve"));
    }
    AppendStep(name, std::move(primitive), desc.scratchpad_desc(), implementation,
               graph_.MultiplyAdds(node()), std::move(arguments));
    return absl::OkStatus();
  }

  void AppendStep(std::string name, dnnl::primitive primitive, const Desc& scratchpad,
                  std::string implementation, int64_t multiply_adds,
                  std::vector<StepArgument> arguments) {
    if (scratchpad.get_size() > 0) {
      arguments.push_back({.id = DNNL_ARG_SCRATCHPAD,
                           .desc = scratchpad,
                           .buffer = NewBuffer(0, scratchpad.get_size()),
                           .constant = {}});
    }
    const int step = static_cast<int>(plan_.steps.size());
    for (const StepArgument& argument : arguments) {
      if (argument.buffer >= 0) uses_[argument.buffer].push_back(step);
    }
    plan_.steps.push_back(
        {std::move(primitive),
         std::move(arguments),
         {std::move(name), std::move(implementation), micro_batch_, multiply_adds}});
  }

  // --- placement

  int RangeOf(int step) const {
    const auto range = std::find_if(plan_.ranges.begin(), plan_.ranges.end(),
                                    [step](const StepRange& r) { return step <= r.last; });
    return static_cast<int>(range - plan_.ranges.begin());
  }

  // Life and size of one buffer. A buffer that crosses ranges lives through all runs of each.
  BufferLife LifeOf(int index) {
    Buffer& buffer = plan_.buffers[index];
    const int last_step = static_cast<int>(plan_.steps.size()) - 1;
    const int first = index == plan_.input_buffer ? 0 : uses_[index].front();
    const int last = index == plan_.output_buffer ? last_step : uses_[index].back();
    const StepRange& first_range = plan_.ranges[RangeOf(first)];
    const StepRange& last_range = plan_.ranges[RangeOf(last)];
    if (&first_range != &last_range) buffer.whole_batch = true;
    if (!buffer.whole_batch) {
      return {buffer.image_bytes * first_range.micro_batch + buffer.fixed_bytes, first, last};
    }
    return {buffer.image_bytes * plan_.batch_size + buffer.fixed_bytes, first_range.first,
            last_range.last};
  }

  void PlaceAll() {
    std::vector<BufferLife> lives;
    for (size_t i = 0; i < plan_.buffers.size(); ++i) lives.push_back(LifeOf(static_cast<int>(i)));
    const ArenaLayout layout = PlaceBuffers(lives, kBufferAlignment);
    for (size_t i = 0; i < plan_.buffers.size(); ++i) plan_.buffers[i].offset = layout.offsets[i];
    plan_.arena_bytes = layout.bytes;
  }

  const Graph& graph_;
  const PlanOptions& options_;
  CompiledPlan plan_;
  std::vector<Value> values_;           // by ValueId
  std::vector<std::vector<int>> uses_;  // steps that touch each buffer, in order
  int node_ = 0;
  int micro_batch_ = 1;
  const int64_t cache_bytes_;
  bool in_front_;  // see StaysInFront
};

}  // namespace

absl::StatusOr<CompiledPlan> CompileGraph(const Graph& graph, const PlanOptions& options,
                                          std::shared_ptr<PackedWeights> weights) {
  return PlanCompiler(graph, options, std::move(weights)).Run();
}

}  // namespace siskin::ops
