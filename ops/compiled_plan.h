// The inside of a Plan: steps over buffers, as the compiler leaves them and workspaces bind them.
// Private to ops.
#ifndef SISKIN_OPS_COMPILED_PLAN_H_
#define SISKIN_OPS_COMPILED_PLAN_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/onednn_api.h"
#include "ops/packed_weights.h"
#include "ops/plan.h"

namespace siskin::ops {

// Memory in the arena. A buffer used in one segment only holds one micro-batch and is reused by
// each of its runs; one that crosses segments holds the whole batch, image after image.
struct Buffer {
  size_t image_bytes = 0;  // per image; 0 for scratch memory
  size_t fixed_bytes = 0;  // independent of the batch
  bool whole_batch = false;
  size_t offset = 0;  // in the arena
};

struct StepArgument {
  int id = 0;  // DNNL_ARG_...
  onednn::Desc desc;
  int buffer = -1;        // -1: `constant`
  size_t offset = 0;      // bytes from the start of an image in the buffer
  dnnl::memory constant;  // weights
};

struct Step {
  dnnl::primitive primitive;
  std::vector<StepArgument> arguments;
  Plan::StepInfo info;
};

// Steps [first, last] run batch / micro_batch times.
struct StepRange {
  int first = 0;
  int last = 0;
  int micro_batch = 1;
};

struct CompiledPlan {
  int batch_size = 1;
  Shape input_shape;
  Shape output_shape;
  Shape features_shape;
  std::vector<Step> steps;
  std::vector<StepRange> ranges;
  std::vector<Buffer> buffers;
  int input_buffer = -1;
  int output_buffer = -1;
  int features_buffer = -1;  // -1: the network has no pooled features
  size_t arena_bytes = 0;
  std::shared_ptr<PackedWeights> weights;  // keeps every constant alive
};

// Throws dnnl::error; see Plan::Compile for the statuses.
absl::StatusOr<CompiledPlan> CompileGraph(const Graph& graph, const PlanOptions& options,
                                          std::shared_ptr<PackedWeights> weights);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_COMPILED_PLAN_H_
