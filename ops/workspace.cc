// Binding a plan to memory, and running it there.
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/compiled_plan.h"
#include "ops/onednn_runtime.h"
#include "ops/page_memory.h"
#include "ops/plan.h"

namespace siskin::ops {
Arena::Arena(size_t bytes) : memory_(std::make_unique<PageMemory>(bytes)) {}

Arena::~Arena() = default;

absl::Span<std::byte> Arena::bytes() { return memory_->bytes(); }

// The arguments of every primitive, ready for the C API: executing builds nothing.
struct Workspace::Bindings {
  struct Call {
    const_dnnl_primitive_t primitive;
    std::vector<dnnl_exec_arg_t> arguments;
  };

  dnnl::stream stream;
  std::vector<dnnl::memory> memories;  // owns what the calls point to
  std::vector<Call> calls;             // in order of execution
};

Workspace::Workspace(std::shared_ptr<const Plan> plan, absl::Span<std::byte> arena)
    : plan_(std::move(plan)), arena_(arena), bindings_(std::make_unique<Bindings>()) {
  const CompiledPlan& compiled = *plan_->compiled_;
  bindings_->stream = dnnl::stream(CpuEngine());
  for (const StepRange& range : compiled.ranges) {
    for (int image = 0; image < compiled.batch_size; image += range.micro_batch) {
      for (int i = range.first; i <= range.last; ++i) {
        Bindings::Call call = {compiled.steps[i].primitive.get(), {}};
        for (const StepArgument& argument : compiled.steps[i].arguments) {
          dnnl::memory memory = argument.constant;
          if (argument.buffer >= 0) {
            const Buffer& buffer = compiled.buffers[argument.buffer];
            const size_t skip = buffer.whole_batch ? image * buffer.image_bytes : 0;
            memory = dnnl::memory(argument.desc, CpuEngine(),
                                  arena_.data() + buffer.offset + skip + argument.offset);
          }
          call.arguments.push_back({argument.id, memory.get()});
          bindings_->memories.push_back(std::move(memory));
        }
        bindings_->calls.push_back(std::move(call));
      }
    }
  }
}

Workspace::~Workspace() = default;

absl::Span<float> Workspace::input() {
  const CompiledPlan& compiled = *plan_->compiled_;
  std::byte* data = arena_.data() + compiled.buffers[compiled.input_buffer].offset;
  return {reinterpret_cast<float*>(data),
          static_cast<size_t>(compiled.batch_size * compiled.input_shape.elements())};
}

absl::Span<const float> Workspace::output() const {
  const CompiledPlan& compiled = *plan_->compiled_;
  const std::byte* data = arena_.data() + compiled.buffers[compiled.output_buffer].offset;
  return {reinterpret_cast<const float*>(data),
          static_cast<size_t>(compiled.batch_size * compiled.output_shape.elements())};
}

absl::Span<const float> Workspace::features() const {
  const CompiledPlan& compiled = *plan_->compiled_;
  if (compiled.features_buffer < 0) return {};
  const std::byte* data = arena_.data() + compiled.buffers[compiled.features_buffer].offset;
  return {reinterpret_cast<const float*>(data),
          static_cast<size_t>(compiled.batch_size * compiled.features_shape.elements())};
}

absl::StatusOr<std::unique_ptr<Workspace>> Plan::MakeWorkspace(absl::Span<std::byte> arena) const {
  if (arena.size() < arena_bytes() ||
      reinterpret_cast<uintptr_t>(arena.data()) % kArenaAlignment != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a workspace needs ", arena_bytes(), " bytes aligned to ", kArenaAlignment, ", got ",
        arena.size(), " at address ", reinterpret_cast<uintptr_t>(arena.data())));
  }
  try {
    return std::unique_ptr<Workspace>(new Workspace(shared_from_this(), arena));
  } catch (const dnnl::error& error) {
    return absl::InternalError(absl::StrCat("oneDNN cannot bind a workspace: ", error.what()));
  }
}

absl::Status Plan::Run(Workspace& workspace) const {
  const SingleThreadScope single_thread;
  Workspace::Bindings& bindings = *workspace.bindings_;
  for (const Workspace::Bindings::Call& call : bindings.calls) {
    const dnnl_status_t status =
        dnnl_primitive_execute(call.primitive, bindings.stream.get(),
                               static_cast<int>(call.arguments.size()), call.arguments.data());
    if (status != dnnl_success) {
      return absl::InternalError(absl::StrCat("oneDNN failed to run a primitive, status ", status));
    }
  }
  return absl::OkStatus();
}

}  // namespace siskin::ops
