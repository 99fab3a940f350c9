#include "ops/plan.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/compiled_plan.h"
#include "ops/onednn_runtime.h"

namespace siskin::ops {

absl::StatusOr<std::shared_ptr<const Plan>> Plan::Compile(const Graph& graph,
                                                          const PlanOptions& options,
                                                          std::shared_ptr<PackedWeights> weights) {
  SISKIN_RETURN_IF_ERROR(graph.Validate());
  if (!graph.IsBound()) {
    return absl::InvalidArgumentError(
        absl::StrCat("graph ", graph.name, " has no weights: bind it before compiling a plan"));
  }
  if (options.batch_size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch size must be at least 1, is ", options.batch_size));
  }
  const SingleThreadScope single_thread;
  try {
    SISKIN_ASSIGN_OR_RETURN(CompiledPlan compiled,
                            CompileGraph(graph, options, std::move(weights)));
    return std::shared_ptr<const Plan>(new Plan(std::move(compiled)));
  } catch (const dnnl::error& error) {
    return absl::InternalError(absl::StrCat("oneDNN cannot run graph ", graph.name, " at batch ",
                                            options.batch_size, ": ", error.what()));
  }
}

Plan::Plan(CompiledPlan compiled)
    : compiled_(std::make_unique<const CompiledPlan>(std::move(compiled))) {}

Plan::~Plan() = default;

int Plan::batch_size() const { return compiled_->batch_size; }
const Shape& Plan::input_shape() const { return compiled_->input_shape; }
const Shape& Plan::output_shape() const { return compiled_->output_shape; }
const Shape& Plan::features_shape() const { return compiled_->features_shape; }
size_t Plan::arena_bytes() const { return compiled_->arena_bytes; }

std::vector<Plan::StepInfo> Plan::steps() const {
  std::vector<StepInfo> infos;
  for (const Step& step : compiled_->steps) infos.push_back(step.info);
  return infos;
}

}  // namespace siskin::ops
