// What emitting any step of a plan takes: values in buffers, changes of layout, steps. Private to
// ops; the steps themselves are in ops/convolution_compiler.h and ops/plan_compiler.cc.
#ifndef SISKIN_OPS_PLAN_BUILDER_H_
#define SISKIN_OPS_PLAN_BUILDER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/compiled_plan.h"
#include "ops/cpu_traits.h"
#include "ops/graph.h"
#include "ops/kernel_policy.h"
#include "ops/layout_policy.h"
#include "ops/onednn_api.h"

namespace siskin::ops {

class PlanBuilder {
 protected:
  using Desc = onednn::Desc;
  using Dims = onednn::Dims;
  using Tag = dnnl::memory::format_tag;
  static constexpr auto kF32 = dnnl::memory::data_type::f32;

  // Where a value is and how it is laid out. A view is some channels of a wider value. There is no
  // descriptor here: each segment has its own, for its number of images.
  struct Value {
    Tag layout = Tag::undef;
    int buffer = -1;
    // Bytes from the start of an image in the buffer.
    size_t offset = 0;
    // Of a view, also of a view of a view: the channels of the value that owns the memory; else 0.
    int channels_of = 0;

    bool is_view() const { return channels_of != 0; }
  };

  PlanBuilder(const Graph& graph, const PlanOptions& options,
              std::shared_ptr<PackedWeights> weights);

  // --- values. Those of nodes are in `values_`, of shape `ShapeOf`, for `micro_batch_` images.

  const Shape& ShapeOf(ValueId id) const { return graph_.nodes[id].shape; }
  Dims DimsOf(ValueId id) const { return DimsOf(ShapeOf(id)); }
  Dims DimsOf(const Shape& shape) const {
    return {micro_batch_, shape.channels, shape.height, shape.width};
  }
  Desc DescOf(ValueId id) const { return DescOf(ShapeOf(id), values_[id]); }
  Desc DescOf(const Shape& shape, const Value& value) const;
  Desc Plain(ValueId id) const { return Desc(DimsOf(id), kF32, Tag::nchw); }
  static Desc AnyLayout(const Dims& dims) { return Desc(dims, kF32, Tag::any); }

  const Node& node() const { return graph_.nodes[node_]; }
  const Op& op() const { return node().op; }
  ValueId source() const { return node().inputs[0]; }

  int NewBuffer(size_t image_bytes, size_t fixed_bytes = 0);
  // A new buffer for a value of the layout that oneDNN chose.
  absl::StatusOr<Value> NewValue(const Shape& shape, const Desc& desc);
  Value NewValue(const Shape& shape, Tag layout);
  // Channels [first, first + count) of a value; nullopt where they are no whole blocks of its
  // layout.
  static std::optional<Value> ViewOf(const Value& value, const Shape& shape, int first, int count);

  // `id` in the layout of `wanted`, through a reorder if need be. The value moves: later nodes read
  // the copy, views made before keep the memory that it was copied from.
  absl::StatusOr<Value> InLayout(ValueId id, const Desc& wanted);
  // The memory of a view as [1, rows, floats a row]: a row is what is stored together. Nothing is
  // reached by the first stride, so any will do: two that differ make two descriptors unequal.
  Desc RowsOf(const Shape& shape, const Value& view, int64_t first_stride) const;
  // A step that copies `id` to `to`, whatever the layouts.
  void Copy(ValueId id, const Value& to);

  // Copies a view that has gaps, which few primitives read: between pixels with channels last, else
  // between images. The value may move, so its descriptor is to be taken afterwards.
  absl::Status MaterializeLayout(ValueId id);
  // Copies any view, whose memory is also that of the wider value: for a value that is going to be
  // overwritten, or read from the start of its buffer.
  absl::Status MaterializeCopy(ValueId id);

  // The memory of a concatenation: made for the first operand that is written into it, so that this
  // may happen long before the concatenation itself is compiled.
  Value ConcatValue(ValueId concat);
  // Where in a concatenation the value of the node being compiled belongs; nullopt unless that is
  // its only reader. Another one would have to read a view, or move the value away from there.
  std::optional<Value> PlaceInConcat();

  // True if the node being compiled is the last to need `id`, so that it may overwrite it.
  bool IsLastUse(ValueId id) const;

  // --- steps

  static dnnl::primitive_attr UserScratchpad();
  // What `make` returns, or nothing where oneDNN has no such primitive or only a slow one.
  template <typename Make>
  static auto IfAccepted(const Make& make) -> std::optional<decltype(make())> {
    try {
      auto primitive = make();
      if (!IsReference(primitive.impl_info_str())) return primitive;
    } catch (const dnnl::error&) {
    }
    return std::nullopt;
  }
  static StepArgument InBuffer(int id, const Desc& desc, const Value& value) {
    return {.id = id, .desc = desc, .buffer = value.buffer, .offset = value.offset, .constant = {}};
  }
  StepArgument Constant(int id, const Parameter& parameter, const Desc& plain, const Desc& wanted) {
    return {.id = id, .desc = wanted, .constant = plan_.weights->Get(parameter, plain, wanted)};
  }

  // A step of node `name`. FAILED_PRECONDITION if there is only a reference implementation, unless
  // the plan may have those.
  template <typename PrimitiveDesc>
  absl::Status Append(const std::string& name, int64_t multiply_adds, dnnl::primitive primitive,
                      const PrimitiveDesc& desc, std::vector<StepArgument> arguments) {
    const std::string implementation = desc.impl_info_str();
    if (IsReference(implementation) && !options_.allow_reference) {
      return OnlyReference(name, implementation);
    }
    AppendStep({name, implementation, micro_batch_, multiply_adds}, std::move(primitive),
               desc.scratchpad_desc(), std::move(arguments));
    return absl::OkStatus();
  }

  const Graph& graph_;
  const PlanOptions& options_;
  const CpuTraits cpu_;
  const int64_t cache_bytes_;
  const LayoutPolicy layouts_;
  CompiledPlan plan_;
  std::vector<Value> values_;  // by ValueId
  int node_ = 0;               // being compiled
  int micro_batch_ = 1;        // of the segment being compiled
  int segment_last_ = 0;       // its last node

 private:
  static absl::Status OnlyReference(const std::string& name, const std::string& implementation);
  void AppendStep(Plan::StepInfo info, dnnl::primitive primitive, const Desc& scratchpad,
                  std::vector<StepArgument> arguments);
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_PLAN_BUILDER_H_
