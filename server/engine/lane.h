// What one lane does with a batch. Private to the engine; LanePool gives it a thread.
//
// A batch is cut into chunks the size of plans, largest first. Each chunk is prepared, run and
// answered before the next one begins, so that its tasks do not wait for the rest of the batch.
// A task whose Prepare fails leaves its place to the next task. If tasks run out before a chunk is
// full, it runs as the smallest plan that holds it.
//
// Reported times: `prepare` is the task's own; `compute` and `batch_size` are those of the plan's
// run that the task was in.
#ifndef SISKIN_SERVER_ENGINE_LANE_H_
#define SISKIN_SERVER_ENGINE_LANE_H_

#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "server/batching/scheduler.h"
#include "server/engine/inference_task.h"
#include "server/engine/loaded_model.h"
#include "server/engine/observer.h"

namespace siskin::engine {

// The memory a lane runs one model in: a workspace per plan, which take turns in one arena.
class LaneModel {
 public:
  // Runs each plan once, so that nothing is allocated or faulted in later.
  static absl::StatusOr<std::unique_ptr<LaneModel>> Make(std::shared_ptr<const LoadedModel> model);

  // Runs each plan a few times more: what its batches cost, undisturbed.
  absl::StatusOr<std::vector<batching::BatchCost>> Measure(Clock& clock);

  const LoadedModel& model() const { return *model_; }
  const ops::Plan& plan(size_t index) const { return *model_->plans()[index]; }
  ops::Workspace& workspace(size_t index) { return *workspaces_[index]; }

  // Of model().plans(): the largest for at most `images`, the smallest for at least `images`.
  // REQUIRES: images >= 1; for the latter, the largest plan holds them.
  size_t LargestPlanWithin(size_t images) const;
  size_t SmallestPlanFor(size_t images) const;

 private:
  explicit LaneModel(std::shared_ptr<const LoadedModel> model);

  std::shared_ptr<const LoadedModel> model_;
  ops::Arena arena_;
  // One for each of model_->plans(). Behind the arena, for they end before the memory that they
  // point into.
  std::vector<std::unique_ptr<ops::Workspace>> workspaces_;
};

// Thread-safe, but for Run, which is one thread's.
class Lane {
 public:
  // The `index`th, for the observer. Both outlive the lane; `observer` may be null.
  Lane(int index, batching::Scheduler& scheduler, BatchObserver* observer);
  virtual ~Lane() = default;

  bool Has(const LoadedModel& model) const;
  void Add(std::unique_ptr<LaneModel> model);
  void Remove(const LoadedModel& model);

  // Serves batches until the scheduler has drained.
  void Run();

 protected:
  // Runs the network: a seam for tests, which have no network that fails or takes a known time.
  virtual absl::Status Compute(const ops::Plan& plan, ops::Workspace& workspace);

 private:
  struct Slot {  // an image in the input of the plan that will run next
    std::unique_ptr<InferenceTask> task;
    absl::Duration prepare;
  };
  struct Totals {  // over a batch
    int images = 0;
    absl::Duration compute;
  };
  using Tasks = absl::Span<std::unique_ptr<batching::Task>>;

  void RunBatch(batching::Batch& batch);
  size_t RunChunk(LaneModel& model, batching::BatchQueue& queue, Tasks waiting, Totals& totals);
  size_t Fill(ops::Workspace& workspace, const ops::Plan& plan, Tasks waiting);
  size_t MoveToPlan(LaneModel& model, size_t prepared_for);
  void CompleteAll(const absl::Status& status, const ops::Plan& plan,
                   const ops::Workspace& workspace, absl::Duration compute);
  std::shared_ptr<LaneModel> Find(const void* owner) const;

  const int index_;
  batching::Scheduler& scheduler_;
  Clock& clock_;
  BatchObserver* const observer_;

  // Of the thread in Run. `slots_` is a member to reuse its memory: empty between chunks, and never
  // larger than a plan's batch.
  std::vector<Slot> slots_;
  MonotonicTime taken_;  // when the batch in work left its queue

  mutable absl::Mutex mu_;  // never held while anything is computed
  // By the LoadedModel. Shared with the batch in work, so that Remove never frees what it runs in.
  std::map<const void*, std::shared_ptr<LaneModel>> models_ ABSL_GUARDED_BY(mu_);
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_LANE_H_
