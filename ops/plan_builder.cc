#include "ops/plan_builder.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/onednn_runtime.h"

namespace siskin::ops {
namespace {

using Tag = dnnl::memory::format_tag;

// Layouts a value may have. All keep images apart, so that a run over some images of a batch is a
// pointer into it.
constexpr Tag kValueLayouts[] = {Tag::nchw, Tag::nChw16c, Tag::nChw8c, Tag::nhwc, Tag::nChw4c};

// Channels that are stored together: a view begins and ends between such blocks.
int BlockOf(Tag layout) {
  switch (layout) {
    case Tag::nChw16c:
      return 16;
    case Tag::nChw8c:
      return 8;
    case Tag::nChw4c:
      return 4;
    default:
      return 1;
  }
}

constexpr int64_t kDefaultCacheBytes = int64_t{1} << 20;

int64_t CacheBytes(const PlanOptions& options) {
  if (options.cache_bytes > 0) return options.cache_bytes;
  const long detected = sysconf(_SC_LEVEL2_CACHE_SIZE);  // 0 or -1 where the kernel hides it
  return detected > 0 ? detected : kDefaultCacheBytes;
}

// A vector is the same memory in all of these layouts, unless it is padded.
bool SameVector(const Shape& shape, Tag a, Tag b) {
  return shape.height == 1 && shape.width == 1 && shape.channels % BlockOf(a) == 0 &&
         shape.channels % BlockOf(b) == 0;
}

}  // namespace

PlanBuilder::PlanBuilder(const Graph& graph, const PlanOptions& options,
                         std::shared_ptr<PackedWeights> weights)
    : graph_(graph),
      options_(options),
      cpu_(options.cpu.value_or(DetectCpuTraits())),
      cache_bytes_(CacheBytes(options)),
      layouts_(graph, cache_bytes_, cpu_),
      values_(graph.nodes.size()) {
  plan_.batch_size = options.batch_size;
  plan_.input_shape = graph.input_shape();
  plan_.output_shape = graph.output_shape();
  plan_.weights = std::move(weights);
}

PlanBuilder::Desc PlanBuilder::DescOf(const Shape& shape, const Value& value) const {
  // Within one image, only channels-last layouts put something between the channels of a view.
  // Where the view begins is told by the step's argument, not here: so a view without gaps has the
  // descriptor of a value with memory of its own, and is taken wherever one is.
  const bool apart = value.is_view() && (micro_batch_ > 1 || value.layout == Tag::nhwc);
  if (!apart) return Desc(DimsOf(shape), kF32, value.layout);
  const Shape whole = {value.channels_of, shape.height, shape.width};
  return Desc(DimsOf(whole), kF32, value.layout).submemory_desc(DimsOf(shape), {0, 0, 0, 0});
}

int PlanBuilder::NewBuffer(size_t image_bytes, size_t fixed_bytes) {
  plan_.buffers.push_back({.image_bytes = image_bytes, .fixed_bytes = fixed_bytes});
  return static_cast<int>(plan_.buffers.size()) - 1;
}

absl::StatusOr<PlanBuilder::Value> PlanBuilder::NewValue(const Shape& shape, const Desc& desc) {
  for (Tag tag : kValueLayouts) {
    if (Desc(DimsOf(shape), kF32, tag) == desc) return NewValue(shape, tag);
  }
  return absl::InternalError(absl::StrCat("oneDNN chose a layout for ", graph_.nodes[node_].name,
                                          " that a plan cannot cut into images"));
}

PlanBuilder::Value PlanBuilder::NewValue(const Shape& shape, Tag layout) {
  const size_t bytes = Desc(DimsOf(shape), kF32, layout).get_size();
  return {.layout = layout, .buffer = NewBuffer(bytes / micro_batch_)};
}

std::optional<PlanBuilder::Value> PlanBuilder::ViewOf(const Value& value, const Shape& shape,
                                                      int first, int count) {
  const int block = BlockOf(value.layout);
  if (first % block != 0 || count % block != 0) return std::nullopt;
  Value view = value;
  if (!value.is_view()) view.channels_of = shape.channels;
  const int64_t pixels = value.layout == Tag::nhwc ? 1 : int64_t{shape.height} * shape.width;
  view.offset += first * pixels * sizeof(float);
  return view;
}

absl::StatusOr<PlanBuilder::Value> PlanBuilder::InLayout(ValueId id, const Desc& wanted) {
  if (DescOf(id) == wanted) return values_[id];
  for (Tag tag : kValueLayouts) {
    if (Desc(DimsOf(id), kF32, tag) != wanted) continue;
    // A view is not relabelled: the distance between its images is that of the wider value, which
    // one layout may pad to whole blocks and the other not.
    if (!values_[id].is_view() && SameVector(ShapeOf(id), values_[id].layout, tag)) {
      values_[id].layout = tag;
      return values_[id];
    }
    const Value moved = NewValue(ShapeOf(id), tag);
    Copy(id, moved);
    values_[id] = moved;
    return moved;
  }
  return absl::InternalError(absl::StrCat("oneDNN wants ", graph_.nodes[id].name,
                                          " in a layout that a plan cannot cut into images"));
}

PlanBuilder::Desc PlanBuilder::RowsOf(const Shape& shape, const Value& view,
                                      int64_t first_stride) const {
  const int64_t pixels = int64_t{shape.height} * shape.width;
  if (view.layout == Tag::nhwc) {
    return Desc({1, micro_batch_ * pixels, shape.channels}, kF32,
                Dims{first_stride, view.channels_of, 1});
  }
  const Shape whole = {view.channels_of, shape.height, shape.width};
  const int64_t image_bytes = Desc(DimsOf(whole), kF32, view.layout).get_size() / micro_batch_;
  return Desc({1, micro_batch_, shape.elements()}, kF32,
              Dims{first_stride, image_bytes / int64_t{sizeof(float)}, 1});
}

void PlanBuilder::Copy(ValueId id, const Value& to) {
  Desc from_desc = DescOf(id), to_desc = DescOf(ShapeOf(id), to);
  // oneDNN 3.7 copies between equal layouts as if these had no gaps
  // (github.com/uxlfoundation/oneDNN/issues/3280). Those of RowsOf are not equal. Of one channel,
  // plain and channels last are equal, but have other rows.
  const bool same_layout = values_[id].layout == to.layout && from_desc == to_desc;
  if (values_[id].is_view() && to.is_view() && same_layout) {
    from_desc = RowsOf(ShapeOf(id), values_[id], 1);
    to_desc = RowsOf(ShapeOf(id), to, 2);
  }
  const dnnl::reorder::primitive_desc primitive(CpuEngine(), from_desc, CpuEngine(), to_desc,
                                                UserScratchpad());
  AppendStep(
      {absl::StrCat("reorder ", graph_.nodes[id].name), primitive.impl_info_str(), micro_batch_, 0},
      dnnl::reorder(primitive), primitive.scratchpad_desc(),
      {InBuffer(DNNL_ARG_FROM, from_desc, values_[id]), InBuffer(DNNL_ARG_TO, to_desc, to)});
}

absl::Status PlanBuilder::MaterializeLayout(ValueId id) {
  return InLayout(id, Desc(DimsOf(id), kF32, values_[id].layout)).status();
}

absl::Status PlanBuilder::MaterializeCopy(ValueId id) {
  if (!values_[id].is_view()) return absl::OkStatus();
  const Value own = NewValue(ShapeOf(id), values_[id].layout);
  Copy(id, own);
  values_[id] = own;
  return absl::OkStatus();
}

PlanBuilder::Value PlanBuilder::ConcatValue(ValueId concat) {
  if (values_[concat].buffer < 0) {
    values_[concat] = NewValue(ShapeOf(concat), layouts_.ForConcat(concat));
  }
  return values_[concat];
}

std::optional<PlanBuilder::Value> PlanBuilder::PlaceInConcat() {
  const std::vector<int> readers = graph_.Consumers(node_);
  if (readers.size() != 1 || !std::holds_alternative<Concat>(graph_.nodes[readers[0]].op)) {
    return std::nullopt;
  }
  int first = 0;
  for (ValueId operand : graph_.nodes[readers[0]].inputs) {
    if (operand == node_) break;
    first += ShapeOf(operand).channels;
  }
  return ViewOf(ConcatValue(readers[0]), ShapeOf(readers[0]), first, node().shape.channels);
}

bool PlanBuilder::IsLastUse(ValueId id) const {
  const Op& op = graph_.nodes[id].op;
  // The pooled features are an answer, which a workspace reads after the run.
  const bool is_kept = std::holds_alternative<Input>(op) || id == graph_.Features();
  if (is_kept || IsView(op) || values_[id].is_view()) return false;
  // A reader that is a view has no memory of its own: what reads it later reads `id`.
  const std::vector<int> readers = graph_.Consumers(id);
  return std::all_of(readers.begin(), readers.end(), [this](int reader) {
    return reader <= node_ && !IsView(graph_.nodes[reader].op);
  });
}

// Scratch memory that lies in the arena: a primitive with memory of its own could not be run by two
// lanes at once.
dnnl::primitive_attr PlanBuilder::UserScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

absl::Status PlanBuilder::OnlyReference(const std::string& name,
                                        const std::string& implementation) {
  return absl::FailedPreconditionError(
      absl::StrCat("layer ", name, " has only oneDNN's reference implementation (", implementation,
                   "), which is too slow to serve"));
}

void PlanBuilder::AppendStep(Plan::StepInfo info, dnnl::primitive primitive, const Desc& scratchpad,
                             std::vector<StepArgument> arguments) {
  // Used by this step alone, so that the arena gives its memory to the next one.
  if (scratchpad.get_size() > 0) {
    arguments.push_back({.id = DNNL_ARG_SCRATCHPAD,
                         .desc = scratchpad,
                         .buffer = NewBuffer(0, scratchpad.get_size()),
                         .constant = {}});
  }
  plan_.steps.push_back({std::move(primitive), std::move(arguments), std::move(info)});
}

}  // namespace siskin::ops
