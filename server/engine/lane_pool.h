// Lanes: executor threads, each on a core of its own, pinned or not, with its own arena.
//
// A lane takes a due batch from the scheduler, lets each task write its image straight into the
// plan's input, runs the plan, and completes each task with its slice of the output. A task whose
// Prepare fails is answered alone. Whatever happens, every task taken is ended exactly once.
// (server/engine/lane.h says how.)
//
// Latency bound: a batch takes as long as its plans; a lane is never shared.
// Thread-safe.
#ifndef SISKIN_SERVER_ENGINE_LANE_POOL_H_
#define SISKIN_SERVER_ENGINE_LANE_POOL_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "server/batching/scheduler.h"
#include "server/engine/loaded_model.h"
#include "server/engine/observer.h"

namespace siskin::engine {

class LanePool {
 public:
  static constexpr int kMaxLanes = 1024;

  struct Options {
    int lanes = 1;          // >= 1
    std::vector<int> cpus;  // lane i is pinned to cpus[i % size]; empty: not pinned
    int give_way = 0;       // steps of base/thread_priority.h; >= 0
  };

  // `scheduler` and `observer` (may be null) outlive the pool. Every queue of `scheduler` has a
  // `const LoadedModel*` as its owner and holds InferenceTasks.
  // INVALID_ARGUMENT: an option out of range; FAILED_PRECONDITION: a cpu that this process may not
  // use; RESOURCE_EXHAUSTED: the system refuses a thread.
  static absl::StatusOr<std::unique_ptr<LanePool>> Start(Options options,
                                                         batching::Scheduler& scheduler,
                                                         BatchObserver* observer);
  // Joins. REQUIRES: scheduler.Drain() was called.
  virtual ~LanePool() = default;

  // Gives every lane workspaces for `model` and runs each plan once in them, on the calling thread,
  // and once more in those of the last lane: returns what the batches cost there.
  // ALREADY_EXISTS if it has them. REQUIRES: called before the model's queue takes its first task.
  virtual absl::StatusOr<batching::CostModel> Prepare(std::shared_ptr<const LoadedModel> model) = 0;
  // Frees them. REQUIRES: the model's queue is removed and its batches are done.
  virtual void Forget(const LoadedModel& model) = 0;

  virtual int lanes() const = 0;
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_LANE_POOL_H_
