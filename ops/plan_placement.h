// Where each buffer of a plan lies in the arena. Private to ops.
#ifndef SISKIN_OPS_PLAN_PLACEMENT_H_
#define SISKIN_OPS_PLAN_PLACEMENT_H_

#include "ops/compiled_plan.h"

namespace siskin::ops {

// Sets the offsets and `whole_batch` of all buffers, and the arena's size, by the lives of the
// buffers in the plan's steps. The input lives from the start, the results to the end.
// REQUIRES: the plan has steps.
void PlaceInArena(CompiledPlan& plan);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_PLAN_PLACEMENT_H_
