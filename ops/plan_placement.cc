#include "ops/plan_placement.h"

#include <algorithm>
#include <vector>

#include "ops/arena_layout.h"

namespace siskin::ops {
namespace {

constexpr size_t kBufferAlignment = 64;  // a cache line and a vector register

// The first and the last step that touch a buffer.
struct Use {
  int first = -1;
  int last = -1;
};

std::vector<Use> UsesOf(const CompiledPlan& plan) {
  std::vector<Use> uses(plan.buffers.size());
  const int count = static_cast<int>(plan.steps.size());
  for (int i = 0; i < count; ++i) {
    for (const StepArgument& argument : plan.steps[i].arguments) {
      if (argument.buffer < 0) continue;
      Use& use = uses[argument.buffer];
      if (use.first < 0) use.first = i;
      use.last = i;
    }
  }
  // Read and written from outside: the input before the first step, the results after the last.
  uses[plan.input_buffer].first = 0;
  for (int result : {plan.output_buffer, plan.features_buffer}) {
    if (result >= 0) uses[result].last = count - 1;
  }
  return uses;
}

const StepRange& RangeOf(const CompiledPlan& plan, int step) {
  return *std::find_if(plan.ranges.begin(), plan.ranges.end(),
                       [step](const StepRange& range) { return step <= range.last; });
}

// Life and size of one buffer. One that holds the whole batch lives through all runs of each range
// that touches it: what the first run wrote must outlast the others, and what the last one reads
// must not be overwritten by the runs before.
BufferLife LifeOf(const CompiledPlan& plan, Buffer& buffer, const Use& use) {
  const StepRange& first = RangeOf(plan, use.first);
  const StepRange& last = RangeOf(plan, use.last);
  if (&first != &last) buffer.whole_batch = true;
  if (!buffer.whole_batch) {
    return {buffer.image_bytes * first.micro_batch + buffer.fixed_bytes, use.first, use.last};
  }
  return {buffer.image_bytes * plan.batch_size + buffer.fixed_bytes, first.first, last.last};
}

}  // namespace

void PlaceInArena(CompiledPlan& plan) {
  const std::vector<Use> uses = UsesOf(plan);
  std::vector<BufferLife> lives;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    lives.push_back(LifeOf(plan, plan.buffers[i], uses[i]));
  }
  const ArenaLayout layout = PlaceBuffers(lives, kBufferAlignment);
  for (size_t i = 0; i < plan.buffers.size(); ++i) plan.buffers[i].offset = layout.offsets[i];
  plan.arena_bytes = layout.bytes;
}

}  // namespace siskin::ops
