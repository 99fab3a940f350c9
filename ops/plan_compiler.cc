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
      segment_last_ = segment.last;
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
    in_front_ = in_front_ && StaysInFront(source);
    if (const int channels = SliceChannels(); channels > 0) return EmitSliced(channels);
    const ConvPart part = Part(node_, 0, node().shape.channels);
    const Desc src =
        in_front_ ? FrontLayout(source) : AnyLayout(BatchDims(micro_batch_, ShapeOf(source)));
    const Desc dst = conv.residual ? DescOf(node().inputs[1])
                     : in_front_   ? Desc(OutputDims(), kF32, Tag::nChw16c)
                                   : AnyLayout(OutputDims());
    const auto primitive = Primitive(part, src, dst);
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source, primitive.src_desc()));
    SISKIN_ASSIGN_OR_RETURN(values_[node_], conv.residual
                                                ? values_[node().inputs[1]]
                                                : NewValue(OutputDims(), primitive.dst_desc()));
    return Append(part, primitive, input, values_[node_], 0);
  }

  // A convolution and the depthwise one behind it, a slice of channels at a time, so that what is
  // between them stays in the cache: neither needs a channel of another slice. Blocked layouts keep
  // the channels of a slice together, so a slice of the result is a pointer into it.
  absl::Status EmitSliced(int channels) {
    const ValueId source = node().inputs[0], depthwise = node_ + 1;
    const Shape& result = ShapeOf(depthwise);
    SISKIN_ASSIGN_OR_RETURN(const Value input, InLayout(source, FrontLayout(source)));
    const Value output = {Tag::nChw16c, NewBuffer(result.elements() * sizeof(float))};
    for (int first = 0; first < result.channels; first += channels) {
      const ConvPart wide = Part(node_, first, channels), deep = Part(depthwise, first, channels);
      const Desc between_desc(BatchDims(1, wide.out), kF32, Tag::nChw16c);
      const Value between = {Tag::nChw16c, NewBuffer(between_desc.get_size())};
      SISKIN_RETURN_IF_ERROR(
          Append(wide, Primitive(wide, FrontLayout(source), between_desc), input, between, 0));
      const size_t offset = size_t{1} * first * result.height * result.width * sizeof(float);
      const Desc slice_desc(BatchDims(1, deep.out), kF32, Tag::nChw16c);
      SISKIN_RETURN_IF_ERROR(
          Append(deep, Primitive(deep, between_desc, slice_desc), between, output, offset));
    }
    values_[depthwise] = output;
    node_ = depthwise;  // done with it, too
    return absl::OkStatus();
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
    return Append(node().name, graph_.MultiplyAdds(node()), dnnl::inner_product_forward(primitive),
                  primitive, std::move(arguments));
  }

  absl::Status Emit(const GlobalAvgPool&) {
    const ValueId source = node().inputs[0];
    const Dims kernel = {ShapeOf(source).height, ShapeOf(source).width};
    const auto primitive = onednn::AveragePool(CpuEngine(), DescOf(source), AnyLayout(OutputDims()),
                                               kernel, UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(OutputDims(), primitive.dst_desc()));
    return Append(node().name, graph_.MultiplyAdds(node()), dnnl::pooling_forward(primitive),
                  primitive,
                  {InBuffer(DNNL_ARG_SRC, primitive.src_desc(), values_[source]),
                   InBuffer(DNNL_ARG_DST, primitive.dst_desc(), values_[node_])});
  }

  absl::Status Emit(const Activation& activation) {
    const ValueId source = node().inputs[0];
    const EltwiseFunction function = Function(activation.kind);
    const auto primitive = onednn::Eltwise(CpuEngine(), function.algorithm, DescOf(source),
                                           function.alpha, function.beta, UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(OutputDims(), primitive.dst_desc()));
    return Append(node().name, graph_.MultiplyAdds(node()), dnnl::eltwise_forward(primitive),
                  primitive,
                  {InBuffer(DNNL_ARG_SRC, primitive.src_desc(), values_[source]),
                   InBuffer(DNNL_ARG_DST, primitive.dst_desc(), values_[node_])});
  }

  absl::Status Emit(const Add&) {
    const ValueId left = node().inputs[0], right = node().inputs[1];
    SISKIN_ASSIGN_OR_RETURN(const Value other, InLayout(right, DescOf(left)));
    const auto primitive =
        onednn::Sum(CpuEngine(), DescOf(left), DescOf(left), DescOf(left), UserScratchpad());
    SISKIN_ASSIGN_OR_RETURN(values_[node_], NewValue(OutputDims(), primitive.dst_desc()));
    return Append(node().name, graph_.MultiplyAdds(node()), dnnl::binary(primitive), primitive,
                  {InBuffer(DNNL_ARG_SRC_0, DescOf(left), values_[left]),
                   InBuffer(DNNL_ARG_SRC_1, DescOf(left), other),
                   InBuffer(DNNL_ARG_DST, primitive.dst_desc(), values_[node_])});
  }

  // The first layers, whose activations do not fit the cache, run faster in oneDNN's blocked
  // layout, with vectors of sixteen channels, than in the channels-last one that it prefers where
  // it has matrix kernels; depthwise layers above all (DNNL_VERBOSE=1 shows it). The front ends
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

  // How many channels to compute at a time with the depthwise convolution behind this one; 0: this
  // is no such pair, or what is between them fits the cache.
  int SliceChannels() const {
    if (!in_front_ || micro_batch_ != 1 || node_ == segment_last_) return 0;
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

  // The part of a convolution that computes output channels [first, first + count).
  struct ConvPart {
    const Node* node = nullptr;
    Shape in;  // of what this part reads
    Shape out;
    int groups = 1;
    Parameter weight;
    std::optional<Parameter> bias;
  };

  ConvPart Part(ValueId id, int first, int count) const {
    const Node& whole = graph_.nodes[id];
    const auto& conv = std::get<Convolution>(whole.op);
    ConvPart part = {&whole, ShapeOf(whole.inputs[0]), whole.shape, conv.groups,
                     Rows(graph_.parameters[conv.weight], first, count)};
    if (conv.bias != kNoParameter) part.bias = Rows(graph_.parameters[conv.bias], first, count);
    if (count < whole.shape.channels && conv.groups > 1) part.in.channels = part.groups = count;
    part.out.channels = count;
    return part;
  }

  static Parameter Rows(const Parameter& parameter, int first, int count) {
    if (count == parameter.shape[0]) return parameter;
    const int64_t row = parameter.elements() / parameter.shape[0];
    Parameter rows = {.key = absl::StrCat(parameter.key, "[", first, "]"),
                      .shape = parameter.shape,
                      .data = parameter.data.Slice(first * row, count * row)};
    rows.shape[0] = count;
    return rows;
  }

  static dnnl::convolution_forward::primitive_desc Primitive(const ConvPart& part, const Desc& src,
                                                             const Desc& dst) {
    dnnl::primitive_attr attr = UserScratchpad();
    attr.set_post_ops(PostOps(std::get<Convolution>(part.node->op)));
    const Desc bias = part.bias.has_value() ? Desc({part.out.channels}, kF32, Tag::x) : Desc();
    return onednn::Convolution(CpuEngine(), src, AnyLayout(WeightDims(part)), bias, dst,
                               Geometry(part), attr);
  }

  // The step of `part`, from `input` to `output`, `offset` bytes into it.
  absl::Status Append(const ConvPart& part,
                      const dnnl::convolution_forward::primitive_desc& primitive,
                      const Value& input, const Value& output, size_t offset) {
    std::vector<StepArgument> arguments = {
        InBuffer(DNNL_ARG_SRC, primitive.src_desc(), input),
        Constant(DNNL_ARG_WEIGHTS, part.weight, Plain(WeightDims(part)), primitive.weights_desc()),
        InBuffer(DNNL_ARG_DST, primitive.dst_desc(), output)};
    arguments.back().offset = offset;
    if (part.bias.has_value()) {
      const Desc bias({part.out.channels}, kF32, Tag::x);
      arguments.push_back(Constant(DNNL_ARG_BIAS, *part.bias, bias, bias));
    }
    const int64_t multiply_adds =
        graph_.MultiplyAdds(*part.node) * part.out.channels / part.node->shape.channels;
    return Append(part.node->name, multiply_adds, dnnl::convolution_forward(primitive), primitive,
                  std::move(arguments));
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
  static Dims WeightDims(const ConvPart& part) {
    Dims dims(part.weight.shape.begin(), part.weight.shape.end());
    if (part.groups == 1) return dims;
    dims[0] /= part.groups;
    dims.insert(dims.begin(), part.groups);
    return dims;
  }

  static Desc Plain(const Dims& dims) {
    return Desc(dims, kF32, dims.size() == 5 ? Tag::goihw : Tag::oihw);
  }

  static onednn::ConvolutionGeometry Geometry(const ConvPart& part) {
    const auto& conv = std::get<Convolution>(part.node->op);
    // What oneDNN may read after the input: exact, where the table's padding may include rows that
    // no output reads.
    const auto after = [&conv](int in, int out, int kernel, int before) {
      return (out - 1) * conv.stride + (kernel - 1) * conv.dilation + 1 - in - before;
    };
    return {{conv.stride, conv.stride},
            {conv.dilation - 1, conv.dilation - 1},
            {conv.padding.top, conv.padding.left},
            {after(part.in.height, part.out.height, conv.kernel_height, conv.padding.top),
             after(part.in.width, part.out.width, conv.kernel_width, conv.padding.left)}};
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
  absl::Status Append(const std::string& name, int64_t multiply_adds, dnnl::primitive primitive,
                      const PrimitiveDesc& desc, std::vector<StepArgument> arguments) {
    const std::string implementation = desc.impl_info_str();
    if (!options_.allow_reference && implementation.starts_with("ref")) {
      return absl::FailedPreconditionError(
          absl::StrCat("layer ", name, " has only oneDNN's reference implementation (",
                       implementation, "), which is too slow to serve"));
    }
    AppendStep(name, std::move(primitive), desc.scratchpad_desc(), implementation, multiply_adds,
               std::move(arguments));
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
  int node_ = 0;                        // being compiled
  int segment_last_ = 0;                // of the segment it is in
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
